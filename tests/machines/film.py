"""A power cut at any moment of a run that was filmed: what is on the disk then, and what a file system makes of it."""

import contextlib
import random
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from tests.machines.volatile import BLOCK, Disk, Event, put

SURVIVES = 0.5  # the chance of a block that was written and not flushed
REPLAY = ("/usr/sbin/e2fsck", "-fy", "-E", "journal_only")
UNDO = ("/usr/sbin/e2undo", "-f")
LOOK = ("/usr/sbin/debugfs", "-R")


class Film:
    """All that was written to a disk while a test filmed it, after what was there before."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk
        self._before = dict(disk.durable)
        self._cache = dict(disk.cache)
        self.events: list[Event] = []
        disk.film = self.events

    def end(self) -> None:
        """Film no more."""
        self._disk.film = None

    def when(self, text: bytes, after: int = 0) -> int:
        """The moment right after a text was first written, flushed or not."""
        for moment in range(after, len(self.events)):
            if text in (self.events[moment].data or b""):
                return moment + 1
        raise LookupError(text)

    def flushed(self, moment: int) -> int:
        """The moment right after the next flush."""
        return next((n + 1 for n in range(moment, len(self.events)) if self.events[n].data is None), len(self.events))

    def cuts(self, moments: Sequence[int], chance: random.Random) -> Iterator[tuple[int, dict[int, bytes]]]:
        """Each moment with what is on the disk after a power cut: what was flushed, and by chance some of the rest."""
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
    """An image of a disk, of ext4, in which files can be read as after a mount: the journal is replayed."""

    def __init__(self, disk: Disk, path: Path) -> None:
        self._disk, self._path = disk, path
        self._undo = path.with_suffix(".undo")
        self._shown: Mapping[int, bytes] = {}
        disk.copy(path)

    @contextlib.contextmanager
    def mounted(self, durable: Mapping[int, bytes]) -> Iterator[None]:
        """Have on it what a disk has, replay the journal, and take that back afterwards."""
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
        """Read a file; None where there is none."""
        done = subprocess.run((*LOOK, f"cat {path}", self._path), capture_output=True, check=True)
        return None if b"not found" in done.stderr else done.stdout
