"""When a reload of the daemon is enough: which keys it reads again, and which changes it ignores.

Source: moby's daemon/reload.go, ``if conf.IsValueSet(key)``.
"""

from provisioner.daemon import edits, file
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


def _reads(root: str, facts: Facts) -> bool:
    version = facts.engine.version
    return root in RELOADABLE and (version is None or version >= RELOADS_SINCE.get(root, (0,)))
