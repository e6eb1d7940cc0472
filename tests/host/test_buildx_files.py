"""Which builder a shell builds with: buildx itself and a check, side by side, whatever is in buildx's folder."""

import json
import shlex
from collections.abc import Mapping
from types import MappingProxyType

import pytest

from tests.conftest import Boot
from tests.helpers.booted import LAYERS, agent
from tests.helpers.builders import START
from tests.hosts import Host

pytestmark = [pytest.mark.host, pytest.mark.timeout(300)]
NAME = "container-builder"
CHOICE = f'{{"Key":"unix:///var/run/docker.sock","Name":"{NAME}","Global":false}}'
RECORD = (
    f'{{"Name":"{NAME}","Driver":"docker-container","Nodes":[{{"Name":"{NAME}0",'
    '"Endpoint":"unix:///var/run/docker.sock"}]}'
)
NODE = '"Endpoint"'  # the first field of a node that others go in front of
INSTANCE, ACTIVITY, DEFAULT = (
    f"instances/{NAME}",
    f"activity/{NAME}",
    "defaults/13c4025c96f36e94b348",  # of docker's own socket
)
CONTEXT = "../contexts/meta/abc/meta.json"
BELOW = "../contexts/meta/abc/def/meta.json"
SOUND = {"current": CHOICE, INSTANCE: RECORD, DEFAULT: NAME}
DIRECTORY = "<a directory>"
# By what it tries: the files in buildx's folder that differ from a sound one. None: there is no such file.
FOLDERS: Mapping[str, Mapping[str, str | None]] = MappingProxyType({
    "a sound folder": {},
    "no folder": dict.fromkeys(SOUND),
    "a time of the last build": {ACTIVITY: "2026-01-02T03:04:05Z"},
    "a time with a zone": {ACTIVITY: "2026-01-02T03:04:05+02:00"},
    "a time with fractions": {ACTIVITY: "2026-01-02T03:04:05.25Z"},
    "an empty time": {ACTIVITY: ""},
    "a time and an end of line": {ACTIVITY: "2026-01-02T03:04:05Z\n"},
    "no time": {ACTIVITY: "yesterday"},
    "a day that does not exist": {ACTIVITY: "2026-02-30T03:04:05Z"},
    "a time in small letters": {ACTIVITY: "2026-01-02t03:04:05z"},
    "a directory for the time": {ACTIVITY: DIRECTORY},
    "an empty choice": {"current": ""},
    "a choice that is no JSON": {"current": "{"},
    "a choice and more behind it": {"current": f"{CHOICE} more"},
    "a choice of null": {"current": "null"},
    "a list of choices": {"current": f"[{CHOICE}]"},
    "a choice with a number for a name": {"current": '{"Key": "x", "Name": 5}'},
    "a choice with a word for global": {"current": '{"Key": "x", "Name": "other", "Global": "true"}'},
    "a choice with null for its fields": {"current": '{"Key": null, "Name": null, "Global": null}'},
    "a choice in small letters": {"current": '{"key": "unix:///var/run/docker.sock", "name": "gone"}'},
    "a choice of a field in two spellings": {"current": f'{CHOICE[:-1]},"NAME":"gone"}}'},
    "a choice for another engine": {"current": '{"Key": "unix:///run/other.sock", "Name": "gone"}'},
    "a choice of a builder that is gone": {"current": CHOICE.replace(NAME, "gone")},
    "a choice for every engine that is gone": {"current": '{"Key": "x", "Name": "gone", "Global": true}'},
    "a choice that is gone, here and everywhere": {"current": CHOICE.replace(NAME, "gone").replace("false", "true")},
    "a choice in capitals": {"current": CHOICE.replace(NAME, NAME.upper())},
    "a choice that is no name": {"current": CHOICE.replace(NAME, "../x")},
    "a directory for the choice": {"current": DIRECTORY},
    "no choice": {"current": None},
    "no choice and no default": {"current": None, DEFAULT: None},
    "a default and an end of line": {"current": None, DEFAULT: f"{NAME}\n"},
    "a default in blanks": {"current": None, DEFAULT: f" {NAME} "},
    "a default in capitals": {"current": None, DEFAULT: NAME.upper()},
    "an empty default": {"current": None, DEFAULT: ""},
    "a default that is gone": {"current": None, DEFAULT: "gone"},
    "a directory for the default": {"current": None, DEFAULT: DIRECTORY},
    "a directory for a default that does not count": {DEFAULT: DIRECTORY},
    "a broken record": {INSTANCE: "{"},
    "an empty record": {INSTANCE: ""},
    "a record and more behind it": {INSTANCE: f"{RECORD} more"},
    "a record of null": {INSTANCE: "null"},
    "a record with another name": {INSTANCE: RECORD.replace(f'"{NAME}"', '"other"')},
    "a record in small letters": {INSTANCE: RECORD.replace("Name", "name").replace("Driver", "driver")},
    "a record with a number for options": {INSTANCE: RECORD.replace(NODE, f'"DriverOpts":{{"memory":5}},{NODE}')},
    "a record with a word for flags": {INSTANCE: RECORD.replace(NODE, f'"Flags":"--debug",{NODE}')},
    "a record with a word for files": {INSTANCE: RECORD.replace(NODE, f'"Files":{{"a":"no base64!"}},{NODE}')},
    "a record with lines in a file": {INSTANCE: RECORD.replace(NODE, f'"Files":{{"a":"YQ=\\n="}},{NODE}')},
    "a record with a word for dynamic": {INSTANCE: f'{RECORD[:-1]},"Dynamic":"no"}}'},
    "a record with a number for a platform": {INSTANCE: RECORD.replace(NODE, f'"Platforms":[{{"os":5}}],{NODE}')},
    "a directory for the record": {INSTANCE: DIRECTORY},
    "a link to nothing for the record": {INSTANCE: "<a link to nothing>"},
    "another record is broken": {"instances/other": "{"},
    "another record has no time": {"instances/other": RECORD.replace(NAME, "other"), "activity/other": "x"},
    "the time of a builder that is gone": {"activity/gone": "x"},
    "a directory for the lock": {".lock": DIRECTORY},
    "a context": {CONTEXT: '{"Name":"abc","Metadata":{"Description":"x","y":[1]},"Endpoints":{"docker":{}}}'},
    "a context in small letters": {CONTEXT: '{"name":"abc","endpoints":{"docker":{"host":"tcp://192.0.2.1"}}}'},
    "a context with another endpoint": {CONTEXT: '{"Name":"abc","Endpoints":{"kubernetes":{"Host":5}}}'},
    "a context of null": {CONTEXT: "null"},
    "a broken context": {CONTEXT: "{"},
    "a directory for a context's file": {CONTEXT: DIRECTORY},
    "a link to nothing for a context's file": {CONTEXT: "<a link to nothing>"},
    "a file in the place of a context": {"../contexts/meta/abc": "{"},
    "a broken context in a folder below": {BELOW: "{"},
    "a broken context in a context's folder": {CONTEXT: '{"Name":"abc"}', BELOW: "{"},
    "a file beside the contexts": {"../contexts/meta/meta.json": "{"},
    "an empty context": {CONTEXT: ""},
    "a context and more behind it": {CONTEXT: "{} {}"},
    "a context with a number for a host": {CONTEXT: '{"Name":"abc","Endpoints":{"docker":{"Host":5}}}'},
    "a context with a number for its name": {CONTEXT: '{"Name":5}'},
    "a context with a list of data": {CONTEXT: '{"Name":"abc","Metadata":[]}'},
    "a context without a file": {"../contexts/meta/abc/other": "x"},
    "a file among the contexts": {"../contexts/meta/abc": "x"},
})  # fmt: skip
HOMES = """
import json, os, sys
sys.path.insert(0, "/usr/local/lib/provisioner")
from provisioner.builder import resource
from provisioner.config.desired import Builder, Desired
from provisioner.engine import facts
from provisioner.host import System
said = {}
for folder in sys.argv[1:]:
    host = System("/", {**os.environ, "DOCKER_CONFIG": folder})
    desired = Desired(builder=Builder(users=(host.user,)))
    found = facts.gather(host, desired)
    have = resource.have(host, found, resource.want(desired, found))
    said[folder] = [str(have[key]) for key in ("registered", "selected", "files that buildx cannot read")]
print(json.dumps(said))
"""
FORMS = {DIRECTORY: "mkdir -p", "<a link to nothing>": "ln -sfn /nowhere"}


