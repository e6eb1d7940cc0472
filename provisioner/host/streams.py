"""Read many files that others wrote, one after the other, without ever holding more than one of their lines."""

import os
import sys
from collections.abc import Iterator
from typing import BinaryIO

LINE = 1 << 20  # bytes of one result; ours have two or three thousand


def files(path: str) -> Iterator[tuple[str, str | None]]:
    """Each file at or below ``path``, in no order, and why it, or a folder, cannot be looked at.

    A folder of a million files is walked, not listed; links to folders are not followed.
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
    """Why an entry of a folder, or what it links to, is no file to read; None: it is one."""
    try:
        return None if entry.is_file() else "it is no file"
    except OSError as e:
        return e.strerror or "it cannot be looked at"


def exists(path: str) -> bool:
    """Whether there is anything at a path."""
    return os.path.lexists(path)


def lines(path: str) -> Iterator[bytes]:
    """The lines of a file, or of stdin for ``-``. One longer than LINE bytes comes cut off, and its rest not at all."""
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
