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