@pytest.fixture
def host(boot: Boot) -> Host:
    found = boot("forky", layers=LAYERS, agent=True)
    found.sh("useradd --create-home --groups docker someone", check=True)
    return found


def _folder(number: int, files: Mapping[str, str | None]) -> str:
    """Return the shell script that makes a user's folder."""
    top = f"/home/someone/f{number}/buildx"
    lines = [f"mkdir -p {top}/instances {top}/defaults {top}/activity"]
    for name, text in {**SOUND, **files}.items():
        path = f"{top}/{name}"
        lines.append(f"mkdir -p $(dirname {path})")
        if text in FORMS:
            lines.append(f"{FORMS[text]} {path}")
        elif text is not None:
            lines.append(f"printf %s {shlex.quote(text)} > {path}")
    return "\n".join(lines)


def test_a_shell_builds_with_the_builder_that_a_check_says(host: Host) -> None:
    """Whatever is in buildx's folder, a check says that the builder is selected only if buildx takes it."""
    made = "\n".join(_folder(number, files) for number, files in enumerate(FOLDERS.values()))
    host.sh(made, user="someone", check=True)
    folders = [f"/home/someone/f{number}" for number in range(len(FOLDERS))]
    env = {"HOME": "/home/someone"}
    ours = host.run("python3", "-I", "-c", HOMES, *folders, user="someone", env=env, check=True).stdout
    asked = "for f; do DOCKER_CONFIG=$f docker buildx inspect 2>&1 | head -n1; done"
    theirs = host.sh(asked, *folders, user="someone", env=env, check=True).stdout.splitlines()
    differing = {}
    for name, found, said in zip(FOLDERS, json.loads(ours).values(), theirs, strict=True):
        registered, selected, unreadable = found
        taken = registered.startswith("docker-container") and selected == NAME and unreadable == "None"
        if taken != (said.split() == ["Name:", NAME]):
            differing[name] = (said, found)
    assert not differing, json.dumps(differing, indent=1)


