"""The configuration: what is taken, what is refused, and what is remembered."""

import json
import os
import threading
from pathlib import Path

import pytest

from provisioner.config import desired, example, load, parse, references, schema
from provisioner.config.desired import Desired
from provisioner.config.load import Configuration
from provisioner.errors import ConfigError
from provisioner.host import System

PATH = "/etc/provisioner/provisioner.yaml"

REFUSED = {
    "an unknown key": ("platfroms: [linux/arm64]", "platfroms: there is no such key (line 1, column 1)"),
    "an unknown key in a section": ("builder: {nmae: x}", "builder.nmae: there is no such key"),
    "a key that stands twice": ("restart: never\nrestart: always", "'restart' appears twice (line 2, column 1)"),
    "a nested key that stands twice": ("builder:\n  name: a\n  name: b", "'name' appears twice (line 3, column 3)"),
    "a wrong type": ("emulators: {credentials: 'yes'}", "emulators.credentials: `yes` must be true or false"),
    "no such choice": ("restart: sometimes", "restart: `sometimes` is not one of the choices"),
    "a platform that is none": ("platforms: [linux/arm65]", "platforms[0]: `linux/arm65` is not a platform"),
    "no platform": ("platforms: []", "platforms: the list is empty"),
    "a builder's name that buildx refuses": ("builder: {name: -x}", "builder.name: `-x` cannot be used here"),
    "docker's own builder": ("builder: {name: default}", "builder.name: `default` is a name that docker itself uses"),
    "a directory that is not named": ("emulators: {source: directory}", "`directory` needs emulators.directory"),
    "a list": ("- linux/arm64", "the file must hold keys and values"),
    "broken YAML": ("platforms: [linux/arm64", "a list or mapping is not closed (line 1, column 24)"),
    "an alias": ("a: &x [1]\nb: *x", "aliases cannot be used (line 2, column 4)"),
    "a tag": ("restart: !!python/object:os.system x", "(line 1, column 10)"),
    "a date": ("daemon: {labels: [2026-01-01]}", "YAML reads this as a timestamp: quote it (line 1, column 19)"),
    "a date that is none": ("daemon: {labels: [2026-99-99]}", "YAML reads this as a timestamp"),
    "bytes": ("daemon: {a: !!binary aGk=}", "YAML reads this as a binary"),
    "a set": ("platforms: !!set {linux/arm64}", "YAML reads this as a set"),
    "no number": ("daemon: {a: .nan}", "YAML reads this as a float: quote it (line 1, column 13)"),
    "an endless number": ("daemon: {a: -.inf}", "YAML reads this as a float"),
    "a key that is no string": ("1: 2", "the key 1 is not a text"),
    "a control character": ("restart: \x07", "the file is not text"),
    "a tab": ("builder:\n\tname: x", "a tab cannot be used here (line 2, column 1)"),
    "two documents": ("restart: never\n---\nrestart: always", "the file holds two documents (line 2, column 1)"),
    "a list that is none": ("platforms: linux/arm64", "platforms: `linux/arm64` is not a list"),
    "a time zone that is none": ("restart: {window: {start: '22:00', length: 4h, zone: Europe/Berln}}", "no time zone"),
    "an image that is none": ("emulators: {image: 'tonistiigi/binfmt:'}", "emulators.image: `tonistiigi/binfmt:`"),
    "a mirror that is none": ("daemon: {registry-mirrors: [mirror.example]}", "must begin with https:// or http://"),
    "a registry with a path": ("daemon: {insecure-registries: [a.example/b]}", "without a path"),
    "a length of time that is none": ("restart: {window: {start: '22:00', length: 4x}}", "restart.window.length"),
    "a megabyte": ("# " + "x" * (1 << 20), "larger than"),
}


@pytest.fixture
def host(tmp_path: Path) -> System:
    return System(str(tmp_path), {})


def write(host: System, path: str, text: str) -> None:
    Path(host.path(path)).parent.mkdir(parents=True, exist_ok=True)
    Path(host.path(path)).write_text(text)


def test_no_file_means_the_defaults(host: System) -> None:
    assert load.load(host, None).desired == Desired()


def test_a_file_that_is_named_has_to_be_there(host: System) -> None:
    with pytest.raises(ConfigError, match=r"/etc/other.yaml: there is no such file"):
        load.load(host, "/etc/other.yaml")


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_is_named_with_its_file_and_place(host: System, name: str) -> None:
    text, words = REFUSED[name]
    write(host, PATH, text)
    with pytest.raises(ConfigError) as raised:
        load.load(host, None)
    assert raised.value.message.startswith(f"{PATH}: ")
    assert words in raised.value.message
    assert raised.value.hint


