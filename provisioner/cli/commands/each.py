"""``engine: all``: run a command once for each of this host's engines that is ours, and merge the answers."""

import json
from collections.abc import Callable
from typing import Any

from provisioner.cli.commands import Answer
from provisioner.cli.conversation import say
from provisioner.cli.options import Arguments
from provisioner.engine import discovery, endpoints
from provisioner.errors import NoEngineError, ProvisionerError, UsageError
from provisioner.host import System

FORMATS = ("text", "json")


def run(command: Callable[[System, Arguments], Answer], system: System, args: Arguments) -> Answer:
    """Run the command for each engine, starting with the default one.

    The default engine keeps the builder's name. For any other engine, its kind is appended to the name.
    """
    if args.format not in FORMATS:
        raise UsageError(f"--format {args.format} tells of one engine", hint="name one: --host ADDRESS")
    counting = endpoints.endpoint(system)
    found = discovery.ours(system, counting)
    if not found:
        raise NoEngineError("no engine of this host is ours to provision", hint="see `provisioner detect`")
    told = []
    for daemon in found:
        suffix = "" if daemon is found[0] else f"-{daemon.kind.name}"
        more: dict[str, Any] = {"host": daemon.where.host, "context": None, "suffix": suffix}
        if suffix and "record" in vars(args):
            more |= {"record": False, "textfile_dir": None}  # there is one record, for the default engine
        try:
            told.append((daemon.where.host, command(system, Arguments(**{**vars(args), **more}))))
        except ProvisionerError as e:
            for host, answer in told:  # changes on these engines stay in place
                say(f"{host}:\n{answer.text}" if args.format == "text" else f"{host}: status {answer.status}")
            e.message = f"{daemon.where.host}: {e.message}"
            raise
    status = max(answer.status for _, answer in told)
    if args.format == "json" and all(answer.text for _, answer in told):  # --quiet prints nothing
        return Answer(json.dumps(_together(told, status), indent=2), status)
    return Answer("\n\n".join(f"{host}:\n{answer.text}" for host, answer in told if answer.text), status)


def _together(told: list[tuple[str, Answer]], status: int) -> dict[str, Any]:
    """Merge the documents. The first engine's document is the base.

    Lists contain the items of all engines, and each object in a list names its engine.
    """
    documents = [(host, json.loads(answer.text)) for host, answer in told]
    worst = next(
        document for (_, answer), (_, document) in zip(told, documents, strict=True) if answer.status == status
    )
    merged: dict[str, Any] = {**documents[0][1], "status": worst["status"], "exit_status": status}
    for key, value in documents[0][1].items():
        if isinstance(value, list):
            merged[key] = []
            for host, document in documents:
                for item in document[key]:
                    item = {**item, "engine": host} if isinstance(item, dict) else item
                    if item not in merged[key]:
                        merged[key].append(item)
        elif key == "changed":
            merged[key] = any(document[key] for _, document in documents)
    merged["engines"] = [
        {"endpoint": host, "status": d["status"], "receipt": d.get("receipt"), "proof": d.get("proof")}
        for host, d in documents
    ]
    return merged
