"""``engine: all``: run a command once for each of this host's engines that is ours, and merge the answers."""

import json
from collections.abc import Callable
from typing import Any

from provisioner import secrets
from provisioner.checks import failure
from provisioner.cli.commands import Answer
from provisioner.cli.conversation import say
from provisioner.cli.options import Arguments
from provisioner.engine import discovery, endpoints
from provisioner.errors import NoEngineError, PartlyError, ProvisionerError, UsageError
from provisioner.host import System

FORMATS = ("text", "json")
# How the documents of several engines become one: each object of these lists names its engine …
OBJECTS = {
    "check": ("differences", "unknown", "as_wanted", "apply"),
    "plan": ("changes", "left_over"),
    "apply": ("changes", "left", "put_off"),
}
# … and these lists hold every sentence or name of any engine once. Any other field is the first engine's.
WORDS = {"check": ("notes",), "plan": ("notes",), "apply": ("missing",)}


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
        except (ProvisionerError, OSError) as e:
            for host, answer in told:
                say(f"{host}:\n{answer.text}" if args.format == "text" else f"{host}: status {answer.status}")
            if changed := [host for host, answer in told if answer.changed]:
                raise _partly(daemon.where.host, e, changed) from e
            if isinstance(e, ProvisionerError):
                e.message = f"{daemon.where.host}: {e.message}"
            raise
    status = max(answer.status for _, answer in told)
    if args.format == "json" and all(answer.text for _, answer in told):  # --quiet prints nothing
        return Answer(json.dumps(_together(told, status), indent=2), status)
    return Answer("\n\n".join(f"{secrets.text(host)}:\n{answer.text}" for host, answer in told if answer.text), status)


def _partly(host: str, error: ProvisionerError | OSError, changed: list[str]) -> PartlyError:
    """Return the error for an engine that failed after others were changed."""
    found = failure.of(error)
    message = f"{host}: {found.message}. What was changed stays as it is now: {', '.join(changed)}"
    return PartlyError(message, hint=found.hint)


def _together(told: list[tuple[str, Answer]], status: int) -> dict[str, Any]:
    """Merge the documents. The first engine's document is the base."""
    documents = [(host, json.loads(answer.text)) for host, answer in told]
    worst = next(
        document for (_, answer), (_, document) in zip(told, documents, strict=True) if answer.status == status
    )
    merged: dict[str, Any] = {**documents[0][1], "status": worst["status"], "exit_status": status}
    command = merged["command"]
    for key in OBJECTS[command]:
        merged[key] = [{"engine": host, **item} for host, document in documents for item in document.get(key, ())]
    for key in WORDS[command]:
        merged[key] = list(dict.fromkeys(word for _, document in documents for word in document.get(key, ())))
    if "changed" in merged:
        merged["changed"] = any(answer.changed for _, answer in told)
    merged["engines"] = [
        {"endpoint": host, "status": d["status"], "receipt": d.get("receipt"), "proof": d.get("proof")}
        for host, d in documents
    ]
    return merged
