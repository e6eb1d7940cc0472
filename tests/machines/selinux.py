"""SELinux with Debian's policy: the policy as its package builds it, and every file of a machine's disk labelled."""

import subprocess
from functools import partial
from pathlib import Path

from tests.hosts import debian, parts, progress
from tests.hosts.cache import entry

PACKAGES = ("selinux-policy-default", "policycoreutils")
CONFIG = "SELINUX=enforcing\nSELINUXTYPE=default\n"
KERNEL = "security=selinux enforcing=1 audit=1"

# $0 is the tree, $1 the packages. $PWD is scratch. The package's own script installs the modules in this way.
POLICY = """\
mkdir -p upper work root
mount -t overlay overlay -o "lowerdir=$1:$0,upperdir=upper,workdir=work" root
mount -t proc proc root/proc
modules=$(sed 's|.*|-i/usr/share/selinux/default/&.pp.bz2|' root/usr/share/selinux/default/.modules)
chroot root ldconfig
chroot root semodule -X 100 -n -s default $modules
"""

# Runs in the folder of a machine's files, which are mounted at "root", before its disk is made of them.
LABEL = """\
mount -t proc proc root/proc
chroot root setfiles -F /etc/selinux/default/contexts/files/file_contexts /
umount root/proc
"""


def layers(suite: str) -> tuple[Path, ...]:
    """Return the policy and its programs as layers for a tree. Building the policy takes a minute."""
    packages = entry("selinux", (suite, PACKAGES), partial(debian.add, PACKAGES), partial(parts.tree, suite))
    recipe = (packages, CONFIG, POLICY)
    return entry("selinux-policy", recipe, partial(_policy, packages), partial(parts.tree, suite)), packages


def _policy(packages: Path, into: Path, tree: Path) -> None:
    scratch = into.parent / "scratch"
    (scratch / "upper/etc/selinux").mkdir(parents=True)
    (scratch / "upper/etc/selinux/config").write_text(CONFIG)
    script = ("/bin/sh", "-ec", POLICY, str(tree), str(packages))
    progress.run("policy", (*debian.CONTAINED, *script), into.parent / "log", cwd=scratch)
    subprocess.run(("/bin/cp", "-aT", scratch / "upper", into), check=True)
