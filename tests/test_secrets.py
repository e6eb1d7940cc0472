"""No secret in any output."""

import json

import pytest

from provisioner import secrets
from provisioner.checks import formats
from provisioner.cli import answers, plans
from provisioner.fleet import read, text
from provisioner.fleet.summary import Fleet
from provisioner.host import System
from provisioner.model import Difference
from provisioner.steps import Change, Obstacle, Plan
from provisioner.steps.files import WriteFile
from provisioner.steps.programs import Run
from tests.cases.results import DRIFT, HELD, UNKNOWN, result

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
)
INNOCENT = (
    "emulators: linux/arm64 is not registered, wanted runs",
    "unix:///var/run/docker.sock",
    "credentials: true",
    "apply would run docker buildx inspect --bootstrap container-builder",
    "save or push what is needed, then say image_store: {existing: hide}",
    "https://docs.docker.com/build/",
    "keys: emulators",
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
    assert SECRET not in secrets.text(plans.as_text(plan))
    assert SECRET not in answers.document(System("/"), "plan", "changes", 2, changes=plans.as_json(plan))


def test_a_report_hides_what_an_older_agent_did_not() -> None:
    found = read._result(json.dumps(result(*rows())).encode(), "here")
    assert isinstance(found, read.Host)
    assert SECRET not in repr(found)
    assert SECRET not in text.render(Fleet(0, 1).add([found]).close())
