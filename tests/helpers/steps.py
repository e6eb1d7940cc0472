"""Helpers that tests of steps share."""


def quiet(_: str) -> None:
    """Ignore the messages of a step."""
