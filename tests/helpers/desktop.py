"""A fake Docker Desktop: recorded answers at its sockets, and a stand-in for ``docker desktop``.

The stand-in is a real program that the agent starts. It has the faults that users reported for Desktop: ``status``
lies, ``start`` hangs, ``stop`` is slow or does nothing, and settings are rewritten in between. The engine answers if
its socket is in place.
"""

import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from provisioner.host import System
from tests.helpers import recorded

HOME = "/home/x"
FOLDER = f"{HOME}/.docker/desktop"
SOCKET = f"{FOLDER}/docker.sock"
SETTINGS = f"{FOLDER}/settings-store.json"
INFO = {
    "ServerVersion": "29.5.2",
    "OperatingSystem": "Docker Desktop",
    "Name": "docker-desktop",
    "OSType": "linux",
    "Architecture": "x86_64",
    "KernelVersion": "6.12.54-linuxkit",
    "DockerRootDir": "/var/lib/docker",
    "Labels": [f"com.docker.desktop.address=unix://{HOME}/.docker/desktop/docker-cli.sock"],
}
PAIR = [["driver-type", "io.containerd.snapshotter.v1"]]

# The stand-in for `docker`. A file configures its habits by the name of each subcommand.
STAND_IN = """\
#!{python} -I
import json, pathlib, subprocess, sys, time
folder = pathlib.Path({folder!r})
habits = json.loads((folder / "habits.json").read_text())
settings = next((p for p in (folder / "settings-store.json", folder / "settings.json") if p.exists()), None)
words = sys.argv[1:]
(folder / "orders").open("a").write(" ".join(words) + "\\n")
if words[:1] != ["desktop"]:
    sys.exit("docker: this is a stand-in that knows desktop alone")
habit = habits.get(words[1], "")

def move(away):
    for name in ("docker.sock", "backend.sock"):
        here, there = folder / name, folder / (name + ".off")
        if away and here.exists():
            here.rename(there)
        elif not away and there.exists():
            there.rename(here)

def rewrite(change):
    found = json.loads(settings.read_text())
    change(found)
    settings.write_text(json.dumps({{**found, "LastSeen": 1}}, indent=4))

if words[1] == "status":
    print(habit or "starting")
elif words[1] == "stop":
    if habit == "late":
        subprocess.Popen([sys.executable, "-I", __file__, "desktop", "really-stop"], start_new_session=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    elif habit == "rewrites":
        rewrite(lambda found: None)
        move(True)
    elif habit == "breaks":
        settings.write_text('{{"half": ')
        move(True)
    elif habit != "nothing":
        move(True)
    sys.exit(1 if habit == "nothing" else 0)
elif words[1] == "really-stop":
    time.sleep(0.5)
    move(True)
elif words[1] == "start":
    if habit == "never":
        sys.exit("Error: context deadline exceeded")
    text = settings.read_text() if settings else "{{}}"
    if text.startswith("\\ufeff") or not text.strip():
        sys.exit("retrieving settings: loading settings: parsing JSON: EOF")
    if habit == "reverts":
        rewrite(lambda found: found.update(UseContainerdSnapshotter=False))
    elif habit == "rewrites":
        rewrite(lambda found: None)
    found = json.loads(settings.read_text() if settings else "{{}}")
    on = found.get("UseContainerdSnapshotter", found.get("useContainerdSnapshotter", False))
    (folder / "store").write_text("overlayfs" if on else "overlay2")
    move(False)
    if habit == "hangs":
        time.sleep(3600)
"""


class Desktop:
    """A running Desktop of the user x of a tree. Its engine uses the classic store until its settings change that."""

    def __init__(self, tree: Path) -> None:
        self.tree = tree
        self.folder = tree / FOLDER.lstrip("/")
        self.folder.mkdir(parents=True, exist_ok=True)
        (self.folder / "store").write_text("overlay2")
        self.trial: bytes = b"amd64\n"
        self.habits()
        self.put("/usr/bin/docker", STAND_IN.format(python=sys.executable, folder=str(self.folder)), 0o755)
        self.put(f"{HOME}/.docker/cli-plugins/docker-desktop", "", 0o755)
        self.put(f"{HOME}/.docker/config.json", '{"currentContext": "desktop-linux"}')
        digest = "fe9c6bd7a66301f49ca9b6a70b217107cd1284598bfc254700c989b916da791e"
        context = {"Name": "desktop-linux", "Endpoints": {"docker": {"Host": f"unix://{SOCKET}"}}}
        self.put(f"{HOME}/.docker/contexts/meta/{digest}/meta.json", json.dumps(context))

    def put(self, path: str, text: str, mode: int = 0o644) -> None:
        """Write a file of the tree."""
        at = self.tree / path.lstrip("/")
        at.parent.mkdir(parents=True, exist_ok=True)
        at.write_text(text)
        at.chmod(mode)

    def habits(self, **of: str) -> None:
        """Set how its commands behave from now on, for example ``stop="late"``."""
        (self.folder / "habits.json").write_text(json.dumps(of))

    @property
    def settings(self) -> str:
        """The text of settings-store.json."""
        return (self.folder / "settings-store.json").read_text()

    @property
    def orders(self) -> list[str]:
        """The commands that its command line received."""
        path = self.folder / "orders"
        return path.read_text().splitlines() if path.exists() else []

    def runs(self) -> bool:
        """Tell whether its engine answers."""
        return (self.folder / "docker.sock").exists()

    def info(self) -> dict[str, Any]:
        """Return its answer to GET /info."""
        driver = (self.folder / "store").read_text()
        return {**INFO, "Driver": driver, "DriverStatus": PAIR if driver == "overlayfs" else []}

    def host(self) -> System:
        """Return the tree as the user x sees it."""
        host = System(str(self.tree), {"HOME": HOME, "XDG_RUNTIME_DIR": "/run/user/1000"})
        host.uid = 1000
        return host

    @contextlib.contextmanager
    def running(self) -> Iterator[System]:
        """Answer requests while the block runs."""
        frame = b"\1\0\0\0" + len(self.trial).to_bytes(4, "big") + self.trial
        answers: dict[str, Any] = {
            "/_ping": b"OK",
            "/info": self.info,
            "/containers/json": [],
            "/images/json": [],
            "POST /images/create": {"status": "sha256:0"},
            "POST /containers/create": {"Id": "trial"},
            "POST /containers/trial/start": {},
            "/containers/trial/json": recorded.container("trial", Pid=4242),
            "/containers/trial/logs": frame,
        }
        with (
            recorded.engine(self.folder / "docker.sock", answers),
            recorded.engine(self.folder / "backend.sock", {"/ping": {"serverTime": 0}}),
        ):
            yield self.host()
