"""A disk that loses what was not flushed: an NBD server with a write cache in memory, for QEMU as its only client.

Written data stays in the cache until the guest flushes it to the disk. A power cut discards the cache, or writes a
random part of it, as a real disk may in any order. The recording of a disk has all writes and flushes. So a test can
create the disk as of a power cut at any moment later, from one run.
"""

import os
import random
import socket
import struct
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tests.machines.images import copy

BLOCK = 4096
LONG = 60.0  # seconds for something that takes a few milliseconds

# The protocol: https://github.com/NetworkBlockDevice/nbd/blob/master/doc/proto.md
GREETING = b"NBDMAGIC" + b"IHAVEOPT" + struct.pack(">H", 0b11)  # fixed newstyle, no zeroes
OPTION, GO, ABORT, STRUCTURED = struct.Struct(">8sII"), 7, 2, 8
REPLY, REPLY_MAGIC = struct.Struct(">QIII"), 0x3E889045565A9
ACK, INFO, UNSUPPORTED = 1, 3, 0x80000001
EXPORT, HAS_FLAGS, SEND_FLUSH, SEND_FUA = 0, 1, 4, 8
REQUEST, ANSWER = struct.Struct(">IHHQQI"), struct.Struct(">IIQ")
ANSWER_MAGIC = 0x67446698
READ, WRITE, DISCONNECT, FLUSH = range(4)
FUA = 1


class Event(NamedTuple):
    """A write, or a flush if ``data`` is None."""

    time: float
    offset: int = 0
    data: bytes | None = None


class Disk:
    """A disk on an unchanged base image. ``durable`` holds the flushed blocks, ``cache`` the others."""

    def __init__(self, base: Path, address: Path) -> None:
        self._image = base
        self._base = os.open(base, os.O_RDONLY)
        self.size = os.fstat(self._base).st_size
        self.durable: dict[int, bytes] = {}
        self.cache: dict[int, bytes] = {}
        self.film: list[Event] | None = None
        self._address = address
        self._alone = threading.Event()
        self._alone.set()
        self._listening = socket.socket(socket.AF_UNIX)
        self._listening.bind(str(address))
        self._listening.listen(1)
        threading.Thread(target=self._serve, daemon=True).start()

    def device(self, number: int) -> str:
        """Return QEMU's block device for this disk."""
        return f"driver=nbd,node-name=disk{number},server.type=unix,server.path={self._address}"

    def lose(self, chance: random.Random | None = None) -> int:
        """Cut the power: discard what was not flushed, except for a random part if ``chance`` is given.

        Returns: the number of lost blocks.
        """
        self._alone.wait(LONG)  # QEMU's last messages before it was killed still arrive
        kept = [number for number in self.cache if chance and chance.random() < 0.5]
        self.durable |= {number: self.cache[number] for number in kept}
        lost = len(self.cache) - len(kept)
        self.cache.clear()
        return lost

    def base(self, number: int) -> bytes:
        """Return a block of the base image."""
        return os.pread(self._base, BLOCK, number * BLOCK).ljust(BLOCK, b"\0")

    def rewind(self, durable: dict[int, bytes]) -> None:
        """Replace the content of the disk while nothing uses it."""
        self.cache.clear()
        self.durable = dict(durable)

    def copy(self, image: Path) -> None:
        """Make a copy of the base image."""
        copy(self._image, image)

    def close(self) -> None:
        """Stop the server."""
        self._listening.close()
        os.close(self._base)

    # The server

    def _serve(self) -> None:
        while True:
            try:
                client, _ = self._listening.accept()
            except OSError:
                return
            self._alone.clear()
            with client:
                try:
                    self._negotiate(client)
                    while self._request(client):
                        pass
                except (OSError, EOFError):
                    pass  # QEMU was killed
            self._alone.set()

    def _negotiate(self, client: socket.socket) -> None:
        client.sendall(GREETING)
        _receive(client, 4)
        while True:
            _, option, length = OPTION.unpack(_receive(client, OPTION.size))
            _receive(client, length)
            if option != GO:
                client.sendall(REPLY.pack(REPLY_MAGIC, option, UNSUPPORTED, 0))
                if option == ABORT:
                    raise EOFError
                continue
            info = struct.pack(">HQH", EXPORT, self.size, HAS_FLAGS | SEND_FLUSH | SEND_FUA)
            client.sendall(REPLY.pack(REPLY_MAGIC, option, INFO, len(info)) + info)
            client.sendall(REPLY.pack(REPLY_MAGIC, option, ACK, 0))
            return

    def _request(self, client: socket.socket) -> bool:
        _, flags, kind, handle, offset, length = REQUEST.unpack(_receive(client, REQUEST.size))
        answer = b""
        if kind == DISCONNECT:
            return False
        if kind == READ:
            answer = self._read(offset, length)
        elif kind == WRITE:
            self._write(offset, _receive(client, length))
        if kind == FLUSH or flags & FUA:
            self._flush()
        client.sendall(ANSWER.pack(ANSWER_MAGIC, 0, handle) + answer)
        return True

    def _block(self, number: int) -> bytes:
        return self.cache.get(number) or self.durable.get(number) or self.base(number)

    def _read(self, offset: int, length: int) -> bytes:
        first, last = offset // BLOCK, (offset + length - 1) // BLOCK
        known = any(n in self.cache or n in self.durable for n in range(first, last + 1))
        if not known:
            return os.pread(self._base, length, offset).ljust(length, b"\0")
        data = b"".join(self._block(number) for number in range(first, last + 1))
        return data[offset - first * BLOCK :][:length]

    def _write(self, offset: int, data: bytes) -> None:
        if self.film is not None:
            self.film.append(Event(time.monotonic(), offset, data))
        put(self.cache, offset, data, self._block)

    def _flush(self) -> None:
        if self.film is not None:
            self.film.append(Event(time.monotonic()))
        self.durable |= self.cache
        self.cache.clear()


def put(blocks: dict[int, bytes], offset: int, data: bytes, old: Callable[[int], bytes]) -> None:
    """Write into a table of blocks. ``old`` returns the previous content of a block that is only partly written."""
    while data:
        number, start = divmod(offset, BLOCK)
        part, data = data[: BLOCK - start], data[BLOCK - start :]
        offset += len(part)
        if len(part) < BLOCK:
            was = old(number)
            part = was[:start] + part + was[start + len(part) :]
        blocks[number] = part


def _receive(client: socket.socket, length: int) -> bytes:
    data = bytearray()
    while len(data) < length:
        part = client.recv(min(1 << 20, length - len(data)))
        if not part:
            raise EOFError
        data += part
    return bytes(data)
