"""The collection as Ansible's own tools see it, and its modules as Ansible runs them, with stand-ins for the agent."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.cases import results
from tests.helpers import fleet
from tests.hosts import ansible, recipes
from tests.test_collection import constant

CHECKOUT = Path(__file__).parents[1]
pytestmark = [pytest.mark.host, pytest.mark.timeout(900)]
FULL = (
    "ansible-doc",
    "--json",
    "--type",
    "module",
    "provisioner.docker.provision",
    "provisioner.docker.provision_info",
)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The collection as a user has it after `ansible-galaxy collection install`, in a repository of its own."""
    folder = tmp_path_factory.mktemp("collections")
    archive = fleet.build(folder)
    ran = tool("ansible-galaxy", "collection", "install", "--offline", "-p", str(folder), str(archive), cwd=folder)
    assert ran.returncode == 0, ran.stderr
    place = folder / "ansible_collections" / "provisioner" / "docker"
    for argv in (("init", "--quiet"), ("add", "--all")):
        subprocess.run(("/usr/bin/git", *argv), cwd=place, check=True)
    return place


def tool(*argv: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    return ansible.run(*argv, cwd=cwd, home=ansible.home(), venv=ansible.linters(), **env)


@pytest.mark.parametrize("where", ["installed", "sources"])
def test_ansible_lint_has_nothing_against_it(installed: Path, where: str) -> None:
    argv = ("ansible-lint", "--offline", "--strict", "--profile=production", "--nocolor")
    folder = installed if where == "installed" else fleet.COLLECTION
    ran = tool(*argv, cwd=folder, ANSIBLE_COLLECTIONS_PATH=str(installed.parents[2]))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "0 failure(s), 0 warning(s)" in ran.stderr


def test_galaxy_takes_the_archive(installed: Path, tmp_path: Path) -> None:
    [archive] = installed.parents[2].glob("*.tar.gz")
    ran = tool("python", "-m", "galaxy_importer.main", str(archive), cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Importer processing completed successfully" in ran.stdout


def test_nox_runs_the_checks_for_those_who_have_only_the_collection(tmp_path: Path) -> None:
    """Each session would fetch its tools. Here they are those of the other tests, and docs-check has its own test."""
    shutil.copytree(fleet.COLLECTION, tmp_path / "ansible", ignore=shutil.ignore_patterns(".nox", "*.tar.gz"))
    nox = (str(ansible.authors() / "bin/python"), "-m", "nox", "--no-venv", "--no-install", "--nocolor")
    ran = tool(*nox, cwd=tmp_path / "ansible")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for session in ("yamllint", "antsibull-nox-config", "build-import-check"):
        assert f"nox > * {session}: success" in ran.stdout + ran.stderr


def test_the_execution_environment_can_be_made(tmp_path: Path) -> None:
    file = fleet.COLLECTION / "execution-environment.yml"
    argv = ("ansible-builder", "create", "--file", str(file), "--context", str(tmp_path / "context"))
    ran = ansible.run(*argv, cwd=tmp_path, home=tmp_path, venv=ansible.authors())
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "provisioner.docker" in (tmp_path / "context/_build/requirements.yml").read_text()


def test_its_documentation_is_as_the_field_writes_it(installed: Path) -> None:
    argv = ("antsibull-docs", "lint-collection-docs", "--plugin-docs", "--validate-collection-refs=self", ".")
    ran = tool(*argv, cwd=installed, ANSIBLE_COLLECTIONS_PATH=str(installed.parents[2]))
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_the_oldest_ansible_that_it_names_runs_the_role(installed: Path, tmp_path: Path) -> None:
    runtime = yaml.safe_load((installed / "meta/runtime.yml").read_text())
    assert runtime["requires_ansible"] == f">={recipes.ANSIBLE_LOWEST.rpartition('.')[0]}.0"
    (tmp_path / "provisioner").write_text(
        f"#!/bin/sh\ncat <<END\n{json.dumps({**NOTHING, 'changes': [CHANGE]})}\nEND\n"
    )
    (tmp_path / "provisioner").chmod(0o755)
    words = ("--inventory=localhost,", "--connection=local", "--check", "--diff")
    extra = {"provisioner_executable": f"{tmp_path}/provisioner", "ansible_become": False}
    extra |= {"provisioner_config": {"platforms": ["linux/amd64"]}, "ansible_python_interpreter": sys.executable}
    argv = ("ansible-playbook", "provisioner.docker.site", *words, f"--extra-vars={json.dumps(extra)}")
    env = {"ANSIBLE_COLLECTIONS_PATH": str(installed.parents[2]), "ANSIBLE_HOME": f"{tmp_path}/home"}
    ran = ansible.run(*argv, cwd=tmp_path, home=tmp_path, venv=ansible.lowest(), **env)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "image store: restart docker.service" in ran.stdout
    assert "platforms" in ran.stdout


def test_ansible_test_of_the_oldest_and_the_newest_ansible_finds_it_sane(installed: Path, tmp_path: Path) -> None:
    ran = tool("ansible-test", "sanity", "--color", "no", cwd=installed)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    copy = tmp_path / "ansible_collections" / "provisioner" / "docker"
    shutil.copytree(installed, copy, ignore=shutil.ignore_patterns(".git"))  # there is no git
    there = ("sh", "-c", "cd ansible_collections/provisioner/docker; exec ansible-test sanity --color no")
    ran = ansible.newest(*there, cwd=tmp_path, home=ansible.home())
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert 'Running sanity test "validate-modules"' in ran.stderr + ran.stdout


def test_ansible_doc_shows_every_option(installed: Path) -> None:
    ran = tool(*FULL, cwd=installed, ANSIBLE_COLLECTIONS_PATH=str(installed.parents[2]))
    found = json.loads(ran.stdout)
    assert "builder" in found["provisioner.docker.provision"]["doc"]["options"]
    assert "path" in found["provisioner.docker.provision_info"]["doc"]["options"]


def test_its_changelog_is_as_the_field_writes_one(installed: Path) -> None:
    ran = tool("antsibull-changelog", "lint-changelog-yaml", "changelogs/changelog.yaml", cwd=installed)
    assert ran.returncode == 0, ran.stdout + ran.stderr


NOTHING: dict[str, Any] = {
    "schema_version": 2,
    "status": "ok",
    "exit_status": 0,
    "error": None,
    "interrupted": None,
    "hold": None,
    "changes": [],
}
HOLD = {"reason": "release week", "until": "2027-01-01T00:00:00Z", "since": "2026-11-20T08:00:00Z", "by": "ann"}


def failed(message: str, hint: str, code: str = "failed") -> dict[str, Any]:
    """The document of a command that failed."""
    return {**NOTHING, "status": "failed", "error": {"code": code, "message": message, "hint": hint}}


ROLLED_BACK = failed("docker.service did not start: no; rolled back, the host is as it was", "look", "rolled-back")
RESTART = {
    "key": "in effect",
    "code": "restart-busy",
    "message": "the daemon must be restarted while web is running",
    "hint": "stop it",
    "numbers": {},
    "fatal": False,
}
CHANGE = {
    "resource": "image store",
    "differences": [{"key": "in effect", "have": "overlay2", "want": "containerd"}],
    "steps": [
        {"phase": "edit", "kind": "set-leaf", "does": "set it", "diff": "--- a\n+++ b\n+1"},
        {"phase": "restart", "kind": "restart", "does": "restart docker.service", "unit": "docker.service"},
    ],
    "blocked": [],
    "notes": [],
}
WAITING = {**CHANGE, "steps": [], "blocked": [{**RESTART, "restart": True}]}
FATAL = {**CHANGE, "steps": [], "blocked": [{**RESTART, "restart": False, "fatal": True}]}

Ran = Callable[..., dict[str, Any]]


@pytest.fixture
def run(installed: Path, tmp_path: Path) -> Ran:
    """Run a module as Ansible does, on a host whose agent answers each command as told; its result."""

    def run(module: str, answers: dict[str, Any], *, check: bool = False, **options: Any) -> dict[str, Any]:
        lines = ["#!/bin/sh", f'echo "$@" >> {tmp_path}/asked']
        for command, (status, said) in answers.items():
            stream, text = ("", json.dumps(said)) if isinstance(said, dict) else (">&2", said)
            lines.append(f"[ $1 = {command} ] && {{ cat {stream} <<END\n{text}\nEND\nexit {status}; }}")
        if answers:
            (tmp_path / "provisioner").write_text("\n".join(lines) + "\n")
            (tmp_path / "provisioner").chmod(0o755)
        given = {"path": f"{tmp_path}/provisioner.yaml", "executable": f"{tmp_path}/provisioner", **options}
        builtin = {"_ansible_check_mode": check, "_ansible_diff": True, "_ansible_remote_tmp": str(tmp_path)}
        (tmp_path / "arguments").write_text(json.dumps({"ANSIBLE_MODULE_ARGS": {**given, **builtin}}))
        program = installed / "plugins" / "modules" / f"{module}.py"
        argv = ("python3", str(program), str(tmp_path / "arguments"))
        ran = tool(*argv, cwd=tmp_path, PYTHONPATH=str(installed.parents[2]))
        assert ran.stdout, ran.stderr
        found: dict[str, Any] = json.loads(ran.stdout)
        return found

    return run


def test_a_missing_agent_is_a_change_in_check_mode_and_a_failure_otherwise(run: Ran, tmp_path: Path) -> None:
    foretold = run("provision", {}, check=True, platforms=["linux/amd64"])
    assert (foretold["changed"], foretold["installed"], foretold.get("failed")) == (True, False, None)
    assert "linux/amd64" in foretold["diff"][0]["after"]
    returned = yaml.safe_load(constant("provision", "RETURN"))
    always = {name for name, value in returned.items() if value["returned"] == "success, with O(state=present)"}
    assert always <= foretold.keys()  # a play names them without asking first
    assert "restart_owed" in always
    assert run("provision", {}, platforms=["linux/amd64"])["failed"]
    assert not (tmp_path / "provisioner.yaml").exists()
    assert run("provision_info", {})["installed"] is False
    assert run("provision", {}, state="absent")["changed"] is False


def test_a_configuration_that_is_named_and_not_there_is_the_agent_s_to_refuse(run: Ran, tmp_path: Path) -> None:
    refused = (78, "provisioner: there is no such file\n  hint: write it")
    assert run("provision", {"apply": refused})["failed"]
    assert run("provision", {"plan": refused}, check=True)["failed"]
    assert run("provision_info", {"check": refused})["failed"]
    asked = (tmp_path / "asked").read_text().splitlines()
    assert all(f"--config {tmp_path}/provisioner.yaml" in line for line in asked)


def test_only_what_is_chosen_is_applied(run: Ran, tmp_path: Path) -> None:
    answers = {"apply": (0, {**NOTHING, "changed": False})}
    run("provision", answers, only=["daemon", "image-store"], restart="always")
    assert "--only daemon --only image-store" in (tmp_path / "asked").read_text()


def test_what_was_rolled_back_fails_in_the_agent_s_own_words_and_leaves_the_configuration(
    run: Ran, tmp_path: Path
) -> None:
    (tmp_path / "provisioner.yaml").write_text("platforms: [arm64]\n")
    found = run("provision", {"apply": (3, ROLLED_BACK)}, restart="always")
    assert (found["failed"], found["rolled_back"], found["changed"], found["rc"]) == (True, True, False, 3)
    assert found["msg"] == "docker.service did not start: no; rolled back, the host is as it was (look)"
    assert (tmp_path / "provisioner.yaml").read_text() == "platforms: [arm64]\n"


def test_check_mode_writes_nothing_and_foretells_what_apply_says(run: Ran, tmp_path: Path) -> None:
    answers = {
        "plan": (2, {**NOTHING, "changes": [CHANGE]}),
        "apply": (0, {**NOTHING, "changes": [CHANGE], "changed": True, "receipt": 1, "proof": None}),
    }
    foretold = run("provision", answers, check=True, restart="always")
    assert not (tmp_path / "provisioner.yaml").exists()
    done = run("provision", answers, restart="always")
    assert (tmp_path / "provisioner.yaml").stat().st_mode & 0o777 == 0o644
    for key in ("changed", "diff", "changes", "restarted"):
        assert foretold[key] == done[key]
    assert (done["changed"], done["restarted"]) == (True, ["docker.service"])
    assert done["diff"][1]["prepared"] == "--- a\n+++ b\n+1\n# image store: restart docker.service\n"
    again = run("provision", {"apply": (0, {**NOTHING, "changed": False})}, restart="always")
    assert (again["changed"], again["diff"]) == (False, [])


def test_what_is_held_is_told_and_no_failure(run: Ran) -> None:
    answers = {
        "plan": (2, {**NOTHING, "changes": [WAITING]}),
        "apply": (5, {**NOTHING, "changed": False, "left": [WAITING]}),
    }
    for check in (True, False):
        found = run("provision", answers, check=check)
        assert (found["changed"], found["restart_owed"], found.get("failed")) == (False, True, None)
        assert found["blocked"][0]["message"] == RESTART["message"]


def test_what_apply_would_refuse_check_mode_refuses_too(run: Ran) -> None:
    found = run("provision", {"plan": (2, {**NOTHING, "changes": [FATAL]})}, check=True)
    assert (found["failed"], found["msg"]) == (True, "the daemon must be restarted while web is running (stop it)")


def test_a_hold_is_told_and_no_failure_and_another_run_is_one(run: Ran, tmp_path: Path) -> None:
    held = {"plan": (0, {**NOTHING, "hold": HOLD}), "apply": (75, failed("applies are held", "wait", "frozen"))}
    for check in (True, False):
        found = run("provision", held, check=check, restart="never")
        assert (found["changed"], found["hold"]["by"], found.get("failed")) == (False, "ann", None)
        assert not (tmp_path / "provisioner.yaml").exists()
    busy = {"plan": (0, NOTHING), "apply": (75, failed("another provisioner runs", "wait", "busy"))}
    assert run("provision", busy)["msg"] == "another provisioner runs (wait)"


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        ((70, failed("this is a bug in provisioner: KeyError: 1", "report", "bug")), "this is a bug"),
        ((1, "Traceback (most recent call last):\nKeyError: 1"), "KeyError: 1"),
        ((0, {"schema_version": 3}), "in version 3 of its format"),
        ((0, {}), "did not answer in JSON"),
        ((9, ""), "did not answer in JSON"),
    ],
)
def test_an_answer_that_is_none_fails_in_a_sentence(run: Ran, answer: tuple[int, Any], words: str) -> None:
    for module, command in (("provision", "apply"), ("provision_info", "check")):
        found = run(module, {command: answer})
        assert found["failed"]
        assert words in found["msg"]


