"""The configuration: what is taken, what is refused, and what is remembered."""

import json
from pathlib import Path

import pytest

from provisioner.config import desired, example, schema
from provisioner.config.desired import Desired
from provisioner.errors import ConfigError
from provisioner.host import System

PATH = "/etc/provisioner/provisioner.yaml"

REFUSED = {
    "an unknown key": ("platfroms: [linux/arm64]", "platfroms: there is no such key"),
    "an unknown key in a section": ("builder: {nmae: x}", "builder.nmae: there is no such key"),
    "a key that stands twice": ("restart: never\nrestart: always", "'restart' stands twice at line 2, column 1"),
    "a nested key that stands twice": ("builder:\n  name: a\n  name: b", "'name' stands twice at line 3, column 3"),
    "a wrong type": ("emulators: {credentials: 'yes'}", "emulators.credentials: 'yes' is no boolean"),
    "no such choice": ("restart: sometimes", "restart: 'sometimes' is not one of the choices"),
    "a platform that is none": ("platforms: [linux/arm65]", "platforms[0]: 'linux/arm65' is no platform"),
    "no platform": ("platforms: []", "platforms: it is empty"),
    "a builder's name that buildx refuses": ("builder: {name: -x}", "builder.name: '-x' cannot be taken"),
    "docker's own builder": ("builder: {name: default}", "builder.name: 'default' is taken by docker itself"),
    "a directory that is not named": ("emulators: {source: directory}", "but none is named"),
    "a list": ("- linux/arm64", "it holds no mapping"),
    "broken YAML": ("platforms: [linux/arm64", "at line 1"),
    "an alias": ("a: &x [1]\nb: *x", "aliases are not taken"),
    "a tag": ("restart: !!python/object:os.system x", "at line 1"),
    "a date": ("daemon: {labels: [2026-01-01]}", "to YAML this is a timestamp: quote it at line 1, column 19"),
    "a date that is none": ("daemon: {labels: [2026-99-99]}", "to YAML this is a timestamp"),
    "bytes": ("daemon: {a: !!binary aGk=}", "to YAML this is a binary"),
    "a set": ("platforms: !!set {linux/arm64}", "to YAML this is a set"),
    "no number": ("daemon: {a: .nan}", "to YAML this is a float: quote it at line 1, column 13"),
    "an endless number": ("daemon: {a: -.inf}", "to YAML this is a float"),
    "a key that is no string": ("1: 2", "the key 1 is no string"),
    "a control character": ("restart: \x07", "no YAML"),
    "a megabyte": ("# " + "x" * (1 << 20), "larger than"),
}


@pytest.fixture
def host(tmp_path: Path) -> System:
    return System(str(tmp_path), {})


def write(host: System, path: str, text: str) -> None:
    Path(host.path(path)).parent.mkdir(parents=True, exist_ok=True)
    Path(host.path(path)).write_text(text)


def test_no_file_means_the_defaults(host: System) -> None:
    assert desired.load(host, None) == Desired()


def test_a_file_that_is_named_has_to_be_there(host: System) -> None:
    with pytest.raises(ConfigError, match=r"/etc/other.yaml: there is no such file"):
        desired.load(host, "/etc/other.yaml")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named_with_its_file_and_place(host: System, name: str) -> None:
    text, words = REFUSED[name]
    write(host, PATH, text)
    with pytest.raises(ConfigError) as raised:
        desired.load(host, None)
    assert raised.value.message.startswith(f"{PATH}: ")
    assert words in raised.value.message
    assert raised.value.hint


def test_platforms_are_normalised_and_stand_once(host: System) -> None:
    write(host, PATH, "platforms: [arm64, linux/arm64/v8, x86_64]")
    assert desired.load(host, None).platforms == ("linux/arm64", "linux/amd64")


def test_the_defaults_of_the_schema_are_those_of_the_code() -> None:
    found = json.loads(schema.text())["properties"]
    for name, value in desired.to_json(Desired()).items():
        if isinstance(value, dict):
            for key, inner in value.items():
                rule = found[name]["properties"][key]
                assert rule.get("default", "") == inner, f"{name}.{key}"
        elif name != "only":  # the command line's
            assert found[name]["default"] == (list(value) if isinstance(value, tuple) else value), name


def test_the_example_asks_for_exactly_the_defaults() -> None:
    assert desired.parse(example.configuration(), "example") == Desired()


def test_what_was_validated_is_remembered_whole(host: System) -> None:
    write(host, PATH, "platforms: [linux/s390x]\nbuilder: {driver_options: {network: host}}\n")
    wanted = desired.load(host, None)
    memory = desired.memory(host, None, wanted)
    assert memory is not None
    write(host, desired.remembered(host), memory)
    assert desired.load(host, None) == wanted


def test_what_another_agent_has_made_of_a_text_does_not_count(host: System) -> None:
    write(host, PATH, "restart: never")
    theirs = {**json.loads(desired.remember("restart: never", Desired())), "agent": "0.0.1", "desired": {"retsart": 1}}
    write(host, desired.remembered(host), json.dumps(theirs))
    assert desired.load(host, None).restart == desired.Restarts("never")


def test_another_text_is_not_taken_for_the_remembered_one(host: System) -> None:
    write(host, PATH, "restart: never")
    write(host, desired.remembered(host), desired.memory(host, None, desired.load(host, None)) or "")
    write(host, PATH, "restart: allways")
    with pytest.raises(ConfigError, match="allways"):
        desired.load(host, None)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"text": 1}', "\x00"])
def test_a_memory_that_is_not_whole_is_no_memory(host: System, text: str) -> None:
    write(host, PATH, "restart: never")
    write(host, desired.remembered(host), text)
    assert desired.load(host, None).restart.policy == "never"
