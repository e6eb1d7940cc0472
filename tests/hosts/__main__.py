"""``python3 -m tests.hosts COMMAND``: the commands behind the Makefile's targets."""

import shutil
import signal
import sys
from collections.abc import Iterable
from types import FrameType

from tests.hosts import dist, layers, machine, packages, progress
from tests.hosts.agent import CHECKOUT
from tests.hosts.demo import demo, record, shell
from tests.hosts.develop import develop
from tests.hosts.errors import HostError, LackError
from tests.hosts.recipes import ENGINES
from tests.machines import booting
from tests.machines.recipes import EVERY_RUN, MACHINES

USAGE = 64
INTERRUPTED = 130


def build() -> int:
    """Build everything that hosts are made of."""
    machine.check()
    packages.install(packages.BOOTING)
    layers.build_all()
    return 0


def prepare(machines: Iterable[str] = EVERY_RUN) -> int:
    """Build the parts of hosts if this machine can boot them. Otherwise the tests report why they are skipped."""
    try:
        build()
        booting.prepare(machines)
        return 0
    except LackError as lack:
        progress.say(f"no real hosts: {lack}")
        return 0


def package() -> int:
    """Build everything that a release contains, in the checkout's folder dist."""
    target = CHECKOUT / "dist"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(dist.folder(), target)
    for path in sorted(target.iterdir()):
        print(f"{path.stat().st_size:>9}  dist/{path.name}")
    return 0


COMMANDS = {
    "prepare-soak": lambda: prepare(MACHINES),
    "build": build,
    "develop": develop,
    "package": package,
    "prepare": prepare,
}
ON_ENGINE = {"demo": demo, "record": record, "shell": shell}


def main(arguments: list[str]) -> int:
    """Run one command and return its exit status."""
    signal.signal(signal.SIGTERM, _interrupt)
    try:
        match arguments:
            case [command] if command in COMMANDS:
                return COMMANDS[command]()
            case [command, engine] if command in ON_ENGINE and engine in ENGINES:
                return ON_ENGINE[command](engine)
    except HostError as problem:
        print(f"hosts: {problem}", file=sys.stderr)
        return problem.status
    except KeyboardInterrupt:
        return INTERRUPTED
    said = " ".join(arguments) or "nothing"
    choice = f"{_choice(COMMANDS)}, or {_choice(ON_ENGINE)} and one of {_choice(ENGINES)}"
    print(f"hosts: {said} is not a command: say {choice}", file=sys.stderr)
    return USAGE


def _interrupt(signum: int, frame: FrameType | None) -> None:  # noqa: ARG001
    raise KeyboardInterrupt


def _choice(words: Iterable[str]) -> str:
    return "|".join(words)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
