"""A host with a fake Docker: a directory tree, and an engine that reads daemon.json on restarts and reloads.

The engine treats the relevant keys as moby does. A restart reads the whole file. A reload reads the keys that are in
the file, and a key that was removed keeps its value. With an invalid file, a start fails and the engine stays down.
"""

import errno
import json
import os
from pathlib import Path
from typing import Any

from provisioner.errors import CommandError, NoEngineError
from provisioner.host import System
from provisioner.model import Ran

FILE = "/etc/docker/daemon.json"
PAIR = [["driver-type", "io.containerd.snapshotter.v1"]]
RESTART, RELOAD = ("service", "docker", "restart"), ("rc-service", "docker", "reload")


class KilledError(BaseException):
    """SIGKILL or a power cut: nothing runs after it."""


class Host(System):
    """A tree with OpenRC, dockerd's process and its socket. It counts ``restarts`` and ``reloads``.

    ``life`` is the number of changes before it is killed. None means that it is never killed.
    """

    life: int | None = None
    full = False  # whether the disk is; /run is not on it
    moment = ""  # the time of day, if it does not go on by itself

    def __init__(self, tree: Path, version: str = "28.5.2") -> None:
        super().__init__(str(tree), {}, "x86_64")
        self.uid = 0
        self.version = version
        self.up = True
        self.restarts = self.reloads = self.starts = 0
        self.effect: dict[str, Any] = {}
        self.containers: list[dict[str, Any]] = []
        self.volumes: list[dict[str, Any]] = []
        self.seconds = 0.0
        for folder in ("etc/docker", "var/lib/docker", "var/log", "run/openrc", "proc/self", "proc/sys/kernel"):
            (tree / folder).mkdir(parents=True, exist_ok=True)
        (tree / "run/openrc/softlevel").write_text("default")
        (tree / "proc/sys/kernel/osrelease").write_text(os.uname().release)
        self.start()

    def _change(self, path: str = "") -> None:
        if self.full and not path.startswith(self.runtime):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        if self.life is not None:
            self.life -= 1
            if self.life < 0:
                raise KilledError

    def install(self, path: str, data: bytes, mode: int, **more: Any) -> None:
        self._change(path)
        super().install(path, data, mode, **more)

    def append(self, path: str, line: str) -> None:
        self._change()
        super().append(path, line)

    def remove(self, path: str, user: str = "") -> None:
        self._change()
        super().remove(path, user)

    def get(self, socket: str, path: str) -> Any:
        if not self.up:
            raise NoEngineError(f"nothing listens on {socket}")
        asked = path.partition("?")[0]
        things = {f"/volumes/{v['Name']}": v for v in self.volumes}
        things |= {f"/containers/{c['Names'][0].lstrip('/')}/json": c for c in self.containers if c.get("Names")}
        if asked in things:
            return things[asked]
        answers = {
            "/info": self.info,
            "/containers/json": lambda: self.containers,
            "/images/json": list,
            "/volumes": lambda: {"Volumes": self.volumes},
        }
        return answers.get(asked, lambda: None)()

    def request(self, socket: str, method: str, path: str, *_: Any, **__: Any) -> tuple[int, bytes]:
        if not self.up:
            raise NoEngineError(f"nothing listens on {socket}")
        return 200, b'{"status": "reload"}' if "reload" in path else b"OK"

    def info(self) -> dict[str, Any]:
        """Return the engine's answer to GET /info."""
        store = bool(self.effect.get("features", {}).get("containerd-snapshotter"))
        return {
            "ServerVersion": self.version,
            "Driver": "overlayfs" if store else "overlay2",
            "DriverStatus": PAIR if store else [],
            "DockerRootDir": "/var/lib/docker",
            "KernelVersion": os.uname().release,
            "OSType": "linux",
            "Architecture": "x86_64",
            "Debug": bool(self.effect.get("debug")),
            "Labels": self.effect.get("labels", []),
            "LiveRestoreEnabled": bool(self.effect.get("live-restore")),
        }

    def run(self, argv: tuple[str, ...], timeout: int, text: str = "", user: str = "") -> str:
        self._change()
        if argv[-1] == "restart":
            self.restarts += 1
            self.start()
        elif argv[-1] == "reload":
            self.reloads += 1
            self.effect |= {k: v for k, v in self._file().items() if k in ("debug", "labels", "live-restore")}
        else:
            raise CommandError(f"{argv[0]}: no such program on this host")
        return ""

    def ask(self, *argv: str, text: str = "", timeout: int = 20, user: str = "") -> Ran:
        if "--validate" in argv:
            try:
                json.loads(text)
            except ValueError as e:
                return Ran(1, "", str(e))
            return Ran(0, "")
        return Ran(None, "", f"{argv[0]}: no such program on this host")

    def now(self) -> str:
        return self.moment or super().now()

    def pause(self, seconds: float) -> None:
        self.seconds += seconds

    def clock(self) -> float:
        self.seconds += 0.01
        return self.seconds

    def _file(self) -> dict[str, Any]:
        path = Path(self.path(FILE))
        found: dict[str, Any] = json.loads(path.read_text() or "{}") if path.exists() else {}
        return found

    def start(self) -> None:
        """Start the engine, at boot or in a restart."""
        self.starts += 1
        pid = Path(self.path("/var/run/docker.pid"))
        pid.parent.mkdir(parents=True, exist_ok=True)
        pid.write_text(str(1000 + self.starts))
        try:
            self.effect, self.up = self._file(), True
        except ValueError:
            self.up = False
