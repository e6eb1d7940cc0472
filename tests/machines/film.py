"""A power cut at any moment of a run that was filmed: what is on the disk then, and what a file system makes of it."""

import random
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.machines.volatile import Disk, Event, put

SURVIVES = 0.5  # the chance of a block that was written and not flushed
REPLAY = ("/usr/sbin/e2fsck", "-fy", "-E", "journal_only")
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
    """An image of ext4 whose journal is replayed, as at a mount, and whose files can be read."""

    def __init__(self, path: Path) -> None:
        self._path = path
        done = subprocess.run((*REPLAY, path), capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stdout + done.stderr

    def get(self, path: str) -> bytes | None:
        """Read a file; None where there is none."""
        done = subprocess.run((*LOOK, f"cat {path}", self._path), capture_output=True, check=True)
        return None if b"not found" in done.stderr else done.stdout

    def names(self, folder: str) -> list[str]:
        """What is in a folder."""
        done = subprocess.run((*LOOK, f"ls -p {folder}", self._path), capture_output=True, text=True, check=True)
        return sorted(line.split("/")[5] for line in done.stdout.splitlines() if line.count("/") > 5)
