"""Put secret values into buildx's record of a node. On a command line, every user of the host would see them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner import secrets
from provisioner.builder.store import Node
from provisioner.errors import CommandError
from provisioner.steps import Say, Step
from provisioner.text import tolerant

if TYPE_CHECKING:
    from provisioner.host import System


@dataclass(frozen=True, slots=True)
class FillIn(Step):
    """Set driver options of a node in the file ``path``, which buildx has just written, as ``user``.

    ``options`` are NAME=VALUE. Nothing undoes this step: the undo of the step before it restores the whole file.
    """

    path: str
    node: str
    options: tuple[str, ...]
    user: str = ""

    def __post_init__(self) -> None:
        secrets.learn(self._values())

    def do(self, system: "System", say: Say) -> None:
        text = system.read(self.path, user=self.user)
        found = tolerant.mapping(text)
        mine = [n for n in found.get("Nodes") or () if n.get("Name") == self.node]
        if not mine:
            raise CommandError(f"{self.path}: buildx has not registered {self.node}", hint="run the command again")
        for node in mine:
            node["DriverOpts"] = {**(node.get("DriverOpts") or {}), **self._values()}
        system.write(self.path, json.dumps(found), 0o600, self.user, instead_of=text)

    def sentence(self) -> str:
        return f"set {', '.join(self._values())} of {self.node} in {self.path}"

    def _values(self) -> dict[str, str]:
        return dict(option.split("=", 1) for option in self.options)


def secret(options: Mapping[str, str]) -> dict[str, str]:
    """Return the options that must not be on a command line, by their names or by passwords in their values."""
    return {name: value for name, value in options.items() if secrets.value(name, value) != value}


def without(node: Node) -> Node:
    """Return a node as the command line may show it."""
    return node._replace(options={**node.options, **dict.fromkeys(secret(node.options), secrets.HIDDEN)})
