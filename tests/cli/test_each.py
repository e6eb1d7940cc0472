"""One command for all engines of a host: what is refused, and how the answers become one."""

import json
from pathlib import Path

import pytest

from provisioner.checks import schemas
from provisioner.cli.commands import Answer, each
from provisioner.cli.options import Arguments
from provisioner.errors import CommandError, Exit, NoEngineError, ProvisionerError, RolledBackError, UsageError
from provisioner.host import System
from tests.helpers import recorded

INFO = {"ServerVersion": "28.5.2", "Driver": "overlay2", "OSType": "linux", "Architecture": "x86_64"}


def answer(_: System, args: Arguments) -> Answer:
    """A command that says which engine it was asked about."""
    document = {
        "command": "apply",
        "status": "ok",
        "exit_status": 5,
        "changed": bool(args.suffix),
        "changes": [{"resource": "builder"}],
        "left": [],
        "missing": ["web"],
    }
    text = json.dumps(document) if args.format == "json" else f"as {args.suffix or 'it is'}"
    return Answer(text, 5 if args.suffix else 0, changed=bool(args.suffix))


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
    assert (document["exit_status"], document["changed"], document["missing"]) == (5, True, ["web"])
    assert [c["engine"] for c in document["changes"]] == [first, second]
    assert [e["endpoint"] for e in document["engines"]] == [first, second]


def test_a_check_of_every_engine_that_is_to_be_quiet_prints_nothing(tmp_path: Path) -> None:
    with recorded.engine(tmp_path / "var/run/docker.sock", {"/info": INFO}):
        said = each.run(lambda *_: Answer("", Exit.DRIFT), engines(tmp_path), Arguments(format="json"))
    assert said == Answer("", Exit.DRIFT)


@pytest.mark.parametrize("command", each.OBJECTS)
def test_every_list_of_a_document_has_its_way_into_the_one_document(command: str) -> None:
    """A new list in a schema wants a row in one of the two tables, or is the first engine's by a decision."""
    lists = {key: shape for key, shape in schemas.DOCUMENTS[command][1].items() if shape.get("type") == "array"}
    objects = {key for key, shape in lists.items() if shape["items"].get("type") == "object"}
    assert objects - {"platforms"} == set(each.OBJECTS[command])
    assert set(lists) - objects - {"repair"} == set(each.WORDS[command])  # the host's, and the configuration's


@pytest.mark.parametrize(
    ("changed", "error", "status"),
    [
        (False, CommandError("no room"), Exit.FAILED),
        (True, CommandError("no room"), Exit.PARTLY),
        (True, RolledBackError("no room"), Exit.PARTLY),
        (True, OSError(28, "no room"), Exit.PARTLY),
    ],
)
def test_what_was_done_is_told_although_the_next_engine_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], changed: bool, error: Exception, status: int
) -> None:
    def fails(host: System, args: Arguments) -> Answer:
        if args.suffix:
            raise error
        return answer(host, args)._replace(changed=changed)

    host = engines(tmp_path)
    snap = {**INFO, "DockerRootDir": "/var/snap/docker/common/var-lib-docker"}
    with (
        recorded.engine(tmp_path / "var/run/docker.sock", {"/info": INFO}),
        recorded.engine(tmp_path / "var/snap/docker/common/run/docker.sock", {"/info": snap}),
        pytest.raises(ProvisionerError) as raised,
    ):
        each.run(fails, host, Arguments(format="text"))
    assert raised.value.message.startswith("unix:///var/snap/docker/common/run/docker.sock: ")
    assert "no room" in raised.value.message
    assert raised.value.status == status
    assert ("stays as it is now: unix:///var/run/docker.sock" in raised.value.message) is changed
    assert capsys.readouterr().err == "unix:///var/run/docker.sock:\nas it is\n"


def test_a_format_of_one_engine_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="tells of one engine"):
        each.run(answer, engines(tmp_path), Arguments(format="nagios"))


def test_a_host_without_an_engine_of_ours_says_so(tmp_path: Path) -> None:
    with pytest.raises(NoEngineError, match="no engine of this host is ours"):
        each.run(answer, engines(tmp_path), Arguments(format="text"))
