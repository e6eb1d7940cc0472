"""Certificates that only root may read are lent to the users who register the builder."""

import json
from pathlib import Path

from provisioner.builder import lend
from provisioner.builder.lend import Lend, TakeBack
from provisioner.host import System
from provisioner.runs import kinds
from tests.helpers.steps import quiet


def test_a_buildkitd_toml_names_the_copies_of_what_is_lent() -> None:
    pair = {"key": "/c/a.key", "cert": "/c/a.cert"}
    toml = {"registry": {"hub": {"ca": ["/c/ca.crt"], "keypair": [pair], "http": True}}}
    found = lend.pointed(toml, {"/c/a.key": "/run/provisioner/lent/0/a.key"})
    assert found["registry"]["hub"]["keypair"] == [{**pair, "key": "/run/provisioner/lent/0/a.key"}]
    assert found["registry"]["hub"]["ca"] == ["/c/ca.crt"]
    assert pair["key"] == "/c/a.key"


def test_the_journal_holds_no_key_that_was_lent(tmp_path: Path) -> None:
    """Each step and its inverse are written to the journal before it runs, and so are the steps of an undo."""
    host = System(str(tmp_path), {})
    copies = [Lend(f"/run/lent/{number}/a.key", f"/c/{number}.key", 7) for number in range(2)]
    for copy in copies:
        for path in (copy.source, copy.path):
            (tmp_path / path[1:]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / path[1:]).write_text("PRIVATE KEY")
    written = []
    for step in (*copies, *lend.gone(copies)):
        undo = step.inverse(host)
        again = [more for one in undo for more in one.inverse(host)]
        written += [json.dumps(kinds.to_dict(one)) for one in (step, *undo, *again)]
        if isinstance(step, TakeBack):
            assert not undo
            step.do(host, quiet)
    assert "PRIVATE" not in "".join(written)
    assert not (tmp_path / "run/lent").exists()
    assert all(kinds.to_dict(kinds.from_dict(json.loads(text))) == json.loads(text) for text in written)
    assert lend.gone(copies) == (*copies[0].inverse(host), *copies[1].inverse(host))


def test_what_is_taken_back_twice_is_no_error(tmp_path: Path) -> None:
    (tmp_path / "run/lent/1").mkdir(parents=True)
    for _ in range(2):
        TakeBack("/run/lent/0/a.key").do(System(str(tmp_path), {}), quiet)
    assert [path.name for path in (tmp_path / "run").rglob("*")] == ["lent", "1"]
