"""The quick reader of JSON agrees with ``json``, in what it returns and in what it refuses."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provisioner.text import plain_json

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
VALUES = st.recursive(SCALARS, lambda v: st.lists(v, max_size=3) | st.dictionaries(st.text(max_size=4), v, max_size=3))
TEXTS = st.text(alphabet='{}[]",:0123456789.eE+-tfnN \t\n\\u\ufeff\0é', max_size=12)
ODD = ("", " ", "{} {}", "[1]x", "\ufeff{}", "NaN", "[-Infinity]", '{"a": 1, "a": 2}', "[" * 100_000, '"\\ud800"', "01")


def answer(read: Callable[..., Any], text: str | bytes, **options: Any) -> tuple[str, str]:
    """Return what a reader returns or raises, as texts: NaN differs from itself."""
    try:
        return "returns", repr(read(text, **options))
    except (ValueError, RecursionError) as e:
        return type(e).__name__, "" if isinstance(e, RecursionError) else str(e)


def agree(text: str | bytes) -> None:
    assert answer(plain_json.loads, text) == answer(json.loads, text)
    if isinstance(text, str):
        assert answer(plain_json.first, text) == answer(first, text)


def first(text: str) -> Any:
    return json.JSONDecoder().raw_decode(text.lstrip(plain_json.BLANKS))[0]


@given(VALUES, st.sampled_from((None, 2)))
def test_a_value_is_read_as_by_json(value: Any, indent: int | None) -> None:
    text = plain_json.dumps(value, indent=indent)
    agree(f" \n{text}\t")
    agree(text.encode())


@given(TEXTS)
def test_any_text_is_read_or_refused_as_by_json(text: str) -> None:
    agree(text)
    agree(text.encode())


@given(st.binary(max_size=8))
def test_any_bytes_are_read_or_refused_as_by_json(data: bytes) -> None:
    agree(data)


@pytest.mark.parametrize("text", ODD)
@pytest.mark.parametrize("encoding", ["", "utf-8-sig", "utf-16", "utf-16-le", "utf-32"])
def test_an_odd_text_is_read_or_refused_as_by_json(text: str, encoding: str) -> None:
    agree(text.encode(encoding, "surrogatepass") if encoding else text)


def test_pairs_numbers_and_constants_go_to_the_callers_functions() -> None:
    options = {"object_pairs_hook": list, "parse_float": str, "parse_constant": str}
    text = '{"a": 1.50, "a": [NaN]}'
    assert answer(plain_json.loads, text, **options) == answer(json.loads, text, **options)
    assert plain_json.loads(text, object_pairs_hook=list, parse_float=str, parse_constant=str) == [
        ("a", "1.50"),
        ("a", ["NaN"]),
    ]