def test_what_is_odd_in_a_folder_of_buildx_is_mended_or_named_first(host: Host) -> None:
    host.put("/etc/provisioner/provisioner.yaml", json.dumps({**START, "builder": {"users": ["root", "someone"]}}))
    done = agent(host, "apply")
    assert done.status == 0, json.dumps(done.document["left"])
    top = "/home/someone/.docker/buildx"
    inspected = ("docker", "buildx", "inspect")
    for path, text in (
        (ACTIVITY, "yesterday"),
        ("current", "{"),
        ("current", "{}\n{}"),
        (DEFAULT, f"{NAME}\n"),
        (INSTANCE, RECORD.replace(f'"{NAME}"', '"other"')),
        (INSTANCE, RECORD.replace(NODE, f'"Flags":"--debug",{NODE}')),
    ):
        host.sh(f"printf %s {shlex.quote(text)} > {top}/{path}", user="someone", check=True)
        assert agent(host, "check").status == 2, text
        assert agent(host, "apply").status == 0, text
        assert agent(host, "check").status == 0, text
        assert host.run(*inspected, user="someone", check=True).stdout.split()[:2] == ["Name:", NAME], text
        undone = agent(host, "rollback")
        assert undone.status == 0, undone.stderr
        assert host.get(f"{top}/{path}") == text.encode()
        assert agent(host, "apply").status == 0, text
    # a context that docker cannot read is somebody's
    host.put(f"{top}/{CONTEXT}", "{")
    host.sh("chown -R someone /home/someone/.docker/contexts", check=True)
    done = agent(host, "apply")
    assert (done.status, "broken-context" in str(done.document["left"])) == (5, True), done.stderr
    host.sh("rm -r /home/someone/.docker/contexts", check=True)
    assert agent(host, "check").status == 0
    # a directory is somebody's, and everything for the other user works
    host.sh(f"rm -f {top}/current; mkdir {top}/current", user="someone", check=True)
    host.sh(f"docker buildx rm --keep-daemon {NAME}", check=True)
    done = agent(host, "apply")
    assert (done.status, "wrong-kind" in str(done.document["left"])) == (5, True), done.stderr
    assert host.run(*inspected, check=True).stdout.split()[:2] == ["Name:", NAME]