def test_a_wrong_configuration_is_named_by_the_path_that_the_user_knows(run: Ran, tmp_path: Path) -> None:
    answers = {"plan": (78, failed("$5: platforms[0]: no such platform", "arm64", "configuration"))}
    found = run("provision", answers, check=True, platforms=["odd"])
    assert found["msg"] == f"{tmp_path}/provisioner.yaml: platforms[0]: no such platform (arm64)"


def test_drift_is_no_failure_of_the_check(run: Ran, tmp_path: Path) -> None:
    row = {"resource": "emulators", "key": "linux/arm64"}
    answer = {**NOTHING, "status": "drifted", "differences": [row]}
    found = run("provision_info", {"check": (2, answer)}, quick=True, far=True)
    assert (tmp_path / "asked").read_text().split()[-2:] == ["--quick", "--far"]
    assert (found["changed"], found["in_sync"], found["drifted"]) == (False, False, ["emulators: linux/arm64"])


def test_absence_is_foretold(run: Ran, tmp_path: Path) -> None:
    (tmp_path / "provisioner.yaml").write_text("platforms: [arm64]\n")
    history = [{"number": 2, "outcome": "blocked"}, {"number": 1, "outcome": "undone"}]
    answers = {
        "detect": (0, {**NOTHING, "history": history, "left_over": []}),
        "remove": (0, {**NOTHING, "undone": [2], "left_over": []}),
    }
    foretold = run("provision", answers, check=True, state="absent")
    done = run("provision", answers, state="absent")
    assert (foretold["changed"], foretold["undone"]) == (done["changed"], done["undone"]) == (True, [2])
    assert not (tmp_path / "provisioner.yaml").exists()


