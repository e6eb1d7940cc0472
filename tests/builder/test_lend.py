"""Certificates that only root may read are lent to the users who register the builder."""

from provisioner.builder import lend
from provisioner.builder.lend import Lend
from provisioner.steps.files import RemoveDirectory, RemoveFile


def test_a_buildkitd_toml_names_the_copies_of_what_is_lent() -> None:
    pair = {"key": "/c/a.key", "cert": "/c/a.cert"}
    toml = {"registry": {"hub": {"ca": ["/c/ca.crt"], "keypair": [pair], "http": True}}}
    found = lend.pointed(toml, {"/c/a.key": "/run/provisioner/lent/0/a.key"})
    assert found["registry"]["hub"]["keypair"] == [{**pair, "key": "/run/provisioner/lent/0/a.key"}]
    assert found["registry"]["hub"]["ca"] == ["/c/ca.crt"]
    assert pair["key"] == "/c/a.key"


def test_nothing_of_the_copies_stays() -> None:
    made = (Lend("/r/lent/0/a.key", "/c/a.key", 7), Lend("/r/lent/1/b.key", "/d/b.key", 7))
    assert lend.gone(made) == (
        *map(RemoveFile, ("/r/lent/0/a.key", "/r/lent/1/b.key")),
        *map(RemoveDirectory, ("/r/lent/0", "/r/lent/1", "/r/lent")),
    )
