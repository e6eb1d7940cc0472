"""Who builds which platform for a host: a node of its builder, its own CPU, or an emulator."""

from typing import NamedTuple

NODE, EMULATED = "node", "emulated"
NOBODY = "not emulated"  # the platform needs an emulator, and none is registered

# Each way to build, and the words for it.
HOW = {
    NODE: "a node",
    "native": "the host's own CPU",
    EMULATED: "an emulator on the host",
    "build-only": "the host, which cannot run it",
    NOBODY: "nobody: no emulator is registered",
}


class Build(NamedTuple):
    """How a platform is built: on a node, or on the host itself in the way that its programs run there.

    ``how`` is a word of HOW, or one that a newer agent has. ``node`` is empty if the host itself builds. ``endpoint``
    is also empty for a node on a cluster.
    """

    platform: str
    how: str
    node: str = ""
    endpoint: str = ""

    @property
    def place(self) -> str:
        """Who builds it, as a person reads it."""
        if self.how == NODE:
            return f"node {self.node}{f' at {self.endpoint}' if self.endpoint else ''}"
        return HOW.get(self.how, self.how)
