"""Problems in a configuration: each with its place and a readable sentence."""

from collections.abc import Iterable, Mapping, Sequence
from difflib import get_close_matches
from typing import Any, NamedTuple

Place = tuple[str | int, ...]  # keys and indexes, starting at the top of the file
Marks = Mapping[Place, tuple[int, int]]  # the line and column of each place, both counted from 1


class Problem(NamedTuple):
    """One mistake. ``line`` and ``column`` count from 1; 0 means unknown."""

    place: Place
    message: str
    hint: str
    line: int = 0
    column: int = 0

    @property
    def where(self) -> str:
        """The place in dotted form, such as ``builder.nodes[0].name``. Empty means the whole file."""
        return dotted(self.place)

    @property
    def sentence(self) -> str:
        """The place, the problem and the line, as one sentence."""
        named = f"{self.where}: {self.message}" if self.place else self.message
        return f"{named} (line {self.line}, column {self.column})" if self.line else named

    def as_json(self, path: str) -> dict[str, Any]:
        """Return the fields that `provisioner validate --format json` prints."""
        return {
            "file": path,
            "line": self.line or None,
            "column": self.column or None,
            "key": self.where,
            "message": self.message,
            "hint": self.hint,
        }


def dotted(place: Place) -> str:
    """Write a place in dotted form, such as ``builder.nodes[0].name``."""
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in place).lstrip(".")


def located(problems: Iterable[Problem], marks: Marks) -> list[Problem]:
    """Add line numbers to the problems and sort them in the order of the file."""
    found = [p._replace(line=line, column=column) for p in problems for line, column in (_mark(p.place, marks),)]
    return sorted(found, key=lambda p: (p.line, p.column, p.where))


def suggestion(word: str, known: Sequence[str]) -> str:
    """Ask whether the most similar known word was meant. Returns an empty text if no word is similar."""
    alike = get_close_matches(word, known, 1, 0.6)
    return f"did you mean {alike[0]}?" if alike else ""


def _mark(place: Place, marks: Marks) -> tuple[int, int]:
    """Return the line and column of a place, or of the nearest place that contains it."""
    while place and place not in marks:
        place = place[:-1]
    return marks.get(place, (0, 0))
