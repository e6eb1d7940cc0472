"""Our named tuples do what typing's do."""

import copy
import pickle
import typing
from collections.abc import Callable
from typing import Any

import pytest

from provisioner import typed


class Ours(typed.NamedTuple):
    """A record with and without defaults."""

    name: str
    size: int = 3
    parts: tuple[str, ...] = ()

    @property
    def twice(self) -> int:
        return self.size * 2


class Typings(typing.NamedTuple):
    """The same, by the standard library."""

    name: str
    size: int = 3
    parts: tuple[str, ...] = ()

    @property
    def twice(self) -> int:
        return self.size * 2


def _matched(found: Any) -> Any:
    match found:
        case Ours(name, size) | Typings(name, size):
            return name, size
        case _:
            return None


USES: dict[str, Callable[[Any], Any]] = {
    "by place": lambda kind: tuple(kind("a", 1, ("x",))),
    "by name": lambda kind: tuple(kind(parts=("x",), name="a")),
    "by both": lambda kind: tuple(kind("a", parts=("x",))),
    "defaults": lambda kind: tuple(kind("a")),
    "fields": lambda kind: (kind("a").name, kind("a").size, kind("a").parts, kind("a").twice),
    "unpacked": lambda kind: [*kind("a")],
    "equal": lambda kind: (kind("a") == kind("a", 3), kind("a") == kind("b"), kind("a") == ("a", 3, ())),
    "hash": lambda kind: hash(kind("a")) == hash(("a", 3, ())),
    "order": lambda kind: sorted((kind("b"), kind("a", 2), kind("a")))[0].size,
    "replaced": lambda kind: tuple(kind("a")._replace(size=7)),
    "kind of the replaced": lambda kind: type(kind("a")._replace(size=7)) is kind,
    "as a mapping": lambda kind: kind("a")._asdict(),
    "printed": lambda kind: repr(kind("a", parts=("x",))).partition("(")[2],
    "matched": lambda kind: _matched(kind("a", 2)),
    "copied": lambda kind: (copy.deepcopy(kind("a")) == kind("a"), type(copy.copy(kind("a"))) is kind),
    "pickled": lambda kind: pickle.loads(pickle.dumps(kind("a", 5))).size,  # noqa: S301  # our own
    "names": lambda kind: kind._fields,
}
WRONG: dict[str, Callable[[Any], Any]] = {
    "too few": lambda kind: kind(),
    "too many": lambda kind: kind("a", 1, (), 4),
    "unknown": lambda kind: kind("a", colour=1),
    "twice": lambda kind: kind("a", name="b"),
    "missing beside a name": lambda kind: kind(size=1),
}


@pytest.mark.parametrize("use", USES)
def test_a_record_of_ours_does_what_typing_s_does(use: str) -> None:
    assert USES[use](Ours) == USES[use](Typings)


@pytest.mark.parametrize("use", WRONG)
@pytest.mark.parametrize("kind", [Ours, Typings])
def test_what_makes_no_record_is_refused(kind: Any, use: str) -> None:
    with pytest.raises(TypeError, match=kind.__name__):
        WRONG[use](kind)


@pytest.mark.parametrize("kind", [Ours, Typings])
@pytest.mark.parametrize("name", ["name", "twice", "colour"])
def test_a_record_never_changes(kind: Any, name: str) -> None:
    with pytest.raises(AttributeError):
        setattr(kind("a"), name, "b")
