"""Read results that differ from earlier ones only in what differs from host to host: name, ID, time and duration.

A million hosts leave a gigabyte of JSON, most of it the same text again and again. A text without what differs is its
form. What a form means is read once, with marks in the places of the name, the ID and the time. If the marks arrive
there and nowhere else, the form means the same for every other host. Otherwise, and for texts that are not as we write
them, each one is read in full.
"""

import re
from typing import NamedTuple, TypeAlias

from provisioner.fleet import results
from provisioner.fleet.results import Host, Likeness, Problem

Form: TypeAlias = tuple[bytes, bytes, bytes, bytes]  # the text before, between and after the three that differ

FORMS = 4096  # forms that are kept; a fleet has hundreds
NAME, IDENTITY, TIME, SINCE, TOOK = b'"name": "', b'"id": "', b'"time": "', b'"since": "', b'"duration_seconds": '
LENGTH = len("2026-01-01T00:00:00Z")
_TIME = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ\"")
_END = re.compile(rb"(?:0|[1-9]\d*)(?:\.\d+)?\}\s*")
MARKS = (
    ("a name of no host", "an ID of no host", "1000-01-01T00:00:00Z"),
    ("no name", "no ID", "2012-12-28T23:59:58Z"),
)

_once: set[Form] = set()
_forms: dict[Form, Likeness | None] = {}


class Cut(NamedTuple):
    """A text in parts: its form, and what differs from host to host."""

    form: Form
    name: bytes
    identity: bytes
    time: bytes


def result(text: bytes, place: str) -> Host | Problem:
    """Read one document, as ``results.result`` does. ``place`` says where it is."""
    cut = _cut(text)
    like = _known(cut.form) if cut else None
    if cut is None or like is None:
        return results.result(text, place)
    try:
        return results.host(cut.name.decode(), cut.identity.decode(), results.seconds(cut.time.decode()), like)
    except (ValueError, OverflowError):  # no name, or no such day
        return results.result(text, place)


def _cut(text: bytes) -> Cut | None:
    """Cut a text where what differs begins and ends. Return None if it is not plain, or tells since when it differs."""
    a = text.find(NAME) + len(NAME)
    b = text.find(b'"', a)
    c = text.find(IDENTITY, b) + len(IDENTITY)
    d = text.find(b'"', c)
    e = text.find(TIME, d) + len(TIME)
    f = e + LENGTH
    g = text.find(TOOK, f) + len(TOOK)
    if not (len(NAME) <= a <= b < c <= d < e < f < g) or SINCE in text:
        return None
    name, identity = text[a:b], text[c:d]
    if not (_TIME.match(text, e) and _END.fullmatch(text, g) and _plain(name) and _plain(identity)):
        return None
    return Cut((text[:a], text[b:c], text[d:e], text[f:g]), name, identity, text[e:f])


def _plain(part: bytes) -> bool:
    """Return whether a text without quotes stands for itself in JSON."""
    return part.isascii() and b"\\" not in part and part.decode().isprintable()


def _known(form: Form) -> Likeness | None:
    """Return what a form means. One that occurs for the first time is not worth the look."""
    if form in _forms:
        return _forms[form]
    if form not in _once:
        if len(_once) >= FORMS:
            _once.clear()
            _forms.clear()
        _once.add(form)
        return None
    first, second = (_marked(form, marks) for marks in MARKS)
    _forms[form] = first if first == second else None
    return _forms[form]


def _marked(form: Form, marks: tuple[str, str, str]) -> Likeness | None:
    """Read a form with marks. Return what hosts with this form have in common, or None if a mark arrives elsewhere."""
    before, after_name, after_id, after_time = form
    name, identity, time = (mark.encode() for mark in marks)
    text = b"".join((before, name, after_name, identity, after_id, time, after_time, b"0}"))
    found = results.result(text, "")
    if isinstance(found, Problem) or (found.name, found.id, found.time) != (*marks[:2], results.seconds(marks[2])):
        return None
    return None if any(mark in repr(found.like) for mark in marks) else found.like
