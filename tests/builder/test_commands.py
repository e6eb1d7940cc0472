"""Options reach buildx as they are: it reads each as one line of CSV."""

import csv

import pytest

from provisioner.builder import commands, store
from provisioner.config.desired import Builder


@pytest.mark.parametrize("value", ["a", "a,b", 'a,"b" c', '"b"', "a b", "", "localhost,.corp.example,10.0.0.0/8"])
def test_an_option_is_one_field_whatever_it_holds(value: str) -> None:
    node = store.Node("b0", "unix:///s", options={"env.X": value})
    argv = commands.create(Builder(name="b"), None, None, "", node)
    word = argv[argv.index("--driver-opt") + 1]
    assert list(csv.reader([word])) == [[f"env.X={value}"]]
