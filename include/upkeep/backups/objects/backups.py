"""The backups that lie among a bucket's objects, noted while its versions stream by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from upkeep.backups.objects.deletion import VersionId
from upkeep.backups.objects.versions import ObjectVersion


@dataclass
class StoredBackup:
    """The objects that make up a backup. ended_at: when the last of them was written. ids: what to delete."""

    name: str
    ended_at: datetime
    size_bytes: int = 0
    ids: list[VersionId] = field(default_factory=list)


def backups_among(
    stream: Iterable[ObjectVersion], name_of: Callable[[str], str | None], found: dict[str, StoredBackup]
) -> Iterator[ObjectVersion]:
    """Yield a stream as it is, and note in `found`, by name, the backups whose current objects are in it.

    name_of: the name of the backup to which a key belongs, None for any other. So one listing serves the
    retention of versions and that of backups; its memory grows with the backups' objects alone. `found` is
    whole when the stream has ended.
    """
    for one in stream:
        if one.latest and not one.delete_marker and (name := name_of(one.key)) is not None:
            backup = found.setdefault(name, StoredBackup(name, one.modified_at))
            backup.ended_at = max(backup.ended_at, one.modified_at)
            backup.size_bytes += one.size_bytes
            backup.ids.append((one.key, one.version_id))
        yield one
