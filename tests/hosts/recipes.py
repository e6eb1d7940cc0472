"""The ingredients of hosts: suites, packages, Go programs, images and engines. This module contains only data.

The digest of a recipe is part of the name of its cache entry (see cache.py). Everything that affects an entry
belongs here, so that a change builds a new version of that entry only.
"""

from dataclasses import dataclass

PACKAGES = (
    *("docker.io", "iptables", "docker-registry"),
    *("systemd", "systemd-sysv", "dbus"),
    *("python3", "python3-psutil", "python3-jsonschema", "python3-systemd", "python3-yaml"),
    *("procps", "kmod", "iproute2"),
)

GRAFANA_SDK = "1769699998!10.1.0"  # Grafana's own models of dashboards
AXE = "4.14.1"  # of axe-core, which judges web pages

UNUSED = (
    "usr/share/doc",
    "usr/share/info",
    "usr/share/locale",
    "usr/share/man",
    "var/cache/apt",
    "var/lib/apt/lists",
    "var/log/bootstrap.log",
)

MASKED = (
    "sys-kernel-debug.mount",  # a user namespace forbids both
    "sys-kernel-tracing.mount",
    "apt-daily.timer",  # these only slow down a boot
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "e2scrub_reap.service",
    "fstrim.timer",
    "getty@tty1.service",
    "console-getty.service",
    "systemd-networkd-wait-online.service",
    "systemd-pstore.service",
)

ENABLED = {
    # A container skips the automount, so a tree has a mount for tests that ask for one: see boot(binfmt=True).
    "sysinit.target.wants": "proc-sys-fs-binfmt_misc.mount",
}


@dataclass(frozen=True, slots=True)
class Tree:
    """A Debian suite as debootstrap makes it, without what no test needs."""

    suite: str
    packages: tuple[str, ...]
    unused: tuple[str, ...] = UNUSED
    masked: tuple[str, ...] = MASKED
    enabled: tuple[tuple[str, str], ...] = tuple(ENABLED.items())


@dataclass(frozen=True, slots=True)
class Ubuntu(Tree):
    """The same of Ubuntu. ``script`` is debootstrap's, which knows the archive."""

    script: str = "jammy"  # works for later suites, too, and old debootstraps have it
    components: str = "main,universe"


@dataclass(frozen=True, slots=True)
class GoPrograms:
    """Programs of one Go module. ``stamp`` is the variable that holds the version, and its value."""

    module: str
    version: str
    stamp: tuple[str, str]
    programs: tuple[tuple[str, str], ...]  # package in the module, path below the output folder


@dataclass(frozen=True, slots=True)
class GoMain(GoPrograms):
    """A program with its own ``main.go``. ``replaced`` lists modules that are in the same repository.

    Go ignores the ``replace`` lines of a required module, so they are repeated here with ``their_version``.
    """

    main: str
    replaced: tuple[str, ...]
    their_version: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image under its Docker Hub name. ``tags``: the moving tag that the product uses, and an immutable one."""

    name: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Engine:
    """A named Docker host: the version of its dockerd, its tree, and the layers above it, topmost first."""

    version: str
    tree: str
    layers: tuple[str, ...] = ()


TREES = {
    tree.suite: tree
    for tree in (
        Tree("bookworm", PACKAGES),  # its docker.io also contains the command line, and it has no buildx
        Tree("trixie", (*PACKAGES, "docker-cli", "docker-buildx")),
        Tree("forky", (*PACKAGES, "docker-cli", "docker-buildx")),
        Ubuntu("noble", (*PACKAGES, "docker-buildx")),
    )
}

UBUNTU_KEYRING = {"ubuntu-keyring": ("usr/share/keyrings",)}  # a package of Debian's

GO = "1.26.0"
GO_TOOLCHAIN = "1.26.8"  # for a Go that cannot choose one itself

BUILDKIT = GoPrograms(
    module="github.com/moby/buildkit",
    version="v0.34.2",
    stamp=("version.Version", "v0.34.2"),
    programs=(("cmd/buildkitd", "usr/bin/buildkitd"), ("cmd/buildctl", "usr/bin/buildctl")),
)
DOCKERD = GoPrograms(
    module="github.com/moby/moby/v2",
    version="v2.0.0-beta.24",
    stamp=("dockerversion.Version", "29.9.3"),  # without a stamp it reports "library-import"
    programs=(("cmd/dockerd", "usr/sbin/dockerd"), ("cmd/docker-proxy", "usr/sbin/docker-proxy")),
)
BUILDX = GoPrograms(
    module="github.com/docker/buildx",
    version="v0.38.2",
    stamp=("version.Version", "v0.38.2"),
    programs=(("cmd/buildx", "usr/libexec/docker/cli-plugins/docker-buildx"),),
)

NFPM = GoPrograms(  # writes .deb and .rpm; later versions need modules that the proxy lacks
    module="github.com/goreleaser/nfpm/v2",
    version="v2.43.4",
    stamp=("cmd/nfpm.version", "2.43.4"),
    programs=(("cmd/nfpm", "nfpm"),),
)
ACTIONLINT = GoPrograms(
    module="github.com/rhysd/actionlint",
    version="v1.7.12",
    stamp=("cmd/actionlint.version", "1.7.12"),
    programs=(("cmd/actionlint", "actionlint"),),
)
KUBE = """\
// Command kube is the control plane of Kubernetes and its kubelet in one program, so that it is linked only once.
package main

