"""What the hosts are made of: suites, packages, Go programs, images, engines. Data only.

The digest of a recipe is part of its cache entry's name (see cache.py): whatever decides how an entry looks belongs
here, so that changing it builds a new entry and nothing else.
"""

from dataclasses import dataclass

PACKAGES = (
    *("docker.io", "iptables", "docker-registry"),
    *("systemd", "systemd-sysv", "dbus"),
    *("python3", "python3-psutil", "python3-jsonschema", "python3-systemd", "python3-yaml"),
    *("procps", "kmod", "iproute2"),
)

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
    "apt-daily.timer",  # these only slow a boot
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
    # A container skips the automount; without a mount systemd-binfmt.service has nowhere to register at boot.
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
class GoPrograms:
    """Programs of one Go module. ``stamp``: the variable that holds the version, and what it is to say."""

    module: str
    version: str
    stamp: tuple[str, str]
    programs: tuple[tuple[str, str], ...]  # package in the module, path below the folder they are built into


@dataclass(frozen=True, slots=True)
class GoMain(GoPrograms):
    """One program with a ``main.go`` of the tests' own. ``replaced``: modules that the module's repository also holds.

    Go ignores the ``replace`` lines of a required module, so they are repeated here with ``their_version``.
    """

    main: str
    replaced: tuple[str, ...]
    their_version: str


@dataclass(frozen=True, slots=True)
class Image:
    """An image under Docker Hub's name. ``tags``: the moving one that the product asks for and an immutable one."""

    name: str
    tags: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Engine:
    """A Docker host as users name it: its dockerd, a tree and the layers above it, topmost first."""

    version: str
    tree: str
    layers: tuple[str, ...] = ()


TREES = {
    tree.suite: tree
    for tree in (
        Tree("bookworm", PACKAGES),  # its docker.io has the command line as well; there is no buildx
        Tree("trixie", (*PACKAGES, "docker-cli", "docker-buildx")),
        Tree("forky", (*PACKAGES, "docker-cli", "docker-buildx")),
    )
}

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
    stamp=("dockerversion.Version", "29.9.3"),  # unstamped it calls itself "library-import"
    programs=(("cmd/dockerd", "usr/sbin/dockerd"), ("cmd/docker-proxy", "usr/sbin/docker-proxy")),
)
BUILDX = GoPrograms(
    module="github.com/docker/buildx",
    version="v0.38.2",
    stamp=("version.Version", "v0.38.2"),
    programs=(("cmd/buildx", "usr/libexec/docker/cli-plugins/docker-buildx"),),
)

NFPM = GoPrograms(  # writes .deb and .rpm; later versions need modules that the proxy does not have
    module="github.com/goreleaser/nfpm/v2",
    version="v2.43.4",
    stamp=("cmd/nfpm.version", "2.43.4"),
    programs=(("cmd/nfpm", "nfpm"),),
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
STAGING = (  # the modules that the repository of k8s.io/kubernetes holds beside it
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
CLUSTER_TREE = "forky"  # its containerd is the first that a kubelet from 1.36 on talks to
CLUSTER = {  # what else a cluster of such hosts needs
    "etcd-server": ("usr/bin/etcd",),
    "containernetworking-plugins": ("usr/lib/cni",),
    "openssl": ("usr/bin/openssl", "usr/lib/ssl", "etc/ssl"),
}
PAUSE_IMAGE = Image("library/pause", ("3.10",))  # what holds a pod's namespaces

QEMU_SUITE = "trixie"  # the first whose qemu-user is static
NEWER_QEMU_SUITE = "forky"
QEMU_CPUS = (
    *("aarch64", "arm", "i386", "x86_64", "ppc64le", "riscv64", "s390x"),
    *("mips64", "mips64el", "loongarch64"),
)
PROGRAMS = {  # what is wanted of which package
    "qemu-user": tuple(f"usr/bin/qemu-{cpu}" for cpu in QEMU_CPUS),
    "busybox-static": ("usr/bin/busybox",),
}

_SSH = {
    "openssh-server": ("usr/sbin", "usr/lib/openssh"),
    "openssh-client": ("usr/bin",),
    "libwrap0": ("usr/lib",),
}
NETWORK = {  # for hosts of a suite that reach each other: what of ssh and TLS no tree has
    "bookworm": _SSH,
    "trixie": {"openssl": ("usr/bin/openssl", "usr/lib/ssl", "etc/ssl"), **_SSH, "libwtmpdb0": ("usr/lib",)},
    "forky": {**_SSH, "libwtmpdb0": ("usr/lib",)},
}

VENV = {  # what `python3 -m venv` needs on a host of QEMU_SUITE beside Python itself
    "python3.13-venv": ("usr/lib/python3.13/ensurepip",),
    "python3-pip-whl": ("usr/share/python-wheels",),
    "ca-certificates": ("usr/share/ca-certificates/mozilla",),
}

ROOTLESS = {  # for an engine of a user's, in a session of that user's own
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

# Podman for hosts of QEMU_SUITE, with what it needs and no tree has; Docker's command line speaks to it.
PODMAN = ("podman", "crun", "netavark", "aardvark-dns", "catatonit", "nftables", "passt", "uidmap", "dbus-user-session")

MANAGERS = {  # service managers other than systemd, for hosts of QEMU_SUITE
    "openrc": ("usr", "etc"),
    "librc1t64": ("usr",),
    "libeinfo1": ("usr",),
    "runit": ("usr",),
}
DNF = ("dnf", "rpm")
APT = {"python3-apt": ("usr/lib/python3/dist-packages",)}  # what Ansible needs of a host that installs a package

BUILDKIT_IMAGE = Image("moby/buildkit", ("buildx-stable-1", BUILDKIT.version))
BINFMT_IMAGE = Image("tonistiigi/binfmt", ("latest", "qemu-v10.0.4"))
NEWER_BINFMT_IMAGE = Image("tonistiigi/binfmt", ("qemu-v10.2.3-68",))  # made here, it has NEWER_QEMU_SUITE's QEMU

REGISTRY = "127.0.0.1:5000"

ANSIBLE = ("2.19.14", "2.21.5")  # ansible-core, the oldest and the newest that is maintained
ANSIBLE_PYTHON = ("trixie", "3.13")  # what a controller is made of
ANSIBLE_TEST_PIP = "24.2"  # the pip that the ansible-test of the oldest asks for
LINTERS = (
    *(f"ansible-core=={ANSIBLE[0]}", "ansible-lint==26.10.1"),
    *("antsibull-changelog==0.36.0", "antsibull-docs==2.28.0", "galaxy-importer==0.4.44"),
)
ANSIBLE_LOWEST = "2.16.19"  # what Ubuntu 24.04 has, no longer maintained: the collection says that it works there

ENGINES = {
    "bookworm": Engine("20.10", "bookworm"),
    "trixie": Engine("26.1", "trixie"),
    "forky": Engine("28.5", "forky"),
    "29": Engine("29.9", "forky", ("29", "buildx")),
}
DEFAULT = "trixie"
