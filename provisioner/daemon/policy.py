"""When the daemon may be restarted: never, always, or if no one else's work runs, and in which time window."""

from provisioner.config.desired import Desired
from provisioner.daemon import windows
from provisioner.engine import containers, processes
from provisioner.engine.facts import Facts
from provisioner.engine.processes import Process
from provisioner.model import Reader
from provisioner.steps import Obstacle

CLIENTS = ("docker-buildx", "docker-compose", "buildctl")
BUILDS = frozenset(("build", "bake", "--build"))  # ``--build`` is an option of compose up


def obstacle(host: Reader, facts: Facts, desired: Desired) -> Obstacle | None:
    """Return the obstacle if the daemon may not be restarted now, else None."""
    rule = desired.restart
    if rule.policy == "never":
        hint = "set `restart: if-idle`, or run `provisioner apply --restart always`"
        return Obstacle("restart-never", "the daemon must be restarted, and restart is never", hint)
    if rule.window is not None and not windows.is_open(rule.window, host.now()):
        when = f"{', '.join(rule.window.days)} from {rule.window.start} for {rule.window.length}"
        hint = "apply again then, or `apply --restart always` now"
        message = (
            f"the daemon must be restarted, and the window for that is closed ({when}, {windows.zone(rule.window)})"
        )
        return Obstacle("restart-window", message, hint)
    if rule.policy == "if-idle":
        if names := sorted(
            containers.name(c) for c in containers.others(host, facts, desired) if c.get("State") == "running"
        ):
            listed = f"{', '.join(names[:5])}{' and more' if names[5:] else ''}"
            one = not names[1:]
            return _busy(f"{listed} {'is' if one else 'are'} running", f"stop {'it' if one else 'them'}", len(names))
        if build := building(host, facts.socket):
            return _busy(f"a build is running ({build})", "let it end")
    return None


def _busy(what: str, cure: str, count: int = 0) -> Obstacle:
    message, numbers = f"the daemon must be restarted while {what}", (("containers", count),)
    return Obstacle("restart-busy", message, f"{cure}, or set `restart: always`", numbers)


def building(host: Reader, socket: str) -> str | None:
    """Return a description of a build that runs on this host, or None.

    No engine reports whether it builds. A local client's process exists from the first byte of the context on. A
    ``RUN`` step of a client elsewhere shows as BuildKit's runc process.
    """
    for process in processes.every(host):
        if (what := _builds(process)) and processes.reaches(host, process, socket):
            return " ".join(filter(None, (f"process {process.pid}, {what}", host.started(process.pid))))
    return None


def _builds(process: Process) -> str:
    """Return which part of a build a process is, judged by its command line, or an empty string."""
    program, words = process.program, process.argv
    if (program in CLIENTS and BUILDS & set(words)) or (program == "docker" and "build" in words[1:3]):
        return program
    step = program in ("runc", "buildkit-runc") and any("buildkit" in w or "executor" in w for w in words)
    return "a RUN" if step else ""
