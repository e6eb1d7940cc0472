"""No secret in any output."""

import importlib.util
import json
import subprocess
import sys
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from provisioner import secrets
from provisioner.checks import formats
from provisioner.cli import answers, commandline, main, plans
from provisioner.cli.commands import history
from provisioner.config.desired import Desired
from provisioner.errors import ProvisionerError
from provisioner.fleet import results, text
from provisioner.fleet.summary import Fleet
from provisioner.host import System
from provisioner.model import Difference
from provisioner.runs.journal import Journal
from provisioner.steps import Change, Obstacle, Plan
from provisioner.steps.files import SetLeaf, WriteFile
from provisioner.steps.programs import Run
from tests.cases.results import DRIFT, HELD, UNKNOWN, result
from tests.helpers.daemon import FILE, Host

SECRET = "hunter2Hunter2"  # noqa: S105
TEXTS = (
    f"env.HTTPS_PROXY=http://deploy:{SECRET}@proxy.example:3128",
    f"http://deploy:p@ss{SECRET}@proxy.example",
    f'"https-proxy": "http://u:{SECRET}@proxy.example:3128"',
    f"REGISTRY_PASSWORD={SECRET}",
    f"npm_token: '{SECRET} and {SECRET}'",
    f'{{"auths": {{"registry.example": {{"auth": "{SECRET}", "identitytoken": "{SECRET}"}}}}}}',
    f"docker login --password {SECRET} registry.example",
    f"Authorization: Bearer {SECRET}",
    f"Authorization: Basic {SECRET}==",
    f"ghp_{SECRET}abcdefgh",
    f"dckr_pat_{SECRET}",
    f"eyJ{SECRET}.eyJ{SECRET}.{SECRET}",
    f"aws_secret_access_key={SECRET}",
    f"mirrors[0]: `u:{SECRET}@m.example` is not a host and a port",
)
INNOCENT = (
    "emulators: linux/arm64: not registered; wanted: runs",
    "unix:///var/run/docker.sock",
    "credentials: true",
    "apply would run docker buildx inspect --bootstrap container-builder",
    "save or push what is needed, then say image_store: {existing: hide}",
    "https://docs.docker.com/build/",
    "keys: emulators",
    "moby/buildkit:v0.12.5@sha256:0123 of git@host:path",
)


@pytest.mark.parametrize("said", TEXTS)
def test_a_text_is_said_without_its_secret(said: str) -> None:
    assert SECRET not in secrets.text(said)
    assert secrets.HIDDEN in secrets.text(said)


ENDLESS = (
    "a",
    "token",
    "token.",
    "--token",
    "a://",
    'token="\\"',
    "eyJ",
    "eyJa.",
    "basic ",
    "token ",
    "@ a://",
    "pat_",
)


