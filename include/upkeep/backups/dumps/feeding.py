"""A stored dump streamed into the program that restores it, and whether its bytes were whole."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

from upkeep.backups.dumps import age, stream
from upkeep.backups.dumps.child import Child
from upkeep.backups.dumps.contents import PostgresArchive, SqlText
from upkeep.backups.dumps.dump import AGE
from upkeep.backups.dumps.manifest import Manifest, split
from upkeep.clients.aws.download import read_object
from upkeep.errors import BadAnswer, DamagedBackup, PermanentError


def feed(client: Any, manifest: Manifest, bucket: str, child: Child, identities: Sequence[str]) -> None:
    """Stream the dump into the program; its input ends only after everything was found whole.

    Raises DamagedBackup where zstd, age, the dump's own text or its checksum shows damage, also where the
    program was the first to stop on it; and what the program says of a dump that is whole.
    """
    where = f"s3://{bucket}/{manifest.key}"
    fed = _Fed(child)
    try:
        _stream(client, manifest, where, fed, identities)
    except DamagedBackup:
        raise
    except BadAnswer as e:
        raise DamagedBackup(str(e) if where in str(e) else f"{where}: {e}") from e
    fed.close()


class _Fed:
    """The program; when it stops on what it is fed, the dump is still read to its end.

    What it says may be the dump's damage or the server's matter: only the checksum of all bytes tells.
    """

    def __init__(self, child: Child) -> None:
        self._child = child
        self._stopped: PermanentError | None = None

    def write(self, data: bytes) -> None:
        """Feed it, unless it has stopped. Raises TemporaryError where the server was lost."""
        if self._stopped is None:
            try:
                self._child.write(data)
            except PermanentError as e:
                self._stopped = e

    def close(self) -> None:
        """End its input. Raises what it stopped on."""
        if self._stopped is not None:
            raise self._stopped
        self._child.close()


def _stream(client: Any, manifest: Manifest, where: str, fed: _Fed, identities: Sequence[str]) -> None:
    inside: SqlText | PostgresArchive = SqlText() if manifest.engine == "mysql" else PostgresArchive()

    def write(data: bytes) -> None:
        inside.write(data)
        fed.write(data)

    with ExitStack() as stack:
        sink: stream.Sink = stream.Open(write)
        if manifest.engine == "mysql":
            sink = stream.Decompress(sink, where)
        if manifest.format.endswith(AGE):
            sink = stack.enter_context(age.decrypt(sink, identities, where))
        digest = stream.Digest(sink)
        for chunk in stream.read_ahead(read_object(client, *split(where))):
            digest.write(chunk)
        digest.close()
    if digest.sha256 != manifest.sha256:
        raise DamagedBackup(f"{where}: its bytes were changed: the sha256 is not that of its manifest")
    inside.close()