PLAY = """
- hosts: localhost
  gather_facts: false
  tasks:
    - provisioner.docker.report:
        names: [well, down, away, bare, barred]
        checks: {checks}
        folder: {folder}
        executable: {program}
        fail_on: {fail_on}
"""


@pytest.mark.parametrize(("fail_on", "fails"), [([], False), (["failed"], True), (["silent"], False)])
def test_a_report_shows_why_a_host_has_no_result_and_stops_a_pipeline(
    installed: Path, tmp_path: Path, fail_on: list[str], fails: bool
) -> None:
    program = tmp_path / "provisioner"
    program.write_text(f'#!/bin/sh\nPYTHONPATH={CHECKOUT} exec {sys.executable} -m provisioner "$@"\n')
    program.chmod(0o755)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    checks = [
        {"result": results.result(time=now)},
        {"failed": True, "result": results.failed(time=now)},
        {"unreachable": True, "msg": "Failed to connect to the host via ssh: Connection refused"},
        {"installed": False, "result": None, "msg": "the agent is not installed on this host"},
        {"failed": True, "msg": "MODULE FAILURE", "module_stderr": "sudo: a password is required", "module_stdout": ""},
    ]
    folder = tmp_path / "report"
    play = PLAY.format(checks=json.dumps(checks), folder=folder, program=program, fail_on=json.dumps(fail_on))
    (tmp_path / "play.yml").write_text(play)
    argv = ("ansible-playbook", "-i", "localhost,", "-c", "local", str(tmp_path / "play.yml"))
    ran = tool(*argv, cwd=tmp_path, ANSIBLE_COLLECTIONS_PATH=str(installed.parents[2]))
    assert bool(ran.returncode) is fails, ran.stdout + ran.stderr
    assert "5 hosts: 4 failed, 1 in sync" in ran.stdout
    assert "check: unreachable" in ran.stdout
    assert "check: become-failed" in ran.stdout
    assert "sudo: a password is required" in (folder / "fleet.html").read_text()
    assert "check: agent-missing" in ran.stdout
    assert "check: engine-stopped" in ran.stdout
    assert (folder / "fleet.html").exists()


