"""Draw JSON texts at random, in the layouts that people and tools use, and check what an edit of each must change.

To draw COUNT texts and print those with a wrong result, run ``python -m tests.text.layouts COUNT SEED``.
"""

import json
import random
import sys
from typing import Any

from provisioner.text import json_edit, json_read

KEYS = ("a", "b", "a.b", "", "é", 'q"', "x\\y", "features", "containerd-snapshotter", "\u2028", "😀", "a b")
WORDS = (0, 1, -2.5, 1e99, True, False, None, "s", "{", "}", ",", '"', ":", "\\", "\n", "\u2028", "😀", "\udcff", "a,b")
BLANKS = ("", "", " ", "  ", "\t", "\n", "\n  ", "\r\n", "\r\n\t", "\n\n  ", " \n")
VALUES: tuple[Any, ...] = (True, "x", [1, {"z": 2}], 5, {}, {"n": {"m": [None]}}, "\u2028é", False, 0)


class Draw:
    """A random generator of JSON values and texts. The same seed gives the same results."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)  # noqa: S311  # nothing secret is drawn

    def value(self, depth: int) -> Any:
        """Return a JSON value. The top level is an object."""
        kind = self.chance.random()
        if depth == 0 or (depth < 4 and kind < 0.4):
            keys = self.chance.sample(KEYS, self.chance.randint(0, 4))
            return {key: self.value(depth + 1) for key in keys}
        if kind < 0.5:
            return [self.value(depth + 2) for _ in range(self.chance.randint(0, 2))]
        return self.chance.choice(WORDS)

    def text(self, found: Any) -> str:
        """Return the value as a text in a random layout."""
        style = self.chance.randrange(6)
        if style == 0:
            return json.dumps(found, indent=self.chance.choice((2, 4, "\t", 1)))
        if style == 1:
            return json.dumps(found, indent=2, ensure_ascii=False).replace("\n", "\r\n")
        if style == 2:
            return json.dumps(found, separators=(",", ":"))
        if style == 3:  # the comma starts the line
            lines = json.dumps(found, indent=2).split(",\n")
            return "\n, ".join(line.lstrip(" ") if i else line for i, line in enumerate(lines))
        return self.scattered(found)

    def scattered(self, found: Any) -> str:
        """Return the value as a text with white space wherever JSON allows it."""
        if isinstance(found, dict) and found:
            rows = (f"{self.word(k)}{self.blank()}:{self.blank()}{self.scattered(v)}" for k, v in found.items())
            return "{" + self.blank() + f"{self.blank()},{self.blank()}".join(rows) + self.blank() + "}"
        if isinstance(found, list) and found:
            rows = (self.scattered(v) for v in found)
            return "[" + self.blank() + f"{self.blank()},{self.blank()}".join(rows) + self.blank() + "]"
        return self.word(found)

    def word(self, found: Any) -> str:
        """Return a scalar or a key as JSON, sometimes with every letter escaped."""
        if isinstance(found, str) and self.chance.random() < 0.1:
            units = found.encode("utf-16-be", "surrogatepass")
            return '"' + "".join(f"\\u{units[i]:02x}{units[i + 1]:02x}" for i in range(0, len(units), 2)) + '"'
        return json.dumps(found, ensure_ascii=self.chance.random() < 0.5)

    def blank(self) -> str:
        """Return white space, or nothing."""
        return self.chance.choice(BLANKS)

    def keys(self, found: Any) -> tuple[str, ...]:
        """Return a path of keys, which often exists."""
        path: list[str] = []
        while isinstance(found, dict) and found and self.chance.random() < 0.6:
            path.append(self.chance.choice(list(found)))
            found = found[path[-1]]
        more = [self.chance.choice(KEYS) for _ in range(self.chance.randint(0 if path else 1, 2))]
        return (*path, *more)


def wrong(draw: Draw) -> str | None:
    """Draw a text, a path and a value, and edit the text. Return what is wrong with the result, or None."""
    found = draw.value(0)
    mark = draw.chance.choice(("", "", "", "\ufeff"))
    text = f"{mark}{draw.blank()}{draw.text(found)}{draw.blank()}"
    keys, value = draw.keys(found), draw.chance.choice(VALUES)
    if json_read.load(text, "x") != found:
        return f"{text!r} was drawn wrong"
    for name, after, meant in (
        ("put", json_edit.put(text, keys, value), with_leaf(found, keys, value)),
        ("drop", json_edit.drop(text, keys), without_leaf(found, keys)),
    ):
        if json.loads(after.removeprefix("\ufeff")) != meant:
            return f"{name} {keys} {value!r}: {text!r} became {after!r}"
        if not after.startswith(mark):
            return f"{name} {keys}: {text!r} lost its mark"
        if name == "put" and not there(found, keys) and lost(text, after).strip():
            return f"{name} {keys} {value!r}: {text!r} lost {lost(text, after)!r}"
    if not there(found, keys) and json_edit.drop(text, keys) != text:
        return f"drop {keys}: {text!r} changed, although the leaf is not there"
    return None


def lost(before: str, after: str) -> str:
    """Return the part of the first text between the common beginning and the common end of both texts."""
    start = next(
        (i for i, (a, b) in enumerate(zip(before, after, strict=False)) if a != b), min(map(len, (before, after)))
    )
    rest, other = before[start:], after[start:]
    end = next(
        (i for i in range(min(len(rest), len(other))) if rest[-1 - i] != other[-1 - i]), min(len(rest), len(other))
    )
    return rest[: len(rest) - end]


def there(found: Any, keys: tuple[str, ...]) -> bool:
    """Whether a path has a value, or something other than an object is on the way to it."""
    for key in keys:
        if not isinstance(found, dict):
            return True
        if key not in found:
            return False
        found = found[key]
    return True


def with_leaf(found: Any, keys: tuple[str, ...], value: Any) -> Any:
    """Return the expected result of ``put``, computed on objects."""
    if not keys:
        return value
    mine = dict(found) if isinstance(found, dict) else {}
    mine[keys[0]] = with_leaf(mine.get(keys[0]), keys[1:], value)
    return mine


def without_leaf(found: Any, keys: tuple[str, ...]) -> Any:
    """Return the expected result of ``drop``, computed on objects."""
    path = [found]
    for key in keys[:-1]:
        if not isinstance(path[-1], dict) or key not in path[-1]:
            return found
        path.append(path[-1][key])
    if not isinstance(path[-1], dict) or keys[-1] not in path[-1]:
        return found
    left: Any = None
    for holder, key in reversed(list(zip(path, keys, strict=True))):
        rest = {k: v for k, v in holder.items() if k != key or left is not None}
        left = {**rest, key: left} if left is not None else rest
        left = None if not left and holder is not path[0] else left
    return {} if left is None else left


if __name__ == "__main__":
    count, seed = map(int, sys.argv[1:])
    draw = Draw(seed)
    bad = [found for found in (wrong(draw) for _ in range(count)) if found]
    print(f"{count} drawn with seed {seed}, {len(bad)} wrong", *bad[:20], sep="\n")
    sys.exit(bool(bad))
