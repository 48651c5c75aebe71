"""What a dump goes through on its way: each stage takes bytes with `write` and ends with `close`."""

from __future__ import annotations

import contextlib
import hashlib
import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import Protocol

import zstandard

from upkeep.errors import BadAnswer, excerpt

ZSTD_LEVEL = 3
"""zstd's own default: faster than a database can be read, at half the size of its fastest."""

_SLICE_BYTES = 16 * 1024
_AHEAD = 4
"""Chunks that are fetched before they are wanted."""


class Sink(Protocol):
    """A stage, or where the bytes end."""

    def write(self, data: bytes, /) -> None:
        """Take bytes."""

    def close(self) -> None:
        """Take the end; raises BadAnswer if what came is not whole."""


class Open:
    """Passes bytes on to something whose end comes later."""

    def __init__(self, write: Callable[[bytes], None]) -> None:
        self.write = write

    def close(self) -> None:
        """Do nothing."""


class Digest:
    """Passes bytes on, counts them, and keeps their SHA-256."""

    def __init__(self, then: Sink) -> None:
        self._then, self._sha256 = then, hashlib.sha256()
        self.bytes = 0

    @property
    def sha256(self) -> str:
        """The digest so far, in hex."""
        return self._sha256.hexdigest()

    def write(self, data: bytes) -> None:
        """Take bytes."""
        self._sha256.update(data)
        self.bytes += len(data)
        self._then.write(data)

    def close(self) -> None:
        """Pass the end on."""
        self._then.close()


class Compress:
    """zstd, one frame with its checksum, compressed in a thread of its own while the next bytes are read."""

    def __init__(self, then: Sink) -> None:
        self._then = then
        self._frame = zstandard.ZstdCompressor(level=ZSTD_LEVEL, write_checksum=True, threads=1).compressobj()

    def write(self, data: bytes) -> None:
        """Take bytes."""
        if packed := self._frame.compress(data):
            self._then.write(packed)

    def close(self) -> None:
        """End the frame."""
        self._then.write(self._frame.flush())
        self._then.close()


class Decompress:
    """The reverse: BadAnswer for a flipped byte, a frame that is cut off, and anything behind it."""

    def __init__(self, then: Sink, where: str) -> None:
        self._then, self._where = then, where
        self._frame = zstandard.ZstdDecompressor().decompressobj()

    def write(self, data: bytes) -> None:
        """Take bytes; a slice at a time, so that what they unpack to stays small."""
        for start in range(0, len(data), _SLICE_BYTES):
            if self._frame.eof:
                raise BadAnswer(f"{self._where}: there is something behind the end of the zstd frame")
            try:
                unpacked = self._frame.decompress(data[start : start + _SLICE_BYTES])
            except zstandard.ZstdError as e:
                raise BadAnswer(f"{self._where}: the zstd frame is damaged: {excerpt(str(e))}") from e
            if unpacked:
                self._then.write(unpacked)

    def close(self) -> None:
        """Pass the end on if the frame had one."""
        if not self._frame.eof:
            raise BadAnswer(f"{self._where}: the zstd frame is cut off")
        if self._frame.unused_data:
            raise BadAnswer(f"{self._where}: there is something behind the end of the zstd frame")
        self._then.close()


def read_ahead(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield chunks that a thread fetches meanwhile; what it raises is raised here."""
    fetched: queue.Queue[bytes | BaseException | None] = queue.Queue(_AHEAD)
    stopped = threading.Event()

    def put(one: bytes | BaseException | None) -> bool:
        while not stopped.is_set():
            with contextlib.suppress(queue.Full):
                fetched.put(one, timeout=0.1)
                return True
        return False

    def fetch() -> None:
        try:
            for chunk in chunks:
                if not put(chunk):
                    return
            put(None)
        except BaseException as e:
            put(e)

    thread = threading.Thread(target=fetch, daemon=True)
    thread.start()
    try:
        while (one := fetched.get()) is not None:
            if isinstance(one, BaseException):
                raise one
            yield one
    finally:
        stopped.set()
        thread.join()
