"""Read many files that others wrote, one after the other, with at most one line in memory."""

import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

LINE = 1 << 20  # bytes of one result; ours have two or three thousand


def files(path: str) -> Iterator[tuple[str, str | None]]:
    """Yield each file at or below ``path``, in no particular order, and why it cannot be read, if so.

    Folders are streamed, because one may hold a million files. Links to folders are not followed. A folder that cannot
    be read is yielded as well, with the reason.
    """
    if path == "-" or not os.path.isdir(path):
        yield path, None
        return
    folders = [path]
    while folders:
        folder = folders.pop()
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    else:
                        yield entry.path, _reason(entry)
        except OSError as e:
            yield folder, e.strerror or "it cannot be read"


def _reason(entry: os.DirEntry[str]) -> str | None:
    """Return why an entry of a folder, or the target of its link, is not a readable file, or None if it is one."""
    try:
        return None if entry.is_file() else "it is not a regular file"
    except OSError as e:
        return e.strerror or "it cannot be looked at"


def exists(path: str) -> bool:
    """Whether anything exists at a path."""
    return os.path.lexists(path)


def lines(path: str) -> Iterator[bytes]:
    """Yield the lines of a file, or of stdin for ``-``. A line longer than LINE bytes is truncated."""
    if path == "-":
        yield from _cut(sys.stdin.buffer)
        return
    with open(path, "rb") as file:
        yield from _cut(file)


def _cut(file: BinaryIO) -> Iterator[bytes]:
    while line := file.readline(LINE + 1):
        yield line
        while not line.endswith(b"\n") and len(line) > LINE:
            line = file.readline(LINE + 1)
