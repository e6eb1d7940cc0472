"""Simulate a power cut at any moment of a recorded run: the content of the disk, and what its file system recovers."""

import contextlib
import random
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.machines.volatile import BLOCK, Disk, Event, put

SURVIVES = 0.5  # the chance that an unflushed block is on the disk
# As a mount does. With -f it would check the whole file system, too, and e2fsck 1.47 may crash there when it can undo.
REPLAY = ("/usr/sbin/e2fsck", "-y", "-E", "journal_only")
UNDO = ("/usr/sbin/e2undo", "-f")
LOOK = ("/usr/sbin/debugfs", "-R")


class Film:
    """Everything written to a disk while a test recorded it, on top of the previous content."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._before = dict(disk.durable)
        self._cache = dict(disk.cache)
        self.events: list[Event] = []
        disk.film = self.events

    def end(self) -> None:
        """Stop the recording."""
        self._disk.film = None

    def when(self, text: bytes, after: int = 0) -> int:
        """Return the moment right after a text was first written, flushed or not."""
        for moment in range(after, len(self.events)):
            if text in (self.events[moment].data or b""):
                return moment + 1
        raise LookupError(text)

    def flushed(self, moment: int) -> int:
        """Return the moment right after the next flush."""
        return next((n + 1 for n in range(moment, len(self.events)) if self.events[n].data is None), len(self.events))

    def cuts(self, moments: Sequence[int], chance: random.Random) -> Iterator[tuple[int, dict[int, bytes]]]:
        """Yield each moment with the disk after a power cut: all flushed blocks, and a random part of the others."""
        durable, cache = dict(self._before), dict(self._cache)

        def block(number: int) -> bytes:
            return cache.get(number) or durable.get(number) or self._disk.base(number)

        ahead = iter(sorted(moments))
        moment = next(ahead, None)
        for number, event in enumerate((*self.events, Event(0, 0, b""))):
            while moment == number:
                yield moment, durable | {n: data for n, data in cache.items() if chance.random() < SURVIVES}
                moment = next(ahead, None)
            if event.data is None:
                durable.update(cache)
                cache.clear()
            else:
                put(cache, event.offset, event.data, block)


class Image:
    """A disk image with ext4, whose files can be read as after a mount, that is, with the journal replayed."""

    def __init__(self, disk: Disk, path: Path) -> None:
        self._disk, self._path = disk, path
        self._undo = path.with_suffix(".undo")
        self._shown: Mapping[int, bytes] = {}
        disk.copy(path)

    @contextlib.contextmanager
    def mounted(self, durable: Mapping[int, bytes]) -> Iterator[None]:
        """Copy a disk's content to the image, replay the journal, and undo both at the end."""
        with self._path.open("r+b") as file:
            for number in self._shown.keys() | durable.keys():
                if self._shown.get(number) is not durable.get(number):
                    file.seek(number * BLOCK)
                    file.write(durable.get(number) or self._disk.base(number))
        self._shown = dict(durable)
        done = subprocess.run((*REPLAY, "-z", self._undo, self._path), capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stdout + done.stderr
        yield
        if self._undo.exists():
            subprocess.run((*UNDO, self._undo, self._path), capture_output=True, check=True)
            self._undo.unlink()

    def get(self, path: str) -> bytes | None:
        """Return the content of a file, or None if it does not exist."""
        done = subprocess.run((*LOOK, f"cat {path}", self._path), capture_output=True, check=True)
        return None if b"not found" in done.stderr else done.stdout
