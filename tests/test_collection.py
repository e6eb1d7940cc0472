"""The Ansible collection, as far as it can be judged without Ansible: it says what the agent and its schema say."""

import ast
import importlib.util
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import yaml

from provisioner import __version__
from release import layout

CHECKOUT = Path(__file__).parents[1]
COLLECTION = CHECKOUT / "ansible"
ROLE = COLLECTION / "roles" / "provisioner"
SOURCES = sorted((COLLECTION / "plugins").rglob("*.py"))
TYPES = {"string": "str", "array": "list", "object": "dict", "boolean": "bool", "integer": "int"}
OLDEST_PYTHON = (3, 8)  # of a host, for the oldest ansible-core that is maintained


def load(name: str) -> ModuleType:
    """A module_utils of the collection."""
    spec = importlib.util.spec_from_file_location(name, COLLECTION / "plugins" / "module_utils" / f"{name}.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def constant(module: str, name: str) -> Any:
    """A constant of a module that cannot be imported here."""
    tree = ast.parse((COLLECTION / "plugins" / "modules" / f"{module}.py").read_text())
    [found] = [n.value for n in tree.body if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == name]
    return ast.literal_eval(found)


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


configuration, silence = load("configuration"), load("silence")
schema = json.loads((CHECKOUT / "provisioner" / "config" / "schema.json").read_text())
documented = yaml.safe_load(constant("provision", "DOCUMENTATION"))["options"]


def rules(found: dict[str, Any], path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every key of the schema that has a name, with its rule."""
    for name, rule in found.get("properties", {}).items():
        whole = {**schema["$defs"].get(rule.get("$ref", "").rpartition("/")[2], {}), **rule}
        whole["needed"] = name in found.get("required", ())
        yield path + name, whole
        if whole.get("type") != ["string", "object"]:  # restart, which is checked by the agent alone
            yield from rules(whole, f"{path}{name}.")
            yield from rules(whole.get("items", {}), f"{path}{name}.")


def options(found: dict[str, Any], inner: str, path: str = "") -> Iterator[tuple[str, dict[str, Any]]]:
    """Every option of an argument_spec, or of its documentation, in the same way."""
    for name, option in found.items():
        yield path + name, option
        yield from options(option.get(inner, {}), inner, f"{path}{name}.")


RULES = dict(rules(schema))
SPEC = dict(options(configuration.OPTIONS, "options"))
DOCUMENTED = dict(options(documented, "suboptions"))


def test_the_options_of_the_module_are_the_keys_of_the_schema() -> None:
    assert set(SPEC) == set(RULES)
    assert set(SPEC) == set(DOCUMENTED) - {"state", "only"}
    assert set(
        read(ROLE / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]["provisioner_config"]["options"]
    ) == {name for name in SPEC if "." not in name}


@pytest.mark.parametrize("name", sorted(RULES))
def test_an_option_has_the_type_and_the_choices_of_its_key(name: str) -> None:
    rule, option, said = RULES[name], SPEC[name], DOCUMENTED[name]
    kind = rule.get("type") or "string"
    assert option["type"] == ("raw" if isinstance(kind, list) else TYPES[kind])
    choices = rule.get("enum") or rule.get("items", {}).get("enum")
    assert option.get("choices") == choices == said.get("choices")
    if kind == "array":
        assert option["elements"] == TYPES[rule["items"].get("type", "string")]
    assert option.get("required", False) == rule["needed"]
    for key in ("type", "elements", "required"):
        assert option.get(key) == said.get(key)
    assert "default" not in option  # what a play leaves out is left to the agent


@pytest.mark.parametrize("name", sorted(n for n in RULES if RULES[n].get("default") not in (None, [], {})))
def test_the_agent_s_default_is_named(name: str) -> None:
    default = RULES[name]["default"]
    said = " ".join(DOCUMENTED[name]["description"])
    for value in default if isinstance(default, list) else [default]:
        assert f"V({str(value).lower() if isinstance(value, bool) else value})" in said.partition("By default")[2]


def test_the_file_holds_what_the_play_says_and_no_more() -> None:
    said = {
        **dict.fromkeys(configuration.OPTIONS),
        "image_store": {"backend": None, "existing": "hide"},
        "builder": {"name": None, "nodes": [{"endpoint": "ssh://a", "name": None}], "buildkitd": {"debug": None}},
        "daemon": {"bip": None},
        "state": "present",
    }
    text = configuration.text(said)
    assert text.startswith("# ")
    assert yaml.safe_load(text) == {
        "image_store": {"existing": "hide"},
        "builder": {"nodes": [{"endpoint": "ssh://a"}], "buildkitd": {"debug": None}},
        "daemon": {"bip": None},
    }
    assert configuration.text(dict.fromkeys(configuration.OPTIONS)) is None


@pytest.mark.parametrize(
    "line",
    [
        '"http-proxy": "http://me:hunter2@proxy:3128"',
        "proxy: https://hunter2@proxy/",
        '"auth-token": "hunter2",',
        "password: hunter2",
    ],
)
def test_no_secret_gets_into_a_diff(line: str) -> None:
    shown = configuration.shown(f"a: 1\n{line}\nb: 2\n")
    assert "hunter2" not in shown
    assert shown.startswith("a: 1\n")
    assert shown.endswith("\nb: 2\n")


PROXY = {"daemon": {"proxies": {"https-proxy": "http://me:secret-word@proxy.example.com:3128"}}}


@pytest.mark.parametrize(
    ("settings", "present", "wanted"),
    [
        ({"platforms": ["linux/amd64"]}, None, 0o644),
        ({"platforms": ["linux/amd64"]}, 0o640, 0o640),
        (PROXY, None, 0o600),
        (PROXY, 0o644, 0o640),
        (PROXY, 0o600, 0o600),
    ],
)
def test_only_root_may_read_a_configuration_with_a_password(
    settings: dict[str, Any], present: int | None, wanted: int
) -> None:
    assert configuration.mode(configuration.text(settings), present) == wanted


def test_a_character_beyond_the_first_plane_is_one_character_to_every_reader_of_yaml() -> None:
    said = configuration.text({"daemon": {"labels": ["team=😀"]}})
    assert "😀" in said
    assert yaml.safe_load(said) == {"daemon": {"labels": ["team=😀"]}}


def test_an_ordinary_configuration_is_shown_as_it_is() -> None:
    text = configuration.text({"builder": {"driver_options": {"image": "r/b:1@sha256:0"}}, "repair": ["emulators"]})
    assert configuration.shown(text) == text


@pytest.mark.parametrize("module", ["provision", "provision_info", "report"])
def test_a_play_can_name_each_return_value_with_a_dot(module: str) -> None:
    names = {name for name, _ in options(yaml.safe_load(constant(module, "RETURN")), "contains")}
    assert not {name.rpartition(".")[2] for name in names} & set(dir(dict))


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.name)
def test_a_plug_in_is_for_every_python_that_hosts_may_have(path: Path) -> None:
    tree = ast.parse(path.read_text(), feature_version=OLDEST_PYTHON)
    names = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
    allowed = {
        "__future__",
        "ansible",
        "ansible_collections",
        "concurrent",
        "datetime",
        "hashlib",
        "json",
        "os",
        "re",
        "subprocess",
    }
    assert {name.partition(".")[0] for name in names} <= allowed


def test_the_role_s_units_are_the_agent_s() -> None:
    folder = ROLE / "files" / "systemd"
    listed = {unit["name"] for unit in read(ROLE / "vars/main.yml")["provisioner_installed_units"]}
    assert {link.name for link in folder.iterdir()} == listed
    ties = {f"{tie['target']}:{tie['unit']}" for tie in read(ROLE / "vars/main.yml")["provisioner_ties"]}
    made = (Path(link).parts[-2:] for link in layout.LINKS)
    assert ties == {f"{target.removesuffix('.wants')}:{unit}" for target, unit in made}
    for link in folder.iterdir():
        assert link.is_symlink()
        assert link.resolve() == CHECKOUT / "systemd" / link.name
    assert {u.name for u in (CHECKOUT / "systemd").iterdir()} - listed == {
        "README.md",
        "examples",
        "provisioner.catalog",
    }


PACKAGES = {
    "provisioner": "provisioner",
    "docker-provisioner": "docker-provisioner",
    "python3-provisioner_0.1.0-1_all.deb": "python3-provisioner",
    "docker-provisioner-0.1.0-1.fc40.noarch.rpm": "docker-provisioner",
}


@pytest.mark.parametrize("given", PACKAGES)
def test_the_package_that_is_taken_away_is_the_one_that_was_installed(given: str) -> None:
    [task] = [t for t in read(ROLE / "tasks/absent.yml") if t["name"] == "Remove the package"]
    name = given
    for pattern in re.findall(r"regex_replace\('(.*?)', ''\)", task["ansible.builtin.package"]["name"]):
        name = re.sub(pattern, "", name)
    assert name == PACKAGES[given]


def test_no_task_of_the_role_takes_one_host_s_variables_for_another_s() -> None:
    tasks = [task for file in (ROLE / "tasks").iterdir() for task in read(file)]
    assert not [task["name"] for task in tasks if task.get("run_once")]


def test_the_role_s_defaults_are_those_that_it_documents() -> None:
    specs = read(ROLE / "meta/argument_specs.yml")["argument_specs"]["main"]["options"]
    assert read(ROLE / "defaults/main.yml") == {name: option["default"] for name, option in specs.items()}


def test_the_collection_is_of_one_version_with_the_agent() -> None:
    number, unreleased, _ = __version__.partition(".dev")
    assert read(COLLECTION / "galaxy.yml")["version"] == number
    assert unreleased or number in read(COLLECTION / "changelogs/changelog.yaml")["releases"]


OLD = "MODULE FAILURE\nSee stdout/stderr for the exact error"
TRACE = "Traceback (most recent call last):\n  File x\nMemoryError\n"
EARLY = "Task failed: Premature end of stream waiting for become success."
NEW = "Module result deserialization failed: No start of json char found"


@pytest.mark.parametrize(
    ("check", "code", "message"),
    [
        (
            {"msg": OLD, "module_stderr": "sudo: a password is required\n", "module_stdout": "", "rc": 1},
            "become-failed",
            "sudo: a password is required",
        ),
        (
            {
                "msg": NEW,
                "module_stderr": "Shared connection to 192.0.2.7 closed.\r\n",
                "module_stdout": "\r\n[sudo] password for deploy: \r\ndeploy is not in the sudoers file.\r\n"
                "This incident has been reported to the administrator.\r\n",
            },
            "become-failed",
            "deploy is not in the sudoers file.",
        ),
        (
            {"msg": f"{EARLY}\n>>> Standard Error\ndeploy is not in the sudoers file.\nThis incident was told.\n"},
            "become-failed",
            "deploy is not in the sudoers file.",
        ),
        (
            {"msg": f"{EARLY}\n>>> Standard Output\npam: locked\n>>> Standard Error\n"},
            "become-failed",
            "pam: locked",
        ),
        ({"msg": EARLY}, "become-failed", EARLY),
        ({"msg": OLD}, "no-answer", "MODULE FAILURE"),
        ({"msg": "Task failed: Missing sudo password"}, "become-failed", "Task failed: Missing sudo password"),
        (
            {"unreachable": True, "msg": "Timeout (12s) waiting for privilege escalation prompt: "},
            "become-failed",
            "Timeout (12s) waiting for privilege escalation prompt:",
        ),
        (
            {"msg": OLD, "module_stderr": "su: Authentication failure\n", "module_stdout": ""},
            "become-failed",
            "su: Authentication failure",
        ),
        (
            {"msg": NEW, "module_stderr": "Traceback\n  File x\nOSError: [Errno 28] No space left on device\n"},
            "no-answer",
            "OSError: [Errno 28] No space left on device",
        ),
        (
            {"msg": NEW, "module_stderr": "sh: 1: python3: not found\n\nTry another one.\n", "module_stdout": ""},
            "no-answer",
            "sh: 1: python3: not found",
        ),
        ({"msg": NEW, "module_stderr": "", "module_stdout": "\n"}, "no-answer", NEW),
        (
            {"unreachable": True, "msg": "Failed to connect to the host via ssh: Connection refused"},
            "unreachable",
            "Failed to connect to the host via ssh: Connection refused",
        ),
        (
            {"msg": NEW, "module_stderr": f"sudo: /etc/sudo.conf is group writable\n{TRACE}"},
            "no-answer",
            "MemoryError",
        ),
        (
            {"msg": NEW, "module_stdout": "sudo: unable to resolve host web-7: Name not known\r\nsh: no\r\n"},
            "no-answer",
            "sh: no",
        ),
        (
            {"unreachable": True, "msg": "ssh: connect to host sudo-1.example.com port 22: No route to host"},
            "unreachable",
            "ssh: connect to host sudo-1.example.com port 22: No route to host",
        ),
        (
            {"msg": "Unable to create a temporary directory: /home/sudo/.ansible/tmp"},
            "no-answer",
            "Unable to create a temporary directory: /home/sudo/.ansible/tmp",
        ),
        ({"installed": False, "msg": "the agent is not installed"}, "agent-missing", "the agent is not installed"),
        (
            {"installed": True, "failed": True, "msg": "the check did not answer in JSON (sudo: x)", "result": None},
            "no-answer",
            "the check did not answer in JSON (sudo: x)",
        ),
        ({}, "no-answer", "no-answer"),
    ],
)
def test_a_host_without_a_result_says_why(check: dict[str, Any], code: str, message: str) -> None:
    assert silence.why(check) == (code, message)
    assert code in silence.HINTS