def test_platforms_are_normalised_and_stand_once(host: System) -> None:
    write(host, PATH, "platforms: [arm64, linux/arm64/v8, x86_64]")
    assert load.load(host, None).desired.platforms == ("linux/arm64", "linux/amd64")


def test_the_defaults_of_the_schema_are_those_of_the_code() -> None:
    found = json.loads(schema.text())["properties"]
    for name, value in desired.to_json(Desired()).items():
        if isinstance(value, dict):
            for key, inner in value.items():
                rule = found[name]["properties"][key]
                assert rule.get("default", "") == inner, f"{name}.{key}"
        elif name not in ("only", "delete_caches"):  # the command line's
            assert found[name]["default"] == (list(value) if isinstance(value, tuple) else value), name


def test_the_schema_knows_an_image_by_docker_s_own_rule() -> None:
    image = json.loads(schema.text())["properties"]["emulators"]["properties"]["image"]
    assert image["pattern"] == f"^{references.IMAGE.pattern}$"


SEVERAL = """\
platfroms: [linux/arm64]
builder:
  nmae: x
  driver: docker-contaner
emulators:
  image: "tonistiigi/Binfmt"
daemon:
  registry-mirrors: [ftp://a.example]
"""


def test_all_mistakes_are_found_at_once_in_the_order_of_the_file() -> None:
    _, wrong = parse.judge(SEVERAL, PATH)
    assert [(p.line, p.where) for p in wrong] == [
        (1, "platfroms"),
        (3, "builder.nmae"),
        (4, "builder.driver"),
        (6, "emulators.image"),
        (8, "daemon.registry-mirrors[0]"),
    ]
    assert all(
        f"did you mean {word}?" in p.hint
        for p, word in zip(wrong, ("platforms", "name", "docker-container"), strict=False)
    )
    with pytest.raises(ConfigError) as raised:
        parse.parse(SEVERAL, PATH)
    assert "lists 4 more mistakes" in (raised.value.hint or "")


def test_the_example_asks_for_exactly_the_defaults() -> None:
    assert parse.parse(example.configuration(), "example") == Desired()


def test_what_was_validated_is_remembered_whole(host: System) -> None:
    write(host, PATH, "platforms: [linux/s390x]\nbuilder: {driver_options: {network: host}}\n")
    found = load.load(host, None)
    write(host, load.remembered(host), load.memory(found) or "")
    assert load.load(host, None) == found


def test_an_edit_while_an_apply_runs_is_not_taken_for_what_the_apply_has_read(host: System) -> None:
    write(host, PATH, "restart: always")
    found = load.load(host, None)
    write(host, PATH, "restart: never")
    write(host, load.remembered(host), load.memory(found) or "")
    assert load.load(host, None).desired.restart.policy == "never"


def test_a_configuration_from_a_pipe_is_read_once_and_whole(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    text = f"# {'x' * 200_000}\nrestart: never\n"
    writer = threading.Thread(target=pipe.write_text, args=(text,))
    writer.start()
    found = load.load(System("/", {}), str(pipe))
    writer.join()
    assert found.text == text
    assert found.desired.restart.policy == "never"


def test_a_file_without_an_end_is_refused() -> None:
    with pytest.raises(ConfigError, match="larger than"):
        load.load(System("/", {}), "/dev/zero")


def test_a_directory_is_a_mistake_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="directory"):
        load.load(System("/", {}), str(tmp_path))


def test_what_another_agent_has_made_of_a_text_does_not_count(host: System) -> None:
    write(host, PATH, "restart: never")
    mine = load.memory(Configuration(Desired(), PATH, "restart: never")) or ""
    theirs = {
        **json.loads(mine),
        "agent": "0.0.1",
        "desired": {"retsart": 1},
    }
    write(host, load.remembered(host), json.dumps(theirs))
    assert load.load(host, None).desired.restart == desired.Restarts("never")


def test_another_text_is_not_taken_for_the_remembered_one(host: System) -> None:
    write(host, PATH, "restart: never")
    write(host, load.remembered(host), load.memory(load.load(host, None)) or "")
    write(host, PATH, "restart: allways")
    with pytest.raises(ConfigError, match="allways"):
        load.load(host, None)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"text": 1}', "\x00"])
def test_a_memory_that_is_not_whole_is_no_memory(host: System, text: str) -> None:
    write(host, PATH, "restart: never")
    write(host, load.remembered(host), text)
    assert load.load(host, None).desired.restart.policy == "never"