# Python, as far as the role asks it. An environment's program tells which Python it was made with.
PYTHON = """\
#!/bin/sh
case "$*" in
  --version) cat {folder}/version ;;
  "-m venv"*) mkdir -p "$4/bin" && cp "$0" "$4/bin/python" && touch "$4/bin/pip" ;;
  "-m pip"*) cp {folder}/version "${{0%/*}}/provisioner" ;;
esac
"""
WHEELS = """
- hosts: localhost
  gather_facts: false
  tasks:
    - ansible.builtin.include_role: {name: provisioner.docker.provisioner, tasks_from: wheels}
"""
BUSY_TWICE = """\
#!/bin/sh
[ $1 = apply ] && echo >> {folder}/applies && [ $(wc -l < {folder}/applies) -lt 3 ] && {{ echo '{busy}'; exit 75; }}
echo '{done}'
"""


def play(installed: Path, tmp_path: Path, name: str, **variables: Any) -> str:
    """Run a play on this machine, with variables that override the role's. Returns its output."""
    words = ("--inventory=localhost,", "--connection=local", f"--extra-vars={json.dumps(variables)}")
    env = {"ANSIBLE_COLLECTIONS_PATH": str(installed.parents[2])}
    ran = tool("ansible-playbook", name, *words, cwd=tmp_path, **env)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return ran.stdout


