"""The kinds of messages that a run prints besides plain remarks. They differ only on a terminal."""


class Doing(str):
    """What runs from now on, until the next message."""

    __slots__ = ()


class Progress(str):
    """How far the thing is that runs now. Shown only on terminals, in one line."""

    __slots__ = ()
