"""What is wrong with a configuration: each mistake with its place, and the sentence that a person reads."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

Place = tuple[str | int, ...]  # keys and indexes from the top of the file
Marks = Mapping[Place, tuple[int, int]]  # the line and column of each place, both counted from 1


class Problem(NamedTuple):
    """One mistake. ``line`` and ``column`` count from 1; 0: not known."""

    place: Place
    message: str
    hint: str
    line: int = 0
    column: int = 0

    @property
    def where(self) -> str:
        """The place as a person writes it: ``builder.nodes[0].name``; empty for the whole file."""
        return dotted(self.place)

    @property
    def sentence(self) -> str:
        """The place, what is wrong with it, and the line."""
        named = f"{self.where}: {self.message}" if self.place else self.message
        return f"{named} (line {self.line}, column {self.column})" if self.line else named

    def as_json(self, path: str) -> dict[str, Any]:
        """The fields that `provisioner validate --format json` prints."""
        return {
            "file": path,
            "line": self.line or None,
            "column": self.column or None,
            "key": self.where,
            "message": self.message,
            "hint": self.hint,
        }


def dotted(place: Place) -> str:
    """A place as a person writes it."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")


def located(problems: Iterable[Problem], marks: Marks) -> list[Problem]:
    """The problems with their lines, in the order of the file."""
    found = [p._replace(line=line, column=column) for p in problems for line, column in (_mark(p.place, marks),)]
    return sorted(found, key=lambda p: (p.line, p.column, p.where))


def suggestion(word: str, known: Sequence[str]) -> str:
    """A question with the known word that is most alike; empty if none is."""
    alike = get_close_matches(word, known, 1, 0.6)
    return f"did you mean {alike[0]}?" if alike else ""


def _mark(place: Place, marks: Marks) -> tuple[int, int]:
    """The line and column of a place, or of what it lies in."""
    while place and place not in marks:
        place = place[:-1]
    return marks.get(place, (0, 0))
