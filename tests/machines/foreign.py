"""A tree of another CPU. Debian's second stage runs under QEMU, in a user namespace with its own binfmt_misc table."""

import subprocess
import time
from functools import partial
from pathlib import Path

from tests.hosts import debian, parts, progress, recipes
from tests.hosts.cache import entry
from tests.hosts.errors import BuildError
from tests.machines.recipes import CPUS_OF

EMULATORS = {"qemu-user": ("usr/bin",)}
EVERYBODY = "0 0 4294967295\n"

# A process that is mapped only after its start has lost its capabilities. The next program of root has them.
MAPPED = 'read go; exec "$@"'
NAMESPACES = ("/usr/bin/unshare", "--user", "--mount", "--pid", "--fork", "--kill-child")

# $0 is the tree. $1 is the line that registers its emulator.
SECOND = """\
mount -t binfmt_misc binfmt_misc /proc/sys/fs/binfmt_misc
printf %s "$1" >/proc/sys/fs/binfmt_misc/register
cd "$0"
mount --rbind /dev dev
mount -t proc proc proc
sed -i 's/^check_sane_mount () {/&\\n\\treturn 0/' debootstrap/functions
export container=lxc PATH=/usr/sbin:/usr/bin:/sbin:/bin DEBIAN_FRONTEND=noninteractive
chroot . /debootstrap/debootstrap --second-stage
chroot . ldconfig
"""


def tree(suite: str, architecture: str) -> Path:
    """Return the tree of a Debian suite with its engine, for another CPU."""
    recipe = recipes.TREES[suite]
    build = partial(_build, recipe, architecture)
    content = (recipe, debian.CONFIGURATION, SECOND)
    return entry(f"{suite}-{architecture}", content, build, parts.programs)


def emulators(suite: str, architecture: str) -> Path:
    """Return a layer with static emulators in /usr/bin that run on another CPU."""
    build = partial(debian.fetch, EMULATORS, architecture=architecture)
    folder = entry(f"emulators-{suite}-{architecture}", EMULATORS, build, partial(parts.tree, suite))
    return folder / "qemu-user"


def _build(recipe: recipes.Tree, architecture: str, into: Path, programs: Path) -> None:
    log = into.parent / "log"
    debian.configure(into)
    first = debian.debootstrap(recipe, into, f"--arch={architecture}", "--foreign")
    with debian.ONE_AT_A_TIME:
        progress.run(f"{recipe.suite} for {architecture}", first, log)
    emulator = programs / "qemu-user/usr/bin" / f"qemu-{CPUS_OF[architecture].name}"
    line = CPUS_OF[architecture].line.format(emulator)
    _mapped(("/bin/sh", "-ec", SECOND, str(into), line), log)
    debian.strip(recipe, into)


def _mapped(argv: tuple[str, ...], log: Path) -> None:
    """Run a program as root of a user namespace in which every user keeps their ID."""
    progress.say(f"second stage under QEMU: some minutes, see {log}")
    with log.open("ab") as output:
        process = subprocess.Popen(
            (*NAMESPACES, "/bin/sh", "-c", MAPPED, "sh", *argv), stdin=subprocess.PIPE, stdout=output, stderr=output
        )
    proc = Path(f"/proc/{process.pid}")
    while (proc / "ns/user").readlink() == Path("/proc/self/ns/user").readlink() and process.poll() is None:
        time.sleep(0.01)
    for name in ("uid_map", "gid_map"):
        (proc / name).write_text(EVERYBODY)
    process.communicate(b"go\n")
    if process.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise BuildError(f"the second stage ended with status {process.returncode}\n{tail}")
