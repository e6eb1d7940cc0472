"""A report sees the same whether a result is read in full or by its form. Each text is read until its form is known."""

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.report import results as fleet
from provisioner.fleet import alike, results

NOW = datetime(2026, 1, 1, tzinfo=UTC)
FLEET = [json.dumps(found) for found in fleet(300, NOW)]
TIME = "2026-01-01T00:00:00Z"


def plain(**more: Any) -> dict[str, Any]:
    """Return a result that is in sync, with some fields replaced."""
    found = next(f for f in fleet(50, NOW) if f["status"] == "in-sync")
    return {**found, **more}


def unlike(text: str) -> object:
    """Read a text by its form and in full. Return both if they differ."""
    read = [alike.result(text.encode("utf-8", "surrogatepass"), "here") for _ in range(3)]
    whole = results.result(text.encode("utf-8", "surrogatepass"), "here")
    return None if read == [whole] * 3 else (read, whole)


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    alike._forms.clear()
    alike._once.clear()


def test_a_whole_fleet_is_read_as_before() -> None:
    assert [text for text in FLEET if unlike(text)] == []
    assert any(alike._forms.values())


HOST = {"id": "5", "machine": "x86_64"}
ODD: dict[str, Callable[[], str]] = {
    "a name with a quote": lambda: json.dumps(plain(host={"name": 'a"b', **HOST})),
    "a name of other letters": lambda: json.dumps(plain(host={"name": "héß", **HOST}), ensure_ascii=False),
    "a name with a newline in it": lambda: json.dumps(plain(host={"name": "ab", **HOST})).replace('"ab"', '"a\nb"'),
    "no name": lambda: json.dumps(plain(host={"name": "", **HOST})),
    "a blank for a name": lambda: json.dumps(plain(host={"name": " ", **HOST})),
    "blanks around a name": lambda: json.dumps(plain(host={"name": " a ", **HOST})),
    "no ID": lambda: json.dumps(plain(host={"name": "a", "id": None, "machine": "x"})),
    "the ID first": lambda: json.dumps(plain(host={"id": "5", "name": "a", "machine": "x"})),
    "two hosts": lambda: json.dumps(plain()).replace('"engine"', '"host": {"name": "b", "id": "6"}, "engine"', 1),
    "another object with a name first": lambda: json.dumps({"x": {"name": "b", "id": "6"}, **plain()}),
    "a name for a machine": lambda: json.dumps(plain(host={"name": "b", "id": "b", "machine": "b"})),
    "no such month": lambda: json.dumps(plain(time="2026-13-01T00:00:00Z")),
    "no such day": lambda: json.dumps(plain(time="2026-02-30T00:00:00Z")),
    "a time of another zone": lambda: json.dumps(plain(time="2026-01-01T00:00:00+02")),
    "a time that is a number": lambda: json.dumps(plain(time=5)),
    "two times": lambda: json.dumps(plain()).replace('"engine"', f'"time": "{TIME}", "engine"', 1),
    "a time in a hold": lambda: json.dumps(plain(hold={"until": TIME, "reason": TIME, "by": "x", "since": TIME})),
    "a time in a reason": lambda: json.dumps(
        plain(unknown=[{"resource": "builder", "key": "x", "want": TIME, "reason": f"{TIME} {TIME}"}])
    ),
    "a duration of two parts": lambda: json.dumps(plain()).replace("0.031}", "0.0.31}"),
    "a duration with zeros before it": lambda: json.dumps(plain()).replace("0.031}", "00.031}"),
    "a duration with an exponent": lambda: json.dumps(plain()).replace("0.031}", "3e-2}"),
    "something behind it": lambda: json.dumps(plain()) + " x",
    "a part of it": lambda: json.dumps(plain())[:-3],
    "no text": lambda: "",
    "a lone half of a letter": lambda: json.dumps(plain(host={"name": "a\ud800", **HOST}), ensure_ascii=False),
    "an older version": lambda: json.dumps(plain(schema_version=0)),
    "on many lines": lambda: json.dumps(plain(), indent=2),
    "without blanks": lambda: json.dumps(plain(), separators=(",", ":")),
}


@pytest.mark.parametrize("name", ODD)
def test_what_is_odd_is_read_as_before(name: str) -> None:
    assert unlike(ODD[name]()) is None


@given(st.data())
def test_an_edit_of_any_text_is_read_as_before(data: st.DataObject) -> None:
    text = data.draw(st.sampled_from(FLEET))
    known = json.loads(text)
    known["host"]["name"] = "another"
    for _ in range(2):
        alike.result(json.dumps(known).encode(), "")
    for _ in range(data.draw(st.integers(1, 3))):
        at = data.draw(st.integers(0, len(text) - 1))
        to = data.draw(st.integers(at, min(at + 3, len(text))))
        text = text[:at] + data.draw(st.text(alphabet='"\\{}[]:, aT0Z-5é\n', max_size=3)) + text[to:]
    assert unlike(text) is None


def test_hosts_that_have_nothing_in_common_take_no_memory() -> None:
    chance = random.Random(5)  # noqa: S311
    for _ in range(2 * alike.FORMS + 5):
        alike.result(json.dumps(plain(agent={"version": str(chance.random())})).encode(), "")
    assert len(alike._once) <= alike.FORMS
    assert len(alike._forms) <= alike.FORMS
