"""This checkout's agent as a layer, installed by its Makefile and compiled by the Python version that will run it."""

import hashlib
from functools import partial
from pathlib import Path

from tests.hosts import debian, parts, progress
from tests.hosts.cache import entry

CHECKOUT = Path(__file__).resolve().parents[2]
INSTALLED = ("Makefile", "release", "provisioner", "systemd", "monitoring", "docs", "LICENSE")
COMPILE = ("python3", "-I", "-m", "compileall", "-q", "/usr/local/lib/provisioner")

# $PWD is a scratch folder, $0 the tree, $1 the layer, and the rest a command. The layer gets what the command writes.
WRITE_INTO_LAYER = """\
mkdir work root
mount -t overlay overlay -o "lowerdir=$0,upperdir=$1,workdir=work" root
shift
exec /usr/sbin/chroot root "$@"
"""


def layer(suite: str) -> Path:
    """Return the layer for hosts of one suite. A changed checkout gets a new layer, in about a second."""
    return entry(f"agent-{suite}", _content(), partial(_install, suite))


def _install(suite: str, into: Path) -> None:
    log = into.parent / "log"
    tree = parts.tree(suite)
    progress.run("agent", ("make", "-C", str(CHECKOUT), "install", f"DESTDIR={into}", "PREFIX=/usr/local"), log)
    script = ("/bin/sh", "-ec", WRITE_INTO_LAYER, str(tree), str(into), *COMPILE)
    progress.run("agent", (*debian.CONTAINED, *script), log, cwd=into.parent)


def _content() -> tuple[tuple[str, str], ...]:
    """Return the path and digest of every installed file."""
    roots = [CHECKOUT / name for name in INSTALLED]
    files = [
        path for root in roots for path in ([root] if root.is_file() else sorted(root.rglob("*"))) if path.is_file()
    ]
    sources = [path for path in files if "__pycache__" not in path.parts]
    return tuple((str(path.relative_to(CHECKOUT)), hashlib.sha256(path.read_bytes()).hexdigest()) for path in sources)
