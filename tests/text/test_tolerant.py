"""Values that may be damaged or odd are read or refused, and never raise an error."""

import json

import pytest

from provisioner.text import tolerant


@pytest.mark.parametrize(
    "text", [None, "", "{", "[]", "null", "7", "[" * 99999, "\udcff", '"x"', '{"a":' * 200 + "1" + "}" * 200]
)
def test_what_is_no_object_is_an_empty_one(text: str | None) -> None:
    assert tolerant.mapping(text) == {}


@pytest.mark.parametrize(
    ("text", "number"),
    [("7", 7), ("007", 7), ("", None), ("²", None), ("٣", None), ("-1", None), ("+1", None), ("9" * 5000, None)],
)
def test_a_number_has_ascii_digits_and_not_too_many(text: str, number: int | None) -> None:
    assert tolerant.number(text) == number


def test_a_text_is_encoded_as_docker_reads_it() -> None:
    assert tolerant.encoded("é") == "é".encode()
    assert tolerant.encoded("\udcff") == b"\xff"
    half = json.loads('"a\\ud800b"')
    assert tolerant.encoded(half) == "a\ufffdb".encode()
    assert tolerant.encoded("\U0001f600") == "\U0001f600".encode()


def test_what_is_nested_like_nothing_that_people_write_is_not_taken() -> None:
    deepest = json.loads("[" * 100 + "1" + "]" * 100)
    assert tolerant.shallow(deepest) is deepest
    for text in ("[" * 101 + "1" + "]" * 101, '{"a": [' * 51 + "]}" * 51):
        with pytest.raises(RecursionError):
            tolerant.shallow(json.loads(text))
