"""Durations in one grammar: ``90s``, ``10m``, ``1h30m``, ``2d``, ``1w``."""

from collections.abc import Mapping

UNITS: Mapping[str, int] = {"s": 1, "m": 60, "min": 60, "h": 3600, "d": 86400, "w": 7 * 86400}
PATTERN = "^([0-9]{1,6}(s|m|min|h|d|w))+$"  # schema.json has the same pattern
EXAMPLES = "for example 90s, 10m, 1h30m, 8h, 2d or 1w"
LONGEST = 100 * 366 * 86400  # seconds; anything longer is a typing error


def seconds(text: str) -> int | None:
    """Parse a duration.

    Returns: the number of seconds, or None if the text is not a duration, is zero, or is longer than a century.
    """
    total, digits, unit = 0, "", ""
    for character in f"{text} ":
        if character.isascii() and character.isdigit() and not unit:
            digits += character
        elif digits and (character.isascii() and character.isalpha()):
            unit += character
        else:  # a digit after a unit, or the end: one number and its unit are complete
            if unit not in UNITS or len(digits) > 6:
                return None
            total += int(digits) * UNITS[unit]
            digits, unit = character, ""
    return total if digits == " " and 0 < total <= LONGEST else None


def spoken(length: int) -> str:
    """Format a number of seconds in the same grammar, with at most two units: ``1h30m``, ``2d``."""
    parts, rest = [], length
    for unit in ("w", "d", "h", "m", "s"):
        number, rest = divmod(rest, UNITS[unit])
        if number:
            parts.append(f"{number}{unit}")
    return "".join(parts[:2]) or "0s"
