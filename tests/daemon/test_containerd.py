"""Where containerd keeps its data, according to a configuration of any version."""

from pathlib import Path

import pytest

from provisioner.daemon import containerd
from provisioner.host import System
from provisioner.image import engine

CONFIG = "/etc/containerd/config.toml"
CASES = {
    "no file": ({}, "/var/lib/containerd"),
    "version 2": ({CONFIG: 'version = 2\nroot = "/data/c"\n[plugins."io.containerd.grpc.v1.cri"]\n'}, "/data/c"),
    "version 3": ({CONFIG: "version = 3\nroot = '/data/c'\n[grpc]\naddress = '/x'\n"}, "/data/c"),
    "a root of something else": ({CONFIG: 'version = 2\n[plugins.x]\nroot = "/other"\n'}, "/var/lib/containerd"),
    "no TOML": ({CONFIG: "root = /data\n"}, "/var/lib/containerd"),
    "an import has the last word": (
        {
            CONFIG: 'version = 3\nroot = "/a"\nimports = ["conf.d/*.toml", "/etc/more.toml"]\n',
            "/etc/containerd/conf.d/10.toml": 'root = "/b"\n',
            "/etc/containerd/conf.d/20.toml": "[debug]\nlevel = 'info'\n",
            "/etc/containerd/conf.d/30.conf": 'root = "/c"\n',
        },
        "/b",
    ),
    "an import of itself": ({CONFIG: f'root = "/a"\nimports = ["{CONFIG}", "*.toml"]\n'}, "/a"),
    "a flag": (
        {
            CONFIG: 'root = "/a"\n',
            "/proc/7/cmdline": "/usr/bin/containerd\0--root\0/flag\0",
            "/proc/7/status": "Uid:\t0\n",
        },
        "/flag",
    ),
    "a file by a flag": (
        {
            "/etc/own.toml": 'root = "/own"\n',
            "/proc/7/cmdline": "/usr/bin/containerd\0-c\0/etc/own.toml\0",
            "/proc/7/status": "Uid:\t0\n",
        },
        "/own",
    ),
    "the flags of others": (
        {
            "/proc/7/cmdline": "containerd\0-a\0/run/k3s/containerd/containerd.sock\0--root\0/k3s\0",
            "/proc/8/cmdline": "containerd\0--config\0/var/run/docker/containerd/containerd.toml\0--root\0/own\0",
        },
        "/var/lib/containerd",
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_the_root_is_found_where_containerd_would_find_it(tmp_path: Path, name: str) -> None:
    files, root = CASES[name]
    for path, text in {**files, containerd.SYSTEM: ""}.items():
        where = tmp_path / path.lstrip("/")
        where.parent.mkdir(parents=True, exist_ok=True)
        where.write_text(text)
    host = System(str(tmp_path), {})
    assert containerd.root(host, engine.bare(host)) == root


@pytest.mark.parametrize(
    ("said", "found"),
    [
        (
            "io.containerd.snapshotter.v1 overlayfs linux/amd64 ok\nio.containerd.snapshotter.v1 zfs - skip",
            {"overlayfs"},
        ),
        ("io.containerd.snapshotter.v1 ok\nio.containerd.snapshotter.v1\nok\n", set()),
        ("\r\nTYPE ID PLATFORMS STATUS\n", set()),
        ("", None),
    ],
)
def test_the_snapshotters_of_a_ctr_are_known_as_far_as_it_names_them(
    tmp_path: Path, said: str, found: set[str] | None
) -> None:
    ctr = tmp_path / "usr/bin/ctr"
    ctr.parent.mkdir(parents=True)
    ctr.write_text(f"#!/bin/sh\nprintf %s '{said}'\n")
    ctr.chmod(0o755)
    host = System(str(tmp_path), {})
    (tmp_path / "proc/self").mkdir(parents=True)
    assert containerd.snapshotters(host, engine.bare(host)) == found
