"""When a reload of the daemon is enough: which keys it reads again, and which changes it ignores.

Source: moby's daemon/reload.go, ``if conf.IsValueSet(key)``.
"""

from provisioner.daemon import edits, file, start_line
from provisioner.engine.facts import Facts
from provisioner.errors import ConfigError
from provisioner.model import Reader
from provisioner.steps import Step
from provisioner.text import json_read

# The keys that dockerd reads again at a SIGHUP (moby's daemon/reload.go), without those that a reload applies only in
# part. It reloads the map of features but not the image store, and it dies of a missing authorization plug-in.
RELOADABLE = frozenset((
    *("debug", "labels", "live-restore", "shutdown-timeout", "default-stop-timeout", "network-diagnostic-port"),
    *("max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts"),
    *("runtimes", "default-runtime", "default-shm-size", "insecure-registries", "registry-mirrors"),
))  # fmt: skip
# The running daemon keeps the value of a key that was removed from the file. Only these keys return to their defaults.
RESET = frozenset(("max-concurrent-downloads", "max-concurrent-uploads", "max-download-attempts"))
RELOADS_SINCE = {"default-stop-timeout": (29,)}


def enough(host: Reader, facts: Facts, roots: set[str], steps: tuple[Step, ...]) -> bool:
    """Whether a reload is enough to apply the keys ``roots`` of daemon.json after ``steps`` have edited it."""
    try:
        text = edits.after(steps, facts.daemon_json) if steps else None
        text = file.text(host, facts) if text is None else text
        found = json_read.load(text or "", facts.daemon_json, (), facts.engine.version)
    except ConfigError:
        return False
    return all(_reads(root, facts) and (root in found or root in RESET) for root in roots)


def knows(host: Reader, facts: Facts) -> bool:
    """Whether the running daemon has no flag that its next start has not.

    It refuses a file that repeats one of its own flags. ``dockerd --validate`` is asked with those of the next start.
    """
    return not gone(facts.flags, start_line.start(host, facts.layout, facts.flags).argv)


def gone(running: tuple[str, ...], following: tuple[str, ...]) -> set[str]:
    """Return the words of a command line that another one has not. systemd prints one without its quotes."""
    return set(" ".join(running).split()) - set(" ".join(following).split())


def _reads(root: str, facts: Facts) -> bool:
    version = facts.engine.version
    return root in RELOADABLE and (version is None or version >= RELOADS_SINCE.get(root, (0,)))
