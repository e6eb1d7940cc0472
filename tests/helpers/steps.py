"""What tests of steps share."""


def quiet(_: str) -> None:
    """What a step says, heard by nobody."""