@pytest.mark.parametrize("piece", ENDLESS)
def test_no_text_takes_longer_than_its_length(piece: str) -> None:
    """Each place may not look at all the others: then this would take minutes, and a result of a mebibyte hours."""
    text = piece * (100_000 // len(piece))
    assert secrets.text(secrets.text(f"@ {text} token={SECRET}")).count(SECRET) == 0
    secrets.named(text)
    secrets.named(f"{text}=")


def test_a_quote_that_is_never_closed_hides_the_rest_of_its_line() -> None:
    assert secrets.text(f'token: "{SECRET} and {SECRET}\nnext') == 'token: "***"\nnext'


@pytest.mark.parametrize(
    ("name", "secret"),
    [
        ("driver option env.NPM_TOKEN", True),
        ("a/b.token", True),
        ("a/token", False),
        ("x.auth", True),
        ("author", False),
        ("auth", True),
        ("secret of", False),
        ("http.password-file", True),
    ],
)
def test_a_name_is_judged_by_its_last_word(name: str, secret: bool) -> None:
    assert secrets.named(name) is secret


@pytest.mark.parametrize("said", INNOCENT)
def test_what_holds_no_secret_is_said_as_it_is(said: str) -> None:
    assert secrets.text(said) == said


@pytest.mark.parametrize("said", [*TEXTS, *INNOCENT])
def test_hiding_twice_is_hiding_once(said: str) -> None:
    assert secrets.text(secrets.text(said)) == secrets.text(said)


def test_a_value_is_hidden_by_the_name_of_its_key() -> None:
    row = {"key": "driver option env.NPM_TOKEN", "have": SECRET, "want": f"{SECRET} with spaces"}
    assert SECRET not in json.dumps(secrets.everywhere({"differences": [row]}))
    assert secrets.everywhere({"password": SECRET, "name": "a"}) == {"password": "***", "name": "a"}


def rows() -> list[dict[str, object]]:
    """Differences with secrets wherever a result can hold text."""
    proxy = f"http://deploy:{SECRET}@proxy.example"
    return [
        {**DRIFT, "resource": "builder", "key": "driver option env.HTTP_PROXY", "have": proxy, "want": proxy + "/2"},
        {**DRIFT, "resource": "builder", "key": "driver option env.NPM_TOKEN", "have": SECRET, "want": SECRET + "2"},
        {**HELD, "blocked": {**HELD["blocked"], "message": f"refused {proxy}", "hint": f"--token {SECRET}"}},
    ]


@pytest.mark.parametrize("name", formats.FORMATS)
def test_no_format_of_a_check_shows_a_secret(name: str) -> None:
    pytest.importorskip("prometheus_client")
    unseen = {**UNKNOWN, "reason": f"GET http://u:{SECRET}@proxy.example"}
    hold = {"reason": f"token={SECRET}", "until": "2020-12-01T00:00:00Z", "since": "2020-11-01T00:00:00Z", "by": "root"}
    steps = [{"kind": "run", "does": f"run docker buildx create --driver-opt env.NPM_TOKEN={SECRET}"}]
    apply = [{"resource": "builder", "steps": steps, "restarts": []}]
    found = secrets.everywhere(result(*rows(), unknown=(unseen,), hold=hold, apply=apply))
    said = formats.FORMATS[name](found, True)
    assert SECRET not in said
    assert name == "prometheus" or "NPM_TOKEN" in said


def test_no_plan_and_no_document_shows_a_secret() -> None:
    argv = ("docker", "buildx", "create", "--driver-opt", f"env.NPM_TOKEN={SECRET} {SECRET}")
    difference = Difference("driver option env.NPM_TOKEN", SECRET, SECRET + "2")
    blocked = Obstacle("x", f"http://u:{SECRET}@proxy.example refused", "no hint").blocks("x")
    edits = (Run(argv), WriteFile("/etc/x", f'{{"https-proxy": "http://u:{SECRET}@proxy.example"}}'))
    plan = Plan((Change("builder", (difference,), edits, blocked=blocked),))
    assert SECRET not in plans.as_text(plans.lines(plan), colored=True)
    assert SECRET not in answers.document(System("/"), "plan", "changes", 2, changes=plans.as_json(plan))


def test_a_report_hides_what_an_older_agent_did_not() -> None:
    found = results.result(json.dumps(result(*rows())).encode(), "here")
    assert isinstance(found, results.Host)
    assert SECRET not in repr(found)
    assert SECRET not in text.render(Fleet(0, 1).add([found]).close())


CHECKOUT = Path(__file__).parents[1]


def ansible() -> ModuleType:
    """The module of Ansible's that makes diffs."""
    path = CHECKOUT / "ansible/plugins/module_utils/configuration.py"
    spec = importlib.util.spec_from_file_location("ansible_configuration", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


configuration = ansible()
PLANTED = "pl4nted-s3cret"
DAEMON: dict[str, Any] = {
    "log-opts": {"splunk-token": PLANTED, "env": "x"},
    "proxies": {"http-proxy": f"http://u:{PLANTED}@proxy:3128", "https-proxy": f"http://{PLANTED}@proxy:3128"},
    "builder": {"kv.password": PLANTED, "tokens": [PLANTED, {"x": PLANTED}], "secret-numbers": [4711471147]},
    "runtimes": {"kata": {"path": "/k", "runtimeArgs": ["--api-key", PLANTED]}},
    "labels": [f"registry_password={PLANTED}"],
    "registry-mirrors": [f"https://u:{PLANTED}@mirror.example"],
}
WANTED: dict[str, Any] = {
    "platforms": ["linux/amd64"],
    "daemon": {
        "log-opts": {"splunk-token": f"new-{PLANTED}"},
        "proxies": {"http-proxy": f"http://u:new{PLANTED}@proxy:3128", "no-proxy": "x"},
    },
    "builder": {
        "driver_options": {"env.NPM_TOKEN": PLANTED, "env.HTTPS_PROXY": f"http://u:{PLANTED}@proxy"},
        "flags": [f"--oauth-token={PLANTED}"],
        "buildkitd": {"registry": {"r.example": {"auth": PLANTED, "mirrors": ["m.example"]}}},
    },
}
UNIT = f"""[Service]
Environment=HTTPS_PROXY=http://u:{PLANTED}@proxy:3128 API_TOKEN={PLANTED}
ExecStart=/usr/sbin/dockerd -H fd://
"""


@pytest.mark.parametrize("output", ["text", "json"])
@pytest.mark.parametrize("command", ["plan", "apply"])
def test_a_secret_in_any_place_is_in_no_output(tmp_path: Path, command: str, output: str) -> None:
    files = {
        "etc/docker/daemon.json": json.dumps(DAEMON, indent=2),
        "etc/provisioner/provisioner.yaml": json.dumps(WANTED, indent=2),
        "var/lib/dpkg/status": "Package: docker.io\nVersion: 28.5.2\n",
        "usr/lib/systemd/system/docker.service": UNIT,
    }
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(content)
    argv: tuple[str, ...] = (sys.executable, "-m", "provisioner", command, "--root", str(tmp_path), "--format", output)
    there = {"PYTHONPATH": str(CHECKOUT), "HOME": "/"}
    argv = ("/usr/bin/unshare", "--user", "--map-root-user", *argv)
    ran = subprocess.run(argv, env=there, capture_output=True, check=False)
    assert ran.returncode in (0, 2, 5), ran.stderr
    assert PLANTED.encode() not in ran.stdout + ran.stderr
    assert b"4711471147" not in ran.stdout + ran.stderr
    assert HIDDEN in ran.stdout + ran.stderr
    for file in tmp_path.rglob("*"):  # what others may read
        if file.is_file() and str(file.relative_to(tmp_path)) not in files and file.stat().st_mode & 0o044:
            assert PLANTED not in file.read_text(), file


# The other places of a running host where a secret can be: files of users and of the kernel, answers, and the history.
PLACES = {
    "root/.docker/config.json": {"auths": {"r.example": {"auth": PLANTED}}},
    "root/.docker/buildx/instances/container-builder": {
        "Name": "container-builder",
        "Driver": "docker-container",
        "Nodes": [
            {
                "Name": "container-builder0",
                "Endpoint": f"tcp://me:{PLANTED}@there:2375",
                "DriverOpts": {"env.NPM_TOKEN": PLANTED, "env.HTTPS_PROXY": f"http://u:{PLANTED}@proxy"},
                "Flags": [f"--oauth-token={PLANTED}"],
            }
        ],
    },
    "proc/1001/environ": f"HTTPS_PROXY=http://u:{PLANTED}@proxy:3128\0API_TOKEN={PLANTED}\0",
    "proc/1001/cmdline": f"/usr/sbin/dockerd\0--log-opt\0splunk-token={PLANTED}\0",
    "proc/1001/status": "Uid:\t0\t0\t0\t0\n",
    "usr/lib/systemd/system/docker.service": UNIT,
}
COMMANDS = (
    *(f"check --quick --format {name}" for name in formats.FORMATS),
    *(f"{command} --format {name}" for command in ("plan --quick", "detect", "history 1", "history 2")
      for name in ("text", "json")),
    *(f"{command} --plan --format {name}" for command in ("rollback", "remove") for name in ("text", "json")),
    f"explain registry.example:token={PLANTED}:denied",
    "validate /etc/provisioner/provisioner.yaml",
    *(f"apply --only daemon --format {name}" for name in ("text", "json")),
    *(f"{command} --format {name}" for command in ("rollback 1", "remove") for name in ("text", "json")),
    "plan --config /etc/broken.yaml --format json",
    f"check --host tcp://me:{PLANTED}@127.0.0.1:1 --verbose",
)  # fmt: skip


class Proxied(Host):
    """An engine whose answers hold secrets, too."""

    def info(self) -> dict[str, Any]:
        return {**super().info(), "HttpProxy": f"http://u:{PLANTED}@proxy", "Labels": [f"api_key={PLANTED}"]}


def planted(tree: Path) -> Host:
    """A running host with two applies of the past, the newest of which was cut off, and secrets in each place."""
    host = Proxied(tree)
    texts: dict[str, Any] = {"etc/docker/daemon.json": DAEMON, "etc/provisioner/provisioner.yaml": WANTED, **PLACES}
    texts["etc/broken.yaml"] = f"platfroms: 5\ndaemon: {{log-opts: {{splunk-token: {PLANTED}}}}}\n"
    for path, content in texts.items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(content if isinstance(content, str) else json.dumps(content, indent=2))
    was = Difference("log-opts.splunk-token", PLANTED, f"new-{PLANTED}")
    for number in (1, 2):
        book = Journal(host, number)
        book.begin("0", Desired(), (("daemon", was),))
        book.change("daemon", None, (was.key,))
        step = SetLeaf(FILE, ("log-opts", "splunk-token"), PLANTED, None, "{}")
        book.step(step, (replace(step, value=f"old-{PLANTED}"),))
        if number == 1:
            login = Run(("docker", "login", "--password", PLANTED))
            book.step(login, (login,))
            book.end("converged")
    host.start()
    return host


@pytest.mark.parametrize("line", COMMANDS)
def test_a_secret_of_a_running_host_is_in_no_answer_and_no_message(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    host, args = planted(tmp_path), commandline.parse(line.split())
    secrets.forget()
    try:
        answer = import_module(f"provisioner.cli.commands.{args.command}").run(host, args)
        main._told(main._readable(args, answer.text) if args.format == "text" else answer.text, answer.status)
    except ProvisionerError as e:
        main._failed(host, args, e, verbose=False)
    finally:
        secrets.forget()
    said = capsys.readouterr()
    assert PLANTED not in said.out + said.err
    assert said.out + said.err
    assert "this is a bug" not in said.err


def test_what_is_said_and_recorded_hides_a_secret(tmp_path: Path) -> None:
    """systemd's library is a stand-in, which keeps what the journal would get."""
    (tmp_path / "systemd").mkdir()
    (tmp_path / "systemd/__init__.py").touch()
    keeps = "def send(*said, **more): open({!r}, 'w').write(f'{said} {more}')"
    (tmp_path / "systemd/journal.py").write_text(keeps.replace("{!r}", repr(str(tmp_path / "sent"))))
    script = (
        f"from provisioner.cli import conversation as c; [f('rolled back', 'a token={PLANTED}') for f in (c.record,)]"
    )
    script += f"; c.say('a token={PLANTED}')"
    there = {"PYTHONPATH": f"{tmp_path}:{CHECKOUT}"}
    ran = subprocess.run((sys.executable, "-c", script), env=there, capture_output=True, text=True, check=True)
    assert ran.stderr == "a token=***\n"
    sent = (tmp_path / "sent").read_text()
    assert "rolled back: a token=***" in sent
    assert PLANTED not in sent


def test_a_diff_hides_a_secret_that_spans_two_lines() -> None:
    edit = WriteFile("/etc/x", f'token = "first\n{PLANTED}"\n')
    said = plans.as_text(plans.lines(Plan((Change("builder", (), (edit,)),))), colored=False)
    assert "first" not in said
    assert PLANTED not in said


HIDDEN = secrets.HIDDEN.encode()
SENTENCES = (
    "set log-opts.splunk-token to {} in /etc/docker/daemon.json",
    "daemon: log-opts.splunk-token: {}; wanted: none",
    "daemon: log-opts.splunk-token: {}; before: {}",
    "run docker buildx create --driver-opt env.X={}",
    "the engine said: bad value {}",
    '{{"anything": "{}"}}',
)


@pytest.mark.parametrize("planted", [PLANTED, "short", 'q00ted "by" hand', "ünï©ode 😀", "with spaces in it", "123456"])
@pytest.mark.parametrize("sentence", SENTENCES)
def test_a_value_that_was_read_below_a_secret_s_name_is_hidden_in_every_sentence(sentence: str, planted: str) -> None:
    secrets.forget()
    secrets.learn({"log-opts": {"splunk-token": planted}})
    try:
        for spelling in (planted, json.dumps(planted)[1:-1]):
            assert spelling not in secrets.text(sentence.format(spelling, spelling))
    finally:
        secrets.forget()


def test_every_step_that_has_a_value_hides_it() -> None:
    step = SetLeaf("/etc/docker/daemon.json", ("log-opts", "splunk-token"), PLANTED, None, "")
    assert PLANTED not in step.sentence()
    assert PLANTED not in secrets.text(f"the engine said: bad value {PLANTED}")  # nor in what others say of it
    secrets.forget()


def test_a_value_of_the_history_is_hidden_by_its_key_and_the_words_about_a_secret_are_not() -> None:
    row = {"resource": "daemon", "key": "log-opts.splunk-token", "have": PLANTED, "want": f"{PLANTED} too"}
    entry = {"number": 1, "time": None, "outcome": "ok", "problem": None, "changed": [row], "undo": []}
    assert PLANTED not in history._one(entry)
    assert "was ***" in history._one(entry)
    for said in ("the secret is missing", "change the token to another one", "the password was refused"):
        assert secrets.text(said) == said


def test_a_list_below_a_secret_s_name_is_hidden_whole() -> None:
    assert secrets.value("tokens", [PLANTED, {"x": [PLANTED]}, True]) == ["***", {"x": ["***"]}, True]
    assert PLANTED not in json.dumps(secrets.everywhere({"tokens": [PLANTED]}))


@pytest.mark.parametrize("said", TEXTS)
def test_a_diff_of_ansible_s_hides_what_the_agent_hides(said: str) -> None:
    shown = configuration.shown
    assert shown(said) == secrets.text(said)


def test_a_diff_of_ansible_s_hides_what_lies_below_a_secret_s_name() -> None:
    content = configuration.text({"daemon": DAEMON, "builder": {"driver_options": {"env.GH": f"ghp_{PLANTED}"}}})
    assert PLANTED in content
    assert PLANTED not in configuration.shown(content)
    assert "4711471147" not in configuration.shown(content)
    json.loads(configuration.shown(content).partition("\n")[2])


def test_ansible_s_table_is_the_agent_s() -> None:
    for (pattern, instead), (theirs, other) in zip(secrets._SHAPES, configuration._SECRETS, strict=True):
        assert pattern == theirs
        assert callable(instead) or instead == other


def test_a_letter_beyond_the_first_plane_stays_one_in_a_configuration_of_ansible_s() -> None:
    content = configuration.text({"daemon": {"labels": ["smile=\U0001f600"]}})
    assert yaml.safe_load(content)["daemon"]["labels"] == ["smile=\U0001f600"]
