"""Show the agent at work on a disposable Docker host, or open a shell there."""

import os
import sys
import time

from tests.hosts import cache, machine, packages, progress, recording
from tests.hosts.agent import CHECKOUT
from tests.hosts.booting import boot
from tests.hosts.host import Host
from tests.hosts.recipes import ENGINES

# The expected statuses. plan finds drift, and Docker 20.10 cannot fulfill every setting.
COMMANDS = {"detect": (0,), "plan": (2,), "apply": (0, 5), "check": (0, 2), "prove": (0,)}

RECORDED = ("plan", "apply", "check")
PICTURE = CHECKOUT / "docs/pictures/recording.svg"

# Additional layers for building for other platforms. bookworm has no package of buildx.
LAYERS = {"bookworm": ("qemu", "buildx")}
USUAL = ("qemu",)

# The host's own terminal; it cannot see the caller's.
TERMINAL = ("script", "--quiet", "--return", "--command", "bash --login", "/dev/null")

PLAN = """\
This boots a throw-away Docker host on this machine ({host}) and makes it ready for multi-platform builds.
What it is made of comes from Debian's archive, and BuildKit from Docker Hub or, where that does not answer, from its
Go module. All of it is kept in {cache} (PROVISIONER_CACHE says where else); nothing else stays.
"""


def demo(engine: str) -> int:
    """Run the agent's commands in order. Returns the first unexpected status, or 0."""
    machine.check()
    print(PLAN.format(host=_name(engine), cache=cache.FOLDER), flush=True)
    packages.install(packages.BOOTING)
    with boot(engine, layers=LAYERS.get(engine, USUAL), agent=True, binfmt=True) as host:
        progress.say(f"the host is up: {_name(engine)}")
        for command, expected in COMMANDS.items():
            status = _show(host, "provisioner", command)
            if status not in expected:
                return status
    progress.say("the host is gone")
    return 0


def record(engine: str) -> int:
    """Record the commands on a host, as docs/pictures/recording.svg."""
    machine.check()
    with boot(engine, layers=LAYERS.get(engine, USUAL), agent=True, binfmt=True) as host:
        taken = [_recorded(host, f"provisioner {command}") for command in RECORDED]
    title = f"provisioner on {_name(engine)}"
    PICTURE.write_text(recording.draw(title, list(recording.lines(taken))))
    return 0


def _recorded(host: Host, command: str) -> tuple[str, str, float]:
    """Run a command in a terminal of the recording's width. Returns it with its output and its seconds."""
    script = f"stty columns {recording.COLUMNS} rows {recording.ROWS}; {command}"
    started = time.monotonic()
    ran = host.run("script", "--quiet", "--command", script, "/dev/null", env={"TERM": "xterm"}, timeout=300)
    return command, ran.stdout, time.monotonic() - started


def shell(engine: str) -> int:
    """Open a shell on a host with the agent. Returns the status of its last command."""
    machine.check()
    packages.install(packages.BOOTING)
    with boot(engine, layers=LAYERS.get(engine, USUAL), agent=True, binfmt=True) as host:
        progress.say(f"{_name(engine)}: `provisioner apply` makes it ready, and leaving throws it away")
        prompt = host.start(*TERMINAL, env={"TERM": os.environ.get("TERM", "dumb")}, stdin=None, output=None)
        return prompt.wait()


def _show(host: Host, *argv: str) -> int:
    print(f"\n{_bold('$ ' + ' '.join(argv))}", flush=True)
    started = time.monotonic()
    status = host.start(*argv, output=None).wait(timeout=300)
    print(_bold(f"  exit status {status}, {time.monotonic() - started:.1f} s"), flush=True)
    return status


def _name(engine: str) -> str:
    suite = ENGINES[engine].tree
    return f"Debian {suite}, Engine {ENGINES[engine].version}"


def _bold(text: str) -> str:
    return f"\033[1m{text}\033[0m" if sys.stdout.isatty() else text
