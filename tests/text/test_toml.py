"""TOML for buildkitd.toml."""

import tomllib
from typing import Any

import pytest

from provisioner.errors import ConfigError
from provisioner.text import toml

MAPPINGS: dict[str, dict[str, Any]] = {
    "nothing": {},
    "leaves": {"debug": True, "root": "/x", "n": 3, "f": 1.5, "l": ["a", "b"], "e": []},
    "tables": {"worker": {"oci": {"gc": True, "labels": {}}, "containerd": {"enabled": False}}},
    "names": {"registry": {"docker.io": {"mirrors": ["a:5000/x"]}, 'q"\\': {"http": True}, "é": {"http": False}}},
    "lists of tables": {
        "registry": {"r:1": {"keypair": [{"key": "/k", "cert": "/c"}, {"key": "/l"}], "ca": ["/a"]}},
        "worker": {"oci": {"gcpolicy": [{"all": True, "filters": ["a==b", "c"]}, {"labels": {"x": "y"}}]}},
    },
    "strings": {"s": 'a"\\\n\t\x00\x7f\u2028😀'},
}


@pytest.mark.parametrize("name", MAPPINGS)
def test_what_is_written_is_read_back(name: str) -> None:
    assert tomllib.loads(toml.write(MAPPINGS[name])) == MAPPINGS[name]


def test_leaves_have_dotted_names() -> None:
    assert dict(toml.leaves(MAPPINGS["names"])) == {
        'registry."docker.io".mirrors': '["a:5000/x"]',
        'registry."q\\"\\\\".http': True,
        'registry."é".http': False,
    }


def test_what_is_no_toml_is_refused_in_a_sentence() -> None:
    with pytest.raises(ConfigError, match="x: this is not valid TOML"):
        toml.read("a = ", "x")


ENDLESS = {
    "lists": "a = " + "[" * 300 + "]" * 300,
    "more lists": "a = " + "[" * 100_000,
    "tables": "a = " + "{a = " * 300 + "1" + "}" * 300,
    "a name": "a" + ".a" * 20_000 + " = 1",
    "a name in a table": "x = {" + "'a b' . " * 20_000 + "a = 1}",
    "a table's name": "[" + '"a".' * 20_000 + "a]",
    "names in tables in tables": "a = " + f"{{{'.'.join('a' * 60)} = " * 90 + "1" + "}" * 90,
    "letters": "a = '" + "x" * 300_000 + "'",
}


@pytest.mark.timeout(20)
@pytest.mark.parametrize("name", ENDLESS)
def test_what_would_take_all_memory_or_all_levels_of_calls_is_refused(name: str) -> None:
    """A user's record of a builder holds such a text, and root reads it. The library takes 40 GB for the name."""
    with pytest.raises(ConfigError, match="x: it "):
        toml.read(ENDLESS[name], "x")
