"""macOS and Windows, as far as any machine can tell: nothing that only Linux has is needed at import, and Docker
Desktop's settings are read, planned and set with what those systems have. No such system was ever run here.
"""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.desktop import SETTINGS, Desktop

TREE = Path(__file__).parents[1]

# What CPython lacks there. The standard library is loaded before, for it asks at its own import.
CRIPPLE = """\
import http.server, importlib.abc, json, os, signal, socket, socketserver, subprocess, sys, tempfile, _socket
import argparse, contextlib, copy, ctypes, difflib, errno, functools, hashlib, io, platform, re, select, shlex, ssl
import tarfile, threading, time, tomllib, types, urllib.parse, urllib.request, uuid, zoneinfo
LACKS = {{
    "darwin": (
        ("systemd",),
        ("memfd_create", "O_PATH", "getxattr", "setxattr", "splice", "eventfd"),
        ("SIGRTMIN", "SIGRTMAX"),
    ),
    "win32": (
        ("systemd", "fcntl", "pwd", "grp", "termios", "resource", "syslog", "tty", "pty"),
        ("memfd_create", "O_PATH", "getxattr", "setxattr", "splice", "eventfd", "geteuid", "getuid", "getegid",
         "getgid", "setgroups", "getgroups", "seteuid", "setegid", "getgrouplist", "chroot", "fchown", "chown",
         "fchmod", "killpg", "posix_spawn", "pread", "uname", "statvfs", "O_NOFOLLOW", "O_CLOEXEC", "O_DIRECTORY",
         "O_NONBLOCK", "O_NOCTTY"),
        ("SIGHUP", "SIGKILL", "pthread_sigmask", "SIG_BLOCK", "SIG_UNBLOCK"),
    ),
}}
modules, functions, signals = LACKS[{platform!r}]
class Absent(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in modules:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, Absent())
for name in modules:
    sys.modules.pop(name, None)
for name in functions:
    if hasattr(os, name):
        delattr(os, name)
for name in signals:
    if hasattr(signal, name):
        delattr(signal, name)
sys.platform = {platform!r}
if sys.platform == "win32":  # what Windows has, and no other
    sys.modules["msvcrt"] = types.SimpleNamespace(LK_NBLCK=2, locking=lambda fd, mode, size: None)
sys.path.insert(0, {tree!r})
"""
IMPORT = """
import pathlib
for path in sorted(pathlib.Path("provisioner").rglob("*.py")):
    name = ".".join(path.with_suffix("").parts).removesuffix(".__init__")
    if not name.endswith("__main__"):
        __import__(name)
from provisioner.cli import main
sys.exit(main(["--help"]) if len(sys.argv) > 1 else 0)
"""
APPLY = """
from tests.helpers.desktop import Desktop
from provisioner.config.desired import Desired
from provisioner.engine import facts
from provisioner.host import System
from provisioner.config import load
from provisioner.runs import apply, rollback
tree, environ = pathlib.Path(sys.argv[1]), json.loads(sys.argv[2])
fake = Desktop(tree)
for link, target in json.loads(sys.argv[3]).items():
    (tree / link).parent.mkdir(parents=True, exist_ok=True)
    (tree / link).symlink_to(os.path.relpath(tree / target, (tree / link).parent))
with fake.running():
    host = System(str(tree), environ)
    host.uid = host.uid or 501
    done = apply.apply(host, load.load(host, None), lambda line: None, only=("image store",))
    seen = facts.gather(host, Desired())
    set_ = json.loads(fake.settings)
    undone = rollback.rollback(host, None, lambda line: None)
print(json.dumps({"status": done.status, "file": seen.daemon_json, "set": set_, "undone": undone,
                  "endpoint": seen.endpoint.host, "after": fake.settings, "orders": fake.orders}))
"""


def run(platform: str, script: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a script in a Python that lacks what a system's own lacks."""
    source = CRIPPLE.format(platform=platform, tree=str(TREE)) + "import os, pathlib\n" + script
    argv = (sys.executable, "-c", source, *args)
    return subprocess.run(argv, check=False, cwd=TREE, capture_output=True, text=True, timeout=120)


@pytest.mark.parametrize("platform", ["darwin", "win32"])
def test_every_module_is_imported_without_what_only_linux_has(platform: str) -> None:
    ran = run(platform, IMPORT)
    assert (ran.returncode, ran.stderr) == (0, "")


SYSTEMS = [
    (
        "darwin",
        {"HOME": "/Users/x", "DOCKER_HOST": "unix:///Users/x/.docker/run/docker.sock"},
        {
            "Users/x/.docker/run": "home/x/.docker/desktop",
            "Users/x/.docker/cli-plugins": "home/x/.docker/cli-plugins",
            "Users/x/Library/Group Containers/group.com.docker": "home/x/.docker/desktop",
            "Applications/Docker.app/Contents/Resources/bin/docker": "usr/bin/docker",
        },
        "/Users/x/Library/Group Containers/group.com.docker/settings-store.json",
    ),
    (
        "win32",
        {
            "USERPROFILE": r"C:\Users\x",
            "APPDATA": r"C:\Users\x\AppData\Roaming",
            "DOCKER_HOST": "npipe:////./pipe/dockerDesktopLinuxEngine",
        },
        {
            "pipe/dockerDesktopLinuxEngine": "home/x/.docker/desktop/docker.sock",
            "C:/Users/x/AppData/Roaming/Docker": "home/x/.docker/desktop",
            "C:/Users/x/.docker/cli-plugins/docker-desktop.exe": "home/x/.docker/cli-plugins/docker-desktop",
            "C:/Program Files/Docker/Docker/resources/bin/docker.exe": "usr/bin/docker",
        },
        "C:/Users/x/AppData/Roaming/Docker/settings-store.json",
    ),
]


@pytest.mark.parametrize(("platform", "environ", "links", "file"), SYSTEMS, ids=["darwin", "win32"])
def test_desktop_s_settings_are_set_and_given_back_with_what_that_system_has(
    tmp_path: Path, platform: str, environ: dict[str, str], links: dict[str, str], file: str
) -> None:
    text = '{\n  "SettingsVersion": 43\n}'
    settings = tmp_path / SETTINGS.lstrip("/")
    settings.parent.mkdir(parents=True)
    settings.write_text(text)
    ran = run(platform, APPLY, str(tmp_path), json.dumps(environ), json.dumps(links))
    assert ran.returncode == 0, ran.stderr
    told = json.loads(ran.stdout)
    assert (told["status"], told["file"], told["endpoint"]) == (0, file, environ["DOCKER_HOST"])
    assert told["set"] == {"SettingsVersion": 43, "UseContainerdSnapshotter": True}
    assert (told["undone"], told["after"]) == ([1], text)
    assert "desktop stop --detach" in told["orders"]


def test_the_default_endpoint_is_that_of_the_system(tmp_path: Path) -> None:
    from provisioner.engine import endpoints
    from provisioner.host import System

    host = System(str(tmp_path), {})
    assert endpoints.endpoint(host).host == "unix:///var/run/docker.sock"
    host.platform = "win32"
    assert endpoints.endpoint(host).host == "npipe:////./pipe/docker_engine"
    assert Desktop(tmp_path).runs() is False
