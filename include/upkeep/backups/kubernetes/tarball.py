"""The archive's form: a tar of members of JSON lines, compressed with zstd, written and read as a stream."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

from upkeep.backups.kubernetes.kinds import Object
from upkeep.errors import PermanentError

MEMBER_BYTES = 4 * 1024 * 1024
"""A member is full at this size: one is in memory at a time, however much there is of a kind."""
MANIFEST = "manifest.json"


class Sink(Protocol):
    """What a tar is written to."""

    def write(self, data: bytes) -> object:
        """Take one piece."""


@dataclass(frozen=True)
class Member:
    """One part of an archive. sha256: of its bytes as they are in the tar."""

    name: str
    objects: int
    bytes: int
    sha256: str
    sealed: bool


@dataclass
class _Lines:
    content: bytearray = field(default_factory=bytearray)
    objects: int = 0


class Writer:
    """Writes members; `add` collects the objects of one name until they fill one."""

    def __init__(self, tar: tarfile.TarFile, seal: Callable[[bytes], bytes]) -> None:
        self._tar = tar
        self._seal = seal
        self._open: dict[tuple[str, bool], _Lines] = {}
        self._numbers: dict[str, int] = {}
        self.members: list[Member] = []

    def add(self, name: str, line: str, sealed: bool) -> None:
        """Add one object's JSON under a name; sealed: into a member that is encrypted."""
        lines = self._open.setdefault((name, sealed), _Lines())
        lines.content += line.encode() + b"\n"
        lines.objects += 1
        if len(lines.content) >= MEMBER_BYTES:
            self._write(name, sealed)

    def finish(self, manifest: dict[str, Any]) -> dict[str, Any]:
        """Write what is left and the manifest, completed by the members; return the manifest."""
        for name, sealed in list(self._open):
            self._write(name, sealed)
        whole = manifest | {"members": [asdict(member) for member in self.members]}
        self._put(MANIFEST, json.dumps(whole, indent=1).encode())
        return whole

    def _write(self, name: str, sealed: bool) -> None:
        lines = self._open.pop((name, sealed))
        number = self._numbers[name] = self._numbers.get(name, 0) + 1
        full = f"{name}.{number:04}.jsonl" + (".age" if sealed else "")
        content = self._seal(bytes(lines.content)) if sealed else bytes(lines.content)
        self._put(full, content)
        digest = hashlib.sha256(content).hexdigest()
        self.members.append(Member(full, lines.objects, len(content), digest, sealed))

    def _put(self, name: str, content: bytes) -> None:
        info = tarfile.TarInfo(name)
        info.size, info.mode = len(content), 0o600
        self._tar.addfile(info, io.BytesIO(content))


@contextmanager
def writing(sink: Sink, seal: Callable[[bytes], bytes]) -> Iterator[Writer]:
    """Write an archive to `sink` until the block ends."""
    import zstandard

    with (
        zstandard.ZstdCompressor(level=3, write_checksum=True).stream_writer(sink, closefd=False) as packed,  # type: ignore[arg-type]
        tarfile.open(fileobj=packed, mode="w|") as tar,
    ):
        yield Writer(tar, seal)


def read_members(stream: Any, where: str) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of each member of an archive.

    Raises PermanentError, with the place, where it is cut off or damaged.
    """
    import zstandard

    last = "its beginning"
    try:
        with (
            zstandard.ZstdDecompressor().stream_reader(stream) as plain,
            tarfile.open(fileobj=plain, mode="r|") as tar,
        ):
            for info in tar:
                found = tar.extractfile(info)
                content = found.read() if found else b""
                if len(content) != info.size:
                    raise PermanentError(f"{where}: cut off within {info.name}")
                yield info.name, content
                last = info.name
    except (tarfile.TarError, zstandard.ZstdError, EOFError) as e:
        raise PermanentError(f"{where}: damaged or cut off after {last}: {e}") from e


def objects_in(content: bytes) -> list[Object]:
    """Return the objects of a member that is not sealed."""
    return [json.loads(line) for line in content.splitlines() if line]