import (
	"context"
	"os"

	"github.com/spf13/cobra"
	"k8s.io/component-base/cli"
	apiserver "k8s.io/kubernetes/cmd/kube-apiserver/app"
	controllers "k8s.io/kubernetes/cmd/kube-controller-manager/app"
	scheduler "k8s.io/kubernetes/cmd/kube-scheduler/app"
	kubelet "k8s.io/kubernetes/cmd/kubelet/app"
)

var programs = map[string]func() *cobra.Command{
	"apiserver":          apiserver.NewAPIServerCommand,
	"controller-manager": controllers.NewControllerManagerCommand,
	"scheduler":          func() *cobra.Command { return scheduler.NewSchedulerCommand() },
	"kubelet":            func() *cobra.Command { return kubelet.NewKubeletCommand(context.Background()) },
}

func main() {
	name := os.Args[1]
	os.Args = append([]string{"kube-" + name}, os.Args[2:]...)
	os.Exit(cli.Run(programs[name]()))
}
"""
STAGING = (  # modules that k8s.io/kubernetes keeps in its own repository
    *("api", "apiextensions-apiserver", "apimachinery", "apiserver", "cli-runtime", "client-go", "cloud-provider"),
    *("cluster-bootstrap", "code-generator", "component-base", "component-helpers", "controller-manager", "cri-api"),
    *("cri-client", "cri-streaming", "csi-translation-lib", "dynamic-resource-allocation", "endpointslice"),
    *("externaljwt", "kms", "kube-aggregator", "kube-controller-manager", "kube-proxy", "kube-scheduler", "kubectl"),
    *("kubelet", "metrics", "mount-utils", "pod-security-admission", "sample-apiserver", "sample-cli-plugin"),
    *("sample-controller", "streaming"),
)
KUBERNETES = GoMain(
    module="k8s.io/kubernetes",
    version="v1.36.3",
    stamp=("k8s.io/component-base/version.gitVersion", "v1.36.3"),
    programs=((".", "usr/bin/kube"),),
    main=KUBE,
    replaced=tuple(f"k8s.io/{name}" for name in STAGING),
    their_version="v0.36.3",
)
CLUSTER_TREE = "forky"  # the first suite whose containerd works with kubelet 1.36 and later
CLUSTER = {  # other packages that hosts of a cluster need
    "etcd-server": ("usr/bin/etcd",),
    "containernetworking-plugins": ("usr/lib/cni",),
    "openssl": ("usr/bin/openssl", "usr/lib/ssl", "etc/ssl"),
}
PAUSE_IMAGE = Image("library/pause", ("3.10",))  # holds a pod's namespaces

QEMU_SUITE = "trixie"  # the first with a static qemu-user
NEWER_QEMU_SUITE = "forky"
QEMU_CPUS = (
    *("aarch64", "arm", "i386", "x86_64", "ppc64le", "riscv64", "s390x"),
    *("mips64", "mips64el", "loongarch64"),
)
PROGRAMS = {  # the wanted files of each package
    "qemu-user": tuple(f"usr/bin/qemu-{cpu}" for cpu in QEMU_CPUS),
    "busybox-static": ("usr/bin/busybox",),
}

_SSH = {
    "openssh-server": ("usr/sbin", "usr/lib/openssh"),
    "openssh-client": ("usr/bin",),
    "libwrap0": ("usr/lib",),
}
NETWORK = {  # for hosts that reach each other: the parts of ssh and TLS that no tree has
    "bookworm": _SSH,
    "trixie": {"openssl": ("usr/bin/openssl", "usr/lib/ssl", "etc/ssl"), **_SSH, "libwtmpdb0": ("usr/lib",)},
    "forky": {**_SSH, "openssh-common": ("usr/bin",), "libwtmpdb0": ("usr/lib",)},  # which has ssh-keygen
}

BECOMING_ROOT = ("sudo", "opendoas")

VENV = {  # what `python3 -m venv` needs on a host of QEMU_SUITE in addition to Python
    "python3.13-venv": ("usr/lib/python3.13/ensurepip",),
    "python3-pip-whl": ("usr/share/python-wheels",),
    "ca-certificates": ("usr/share/ca-certificates/mozilla",),
}

ROOTLESS = {  # for a user's own engine, in that user's session
    "rootlesskit": ("usr/bin",),
    "slirp4netns": ("usr/bin",),
    "libslirp0": ("usr/lib",),
    "libglib2.0-0t64": ("usr/lib",),
    "libatomic1": ("usr/lib",),
    "uidmap": ("usr/bin",),
    "libsubid5": ("usr/lib",),
    "dbus-user-session": ("usr/lib",),
    "libpam-systemd": ("usr/lib",),
}

# Podman for hosts of QEMU_SUITE, with the dependencies that no tree has. Docker's command line can use it.
PODMAN = ("podman", "crun", "netavark", "aardvark-dns", "catatonit", "nftables", "passt", "uidmap", "dbus-user-session")

LXC = ("lxc", "libapparmor1")  # for hosts of QEMU_SUITE that hold system containers

MANAGERS = {  # service managers other than systemd, for hosts of QEMU_SUITE
    "openrc": ("usr", "etc"),
    "librc1t64": ("usr",),
    "libeinfo1": ("usr",),
    "runit": ("usr",),
}
DNF = ("dnf", "rpm")
RPMLINT = ("rpmlint",)
CLOUD = ("cloud-init", "curl")  # what clouds' images of QEMU_SUITE have
# Package managers of other distributions, for hosts of QEMU_SUITE, and what makes repositories for them.
PACKAGE_MANAGERS = (*DNF, "zypper", "createrepo-c", "pacman-package-manager", "makepkg", "libarchive-tools")
APT = {"python3-apt": ("usr/lib/python3/dist-packages",)}  # what Ansible needs on a host that installs a package

BUILDKIT_IMAGE = Image("moby/buildkit", ("buildx-stable-1", BUILDKIT.version))
BINFMT_IMAGE = Image("tonistiigi/binfmt", ("latest", "qemu-v10.0.4"))
NEWER_BINFMT_IMAGE = Image("tonistiigi/binfmt", ("qemu-v10.2.3-68",))  # if built here, it has NEWER_QEMU_SUITE's QEMU
ALPINE_IMAGE = Image("library/alpine", ("latest",))  # what the pages build on; made of Debian's busybox
ALPINE_ARCHITECTURES = ("amd64", "arm64")
ALPINE_SHELL = {"busybox-static": ("usr/bin/busybox",)}

REGISTRY = "127.0.0.1:5000"

ANSIBLE = ("2.19.14", "2.21.5")  # the oldest and the newest maintained ansible-core
ANSIBLE_PYTHON = ("trixie", "3.13")  # suite and Python of a controller
ANSIBLE_TEST_PIPS = ("24.2", "25.2")  # the pips that their ansible-test require
BILL = ("cyclonedx-bom==7.5.0",)  # it writes the bill of materials of a release
LINTERS = (
    *(f"ansible-core=={ANSIBLE[0]}", "ansible-lint==26.10.1"),
    *("antsibull-changelog==0.36.0", "antsibull-docs==2.28.0", "galaxy-importer==0.4.44"),
)
AUTHORS = ("antsibull-nox==1.10.0", "ansible-builder==3.2.0")  # what other authors of collections use
ANSIBLE_LOWEST = "2.16.19"  # of Ubuntu 24.04; no longer maintained, but the collection supports it

ENGINES = {
    "bookworm": Engine("20.10", "bookworm"),
    "trixie": Engine("26.1", "trixie"),
    "forky": Engine("28.5", "forky"),
    "noble": Engine("24.0", "noble"),
    "29": Engine("29.9", "forky", ("29", "buildx")),
}
DEFAULT = "trixie"
