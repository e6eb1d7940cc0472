"""Every command answers with one document, whatever has happened."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from provisioner.checks import failure, schemas
from provisioner.cli import commandline
from provisioner.errors import NOT_RUNNING, ConfigError, NoEngineError, RollbackFailedError, RolledBackError
from provisioner.host import System
from tests.helpers import documents

CHECKOUT = Path(__file__).parents[2]


# Root's lock and state lie below these folders, and a test must leave the machine's own alone.
ALONE = 'mount -t tmpfs none /run && mount -t tmpfs none /var/lib && exec "$@"'


def run(*argv: str, **environ: str) -> tuple[int, str, str]:
    env = {"PYTHONPATH": str(CHECKOUT), "HOME": "/", "DOCKER_HOST": "unix:///no/such.sock", **environ}
    command: tuple[str, ...] = (sys.executable, "-m", "provisioner", *argv)
    if os.geteuid() == 0:
        command = ("/usr/bin/unshare", "--mount", "/bin/sh", "-c", ALONE, "sh", *command)
    ran = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    return ran.returncode, ran.stdout, ran.stderr


def document(*argv: str, **environ: str) -> dict[str, Any]:
    status, out, err = run(*argv, "--format=json", **environ)
    found: dict[str, Any] = json.loads(out)
    assert found["exit_status"] == status, err
    return documents.judge(found)


@pytest.mark.parametrize("command", ["check", "plan", "apply", "prove", "detect"])
def test_without_an_engine_every_command_says_so_as_data(command: str) -> None:
    found = document(command)
    assert (found["command"], found["status"]) == (command, "failed")
    if os.geteuid() == 0 or command in ("check", "plan", "detect"):
        assert found["error"]["code"] == NOT_RUNNING
    assert found["error"]["hint"]
    assert found["host"]["name"]


@pytest.mark.parametrize(
    ("argv", "status"),
    [
        (("explain", "exec /bin/sh: exec format error"), "recognized"),
        (("explain", "--offline", "exec format error"), "recognized"),
        (("explain", "all is well"), "unknown"),
        (("history",), "ok"),
        (("remove", "--plan"), "planned"),
        (("recover",), "ok"),
        (("confirm",), "ok"),
        (("rollback", "--plan"), "planned"),
        (("report", "/dev/null"), "ok"),
        (("validate", "/dev/null"), "valid"),
    ],
)
def test_each_document_has_the_fields_that_its_schema_names_and_no_others(argv: tuple[str, ...], status: str) -> None:
    if os.geteuid() != 0 and argv[0] in ("history", "remove", "recover", "confirm", "rollback"):
        status = "failed"
    assert document(*argv)["status"] == status


def test_a_broken_configuration_is_a_failure_with_a_code(tmp_path: Path) -> None:
    (tmp_path / "broken.yaml").write_text("platfroms: [linux/arm64]\n")
    found = document("check", "--config", str(tmp_path / "broken.yaml"))
    assert (found["exit_status"], found["error"]["code"]) == (78, "configuration")
    assert "did you mean platforms?" in found["error"]["hint"]


@pytest.mark.parametrize("argv", [("chekc",), ("check", "--foramt", "json"), ("hold",), ()])
def test_a_wrong_command_line_is_a_failure_with_a_code(argv: tuple[str, ...]) -> None:
    status, out, _ = run(*argv, "--format=json")
    assert (status, json.loads(out)["error"]["code"]) == (64, "usage")


def test_only_what_has_a_format_for_machines_says_anything_on_stdout() -> None:
    assert run("check")[1] == ""
    assert run("check", "--format=nagios")[1].startswith("PROVISIONER CRITICAL - ")
    assert "<error" in run("check", "--format=junit")[1]


def test_a_check_that_fails_is_recorded_with_its_reason_and_since_when(tmp_path: Path) -> None:
    state = tmp_path / "state"
    argv = ("check", "--format=json", "--textfile-dir", str(tmp_path))
    _, out, err = run(*argv, XDG_STATE_HOME=str(state))
    metrics = (tmp_path / "provisioner.prom").read_text()
    assert "provisioner_check_success 0.0" in metrics, err
    assert f'provisioner_check_failure{{reason="{NOT_RUNNING}"}} 1.0' in metrics
    assert json.loads(out)["error"]["since"] == json.loads(out)["time"]


def test_what_was_rolled_back_is_a_field() -> None:
    assert failure.of(RolledBackError("x")).rolled_back is True
    assert failure.of(RollbackFailedError("x")).rolled_back is False
    assert failure.of(ConfigError("x")).rolled_back is None


@pytest.mark.parametrize(
    ("files", "code", "hint"),
    [
        ({}, failure.ABSENT, "install Docker Engine"),
        ({"usr/bin/dockerd": "", "run/systemd/system/x": ""}, failure.STOPPED, "`systemctl start docker`"),
        ({"usr/bin/dockerd": "", "etc/init.d/docker": ""}, failure.STOPPED, "`service docker start`"),
    ],
)
def test_docker_that_is_stopped_is_told_from_docker_that_is_absent(
    tmp_path: Path, files: dict[str, str], code: str, hint: str
) -> None:
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
        (tmp_path / name).chmod(0o755)
    where = "unix:///var/run/docker.sock"
    silent = NoEngineError("nothing listens there", code=NOT_RUNNING, address=where)
    found = failure.of(silent, System(str(tmp_path), {}))
    assert found.code == code
    assert hint in found.hint


@pytest.mark.parametrize("command", schemas.DOCUMENTS)
def test_each_command_s_schema_is_a_schema_with_an_id(command: str) -> None:
    status, out, _ = run("schema", command)
    found = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(found)
    assert (status, found["$id"]) == (0, f"urn:provisioner:schema:{command}:2")


def test_every_command_with_a_format_for_machines_has_a_schema() -> None:
    assert set(schemas.DOCUMENTS) == set(commandline.COMMANDS) - {"init", "schema"}


def test_a_schema_that_does_not_exist_gets_a_suggestion() -> None:
    status, _, err = run("schema", "chekc")
    assert (status, "did you mean check?" in err) == (64, True)
