"""This checkout's agent as a layer, installed as its Makefile does and compiled by the Python that will run it."""

import hashlib
from functools import partial
from pathlib import Path

from tests.hosts import debian, parts, progress
from tests.hosts.cache import entry

CHECKOUT = Path(__file__).resolve().parents[2]
INSTALLED = ("Makefile", "release", "provisioner", "systemd", "monitoring", "docs", "LICENSE")
COMPILE = ("python3", "-I", "-m", "compileall", "-q", "/usr/local/lib/provisioner")

# $PWD is scratch, $0 the tree, $1 the layer, the rest a command: what it writes into the tree lands in the layer.
WRITE_INTO_LAYER = """\
mkdir work root
mount -t overlay overlay -o "lowerdir=$0,upperdir=$1,workdir=work" root
shift
exec /usr/sbin/chroot root "$@"
"""


def layer(suite: str) -> Path:
    """The layer for hosts of one suite; a changed checkout gives a new one, in about a second."""
    return entry(f"agent-{suite}", _content(), partial(_install, suite))


def _install(suite: str, into: Path) -> None:
    log = into.parent / "log"
    tree = parts.tree(suite)
    progress.run("agent", ("make", "-C", str(CHECKOUT), "install", f"DESTDIR={into}", "PREFIX=/usr/local"), log)
    script = ("/bin/sh", "-ec", WRITE_INTO_LAYER, str(tree), str(into), *COMPILE)
    progress.run("agent", (*debian.CONTAINED, *script), log, cwd=into.parent)


def _content() -> tuple[tuple[str, str], ...]:
    """Every installed file's path and digest."""
    roots = [CHECKOUT / name for name in INSTALLED]
    files = [
        path for root in roots for path in ([root] if root.is_file() else sorted(root.rglob("*"))) if path.is_file()
    ]
    sources = [path for path in files if "__pycache__" not in path.parts]
    return tuple((str(path.relative_to(CHECKOUT)), hashlib.sha256(path.read_bytes()).hexdigest()) for path in sources)
