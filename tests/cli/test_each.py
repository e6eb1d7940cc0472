"""One command for all engines of a host: what is refused, and how the answers become one."""

import json
from pathlib import Path

import pytest

from provisioner.cli.commands import Answer, each
from provisioner.cli.options import Arguments
from provisioner.errors import CommandError, NoEngineError, UsageError
from provisioner.host import System
from tests.helpers import recorded

INFO = {"ServerVersion": "28.5.2", "Driver": "overlay2", "OSType": "linux", "Architecture": "x86_64"}


def answer(_: System, args: Arguments) -> Answer:
    """A command that says which engine it was asked about."""
    document = {
        "status": "ok",
        "exit_status": 5,
        "changed": bool(args.suffix),
        "changes": [{"resource": "builder"}],
        "notes": ["same"],
    }
    return Answer(
        json.dumps(document) if args.format == "json" else f"as {args.suffix or 'it is'}", 5 if args.suffix else 0
    )


def engines(tmp_path: Path) -> System:
    """A host of root's with two sockets to answer at."""
    host = System(str(tmp_path), {})
    host.uid = 0
    return host


def test_each_engine_that_is_ours_answers_and_the_worst_status_counts(tmp_path: Path) -> None:
    host = engines(tmp_path)
    snap = {**INFO, "DockerRootDir": "/var/snap/docker/common/var-lib-docker"}
    with (
        recorded.engine(tmp_path / "var/run/docker.sock", {"/info": INFO}),
        recorded.engine(tmp_path / "var/snap/docker/common/run/docker.sock", {"/info": snap}),
    ):
        text = each.run(answer, host, Arguments(format="text"))
        told = each.run(answer, host, Arguments(format="json"))
    first, second = "unix:///var/run/docker.sock", "unix:///var/snap/docker/common/run/docker.sock"
    assert text == Answer(f"{first}:\nas it is\n\n{second}:\nas -snap", 5)
    document = json.loads(told.text)
    assert (document["exit_status"], document["changed"], document["notes"]) == (5, True, ["same"])
    assert [c["engine"] for c in document["changes"]] == [first, second]
    assert [e["endpoint"] for e in document["engines"]] == [first, second]


def test_what_was_done_is_told_although_the_next_engine_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def fails(host: System, args: Arguments) -> Answer:
        if args.suffix:
            raise CommandError("no room")
        return answer(host, args)

    host = engines(tmp_path)
    snap = {**INFO, "DockerRootDir": "/var/snap/docker/common/var-lib-docker"}
    with (
        recorded.engine(tmp_path / "var/run/docker.sock", {"/info": INFO}),
        recorded.engine(tmp_path / "var/snap/docker/common/run/docker.sock", {"/info": snap}),
        pytest.raises(CommandError) as raised,
    ):
        each.run(fails, host, Arguments(format="text"))
    assert raised.value.message == "unix:///var/snap/docker/common/run/docker.sock: no room"
    assert capsys.readouterr().err == "unix:///var/run/docker.sock:\nas it is\n"


def test_a_format_of_one_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tells of one engine"):
        each.run(answer, engines(tmp_path), Arguments(format="nagios"))


def test_a_host_without_an_engine_of_ours_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoEngineError, match="no engine of this host is ours"):
        each.run(answer, engines(tmp_path), Arguments(format="text"))
