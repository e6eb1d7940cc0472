"""Texts and answers that anybody could have made: each is read, or refused in words, and never ends in a traceback.

A run of the tests draws a few hundred of each. ``FUZZ=100000 python -m pytest tests/fuzz`` draws as many as that.
"""

import contextlib
import json
import os
import socket
from typing import Any

import hypothesis
import pytest
from hypothesis import strategies as st

from provisioner import secrets
from provisioner.errors import NoEngineError, ProvisionerError
from provisioner.host import wire
from provisioner.image import candidate
from provisioner.platforms import binfmt, elf, table
from provisioner.text import byte_order, json_edit, json_read, strict_yaml, terminal, toml

COUNT = int(os.environ.get("FUZZ", "200"))
hypothesis.settings.register_profile(
    "provisioner",
    max_examples=COUNT,
    database=None,
    deadline=None,
    derandomize="FUZZ" not in os.environ,
    suppress_health_check=list(hypothesis.HealthCheck),
)
hypothesis.settings.load_profile("provisioner")

# what a file's bytes come to: any letter, and bytes that are none
TEXTS = st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda b: b.decode("utf-8", "surrogateescape")))
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
VALUES = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=10), inner, max_size=4)
)
WORDS = st.sampled_from(
    [*'{}[]:,"\\\n\r\t #-&*!|>%@`', "true", "null", "1e999", "NaN", "\ufeff", "\\u00", "key", "= ", "'''", "[[", "e9"]
)
CRAFTED = st.lists(WORDS | st.text(max_size=4), max_size=40).map("".join)
KEYS = st.lists(st.text(max_size=5), min_size=1, max_size=3).map(tuple)


@hypothesis.given(TEXTS | CRAFTED | VALUES.map(lambda v: json.dumps(v, indent=1)))
def test_json(text: str) -> None:
    with contextlib.suppress(ProvisionerError):
        assert isinstance(json_read.load(text, "x", (("a", "b"),)), dict)


@hypothesis.given(st.dictionaries(st.text(max_size=5), VALUES, max_size=5), KEYS, VALUES)
def test_an_edit_of_json(found: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    text = json.dumps(found, indent=2)
    with contextlib.suppress(ProvisionerError):
        json_read.load(text, "x")
        json_edit.put(text, keys, value)
        json_edit.drop(text, keys)


@hypothesis.given(TEXTS | CRAFTED)
def test_an_edit_of_any_text_that_is_accepted(text: str) -> None:
    with contextlib.suppress(ProvisionerError):
        json_read.load(text, "x", (("a",),))
        after = json_edit.put(text, ("a",), True)
        assert json_read.load(after, "x")["a"] is True


@hypothesis.given(TEXTS | CRAFTED)
def test_yaml(text: str) -> None:
    with contextlib.suppress(ProvisionerError):
        strict_yaml.judge(text)


@hypothesis.given(TEXTS | CRAFTED)
def test_toml(text: str) -> None:
    with contextlib.suppress(ProvisionerError):
        dict(toml.leaves(toml.read(text, "x")))


@hypothesis.given(st.sampled_from([*("\ufeff", "\udcff\udcfe", "\udcfe\udcff", "")]), TEXTS)
def test_a_byte_order_mark(mark: str, text: str) -> None:
    with contextlib.suppress(ProvisionerError):
        assert byte_order.wrap(*byte_order.unwrap(mark + text, "x")) == mark + text


LINES = st.lists(
    st.sampled_from(
        [
            "enabled",
            "interpreter /x",
            "flags: POCF",
            "offset 0",
            "magic 7f",
            "mask ff",
            "magic zz",
            "offset x",
            "mask f",
        ]
    )
    | st.text(max_size=20)
).map("\n".join)


@hypothesis.given(TEXTS | LINES)
def test_an_entry_of_the_kernel_s_table(text: str) -> None:
    with contextlib.suppress(ValueError):
        entry = binfmt.parse_entry(text)
        binfmt.serves(entry.magic, entry.mask, entry.offset, b"\x7fELF")
        binfmt.line("x", entry)


FIELDS = st.lists(
    st.sampled_from(["M", "E", "\\x7f", "\\\\", "\\x", "0", "+1", "/q", "POCF", "#"]) | st.text(max_size=6)
)


@hypothesis.given(TEXTS | FIELDS.map(":".join) | FIELDS.map(lambda f: ":" + ":".join(f[:7])))
def test_a_rule_of_binfmt_d(text: str) -> None:
    for rule in binfmt.parse_rules(text):
        assert len(rule.mask) == len(rule.magic)


@hypothesis.given(st.binary(max_size=300) | st.binary(max_size=300).map(lambda b: b"\x7fELF\2\1" + b))
def test_a_program_s_head(data: bytes) -> None:
    assert elf.machine(data) in (None, *elf.ARCHITECTURES)
    assert elf.needs_interpreter(data) in (None, True, False)


@hypothesis.given(TEXTS)
def test_a_platform_s_name(name: str) -> None:
    with contextlib.suppress(ValueError):
        assert table.normalise(name) in table.PLATFORMS


@pytest.mark.timeout(max(600, COUNT // 20))
@hypothesis.given(TEXTS | CRAFTED, VALUES)
def test_a_text_without_its_secrets(text: str, value: Any) -> None:
    try:
        secrets.learn(value)
        terminal.printable(secrets.text(text))
        secrets.everywhere(value)
    finally:
        secrets.forget()


@hypothesis.given(st.dictionaries(st.sampled_from(sorted(candidate.KNOWN)) | st.text(max_size=8), VALUES, max_size=6))
def test_a_daemon_json_of_an_image(found: dict[str, Any]) -> None:
    candidate.judge(json.dumps(found), "x", ("--debug", "-H", "fd://", "--log-opt=a=b"), (28, 5))


HEADS = st.sampled_from(
    [b"HTTP/1.0 200 OK\r\n\r\n", b"HTTP/1.1 ", b"HTTP/1.0 99x\r\n\r\n", b"\r\n\r\n", b"HTTP/1.0 404 \r\n\r\n", b""]
)


@hypothesis.given(HEADS, st.binary(max_size=300) | VALUES.map(lambda v: json.dumps(v).encode()))
def test_an_answer_of_somebody_who_listens(head: bytes, body: bytes) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, contextlib.suppress(NoEngineError):
        theirs.sendall(head + body)
        theirs.close()
        status, content = wire.receive("/s", ours, 5)
        assert 0 <= status < 1000
        wire.content("/s", "/info", content)