def test_an_upgrade_of_the_host_s_python_makes_a_new_environment(installed: Path, tmp_path: Path) -> None:
    """The packages of the old environment are where the new Python does not look for them."""
    (tmp_path / "python").write_text(PYTHON.format(folder=tmp_path))
    (tmp_path / "python").chmod(0o755)
    (tmp_path / "provisioner.whl").touch()
    (tmp_path / "play.yml").write_text(WHEELS)
    (tmp_path / "prefix/bin").mkdir(parents=True)
    variables: dict[str, Any] = {
        "provisioner_python": f"{tmp_path}/python",
        "provisioner_package": f"{tmp_path}/provisioner.whl",
        "provisioner_wheel_packages": [],
        "provisioner_environments": f"{tmp_path}/environments",
        "provisioner_prefix": f"{tmp_path}/prefix",
        "provisioner_installed_units": [],
        "provisioner_ties": [],
    }
    for version in ("Python 3.11.2", "Python 3.11.2", "Python 3.13.5"):
        (tmp_path / "version").write_text(version)
        said = play(installed, tmp_path, "play.yml", **variables)
        assert (tmp_path / "prefix/bin/provisioner").read_text() == version, said
        assert len(list((tmp_path / "environments").iterdir())) == 1


def test_a_play_waits_for_another_run_that_ends_in_seconds(installed: Path, tmp_path: Path) -> None:
    """The hourly repair stops no rollout."""
    program = tmp_path / "provisioner"
    busy = json.dumps(failed("another provisioner is changing this host", "wait", "busy"))
    program.write_text(BUSY_TWICE.format(folder=tmp_path, busy=busy, done=json.dumps({**NOTHING, "changed": False})))
    program.chmod(0o755)
    (tmp_path / "play.yml").write_text(WHEELS.replace("wheels", "apply"))
    variables: dict[str, Any] = {"provisioner_executable": f"{tmp_path}/provisioner", "provisioner_config": {}}
    variables |= {"provisioner_restarts_at_once": 0, "provisioner_is_node": False, "provisioner_builder_here": ""}
    said = play(installed, tmp_path, "play.yml", **variables)
    assert "FAILED - RETRYING" in said
    assert (tmp_path / "applies").read_text() == "\n" * 3


def test_hosts_on_which_ansible_cannot_become_root_are_on_the_page_with_the_reason(
    installed: Path, tmp_path: Path
) -> None:
    for name, text in {
        "provisioner": f'PYTHONPATH={CHECKOUT} exec {sys.executable} -m provisioner "$@"',
        "sudo": "echo someone is not in the sudoers file. >&2; exit 1",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "inventory").write_text("one\ntwo\n")
    extra = {
        "ansible_become_exe": str(tmp_path / "sudo"),
        "ansible_python_interpreter": "/usr/bin/python3",
        "provisioner_report": str(tmp_path / "report"),
        "provisioner_reporter": str(tmp_path / "provisioner"),
    }
    argv = ("ansible-playbook", "-i", "inventory", "-c", "local", "-e", json.dumps(extra), "provisioner.docker.check")
    more = {"ANSIBLE_COLLECTIONS_PATH": str(installed.parents[2]), "ANSIBLE_BECOME_ALLOW_SAME_USER": "1"}
    ran = tool(*argv, cwd=tmp_path, **more)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 hosts: 2 failed" in ran.stdout
    assert "check: become-failed on 2 hosts" in ran.stdout
    assert "someone is not in the sudoers file." in (tmp_path / "report" / "fleet.html").read_text()
