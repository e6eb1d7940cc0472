"""A step right before a restart that checks again for obstacles, because the plan may be an hour old by then."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from provisioner.config import desired as records
from provisioner.config import drivers
from provisioner.config.desired import Builder, Desired, Node
from provisioner.daemon import inventory, policy
from provisioner.engine import facts as engine_facts
from provisioner.engine.facts import Facts
from provisioner.errors import PutOffError
from provisioner.steps import Say, Step

if TYPE_CHECKING:
    from provisioner.host import System


@dataclass(frozen=True, slots=True)
class AskAgain(Step):
    """Check again whether the daemon may be restarted now.

    ``wanted`` is the part of the configuration that matters here, as JSON. ``hides`` says that the restart hides the
    images and containers of the engine.

    Raises: PutOffError if a new obstacle has appeared since the plan was made.
    """

    wanted: str
    hides: bool = False

    @classmethod
    def of(cls, seen: Facts, desired: Desired, *, hides: bool) -> "AskAgain":
        """Return the step for an engine and a configuration. The step contains no secrets."""
        builder = desired.builder
        ours = Builder(
            builder.name,
            driver_options={"image": drivers.image(builder.driver_options)},
            nodes=tuple(Node(name=node.name) for node in builder.nodes),
        )
        asked = Desired(
            engine=seen.endpoint.address,
            image_store=desired.image_store,
            emulators=desired.emulators,
            builder=ours,
            restart=desired.restart,
        )
        return cls(json.dumps(records.to_json(asked)), hides)

    def do(self, system: "System", say: Say) -> None:
        wanted = records.from_json(json.loads(self.wanted))
        seen = engine_facts.gather(system, wanted, quick=True, far=False)
        why = policy.obstacle(system, seen, wanted)
        if why is None and self.hides:
            why = inventory.came_up(system, seen, wanted)
        if why is not None:
            raise PutOffError(f"{why.message}: it came up while this was prepared", hint=why.hint)

    def sentence(self) -> str:
        return "ask again whether Docker may be restarted"
