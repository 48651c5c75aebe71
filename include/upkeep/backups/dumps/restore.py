"""A dump streamed from S3 into a new database, beside whatever is there."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any

from upkeep.backups.dumps import programs
from upkeep.backups.dumps.child import Child
from upkeep.backups.dumps.feeding import feed
from upkeep.backups.dumps.manifest import SUFFIX, Manifest, read_manifest, split
from upkeep.backups.dumps.marks import Databases, Mark, databases
from upkeep.backups.dumps.room import room_of, waits_for_room
from upkeep.backups.dumps.server import DatabaseServer
from upkeep.backups.model import Copy
from upkeep.clients.answers import NotFoundError
from upkeep.clients.aws.s3 import s3_head
from upkeep.errors import BadAnswer, ConfigurationError, DamagedBackup, PermanentError

_STALL_SECONDS = 6 * 3600
"""An index of a large table takes hours, in which nothing is read."""


@dataclass(frozen=True)
class Restored:
    """What a restore did. seconds: from its first byte to its last statement. again: it was there already."""

    database: str
    copy: str
    started_at: datetime
    ended_at: datetime
    seconds: float
    bytes: int
    again: bool = False


def restore_plan(client: Any, copy: Copy, target: DatabaseServer) -> dict[str, Any]:
    """Look whether a dump can be restored into `target`, changing nothing; values that JSON can hold.

    `problems` says what forbids it, `damage` which of that is the dump's own. `needed_bytes` is what the
    database took, `room_bytes` what the server's disk has, each None if it is not known. Raises what looking
    raises: TemporaryError, ConfigurationError.
    """
    bucket, key = split(copy.reference)
    manifest, damage = _manifest(client, copy)
    those, problems = databases(target), list[str]()
    version = those.version()
    if manifest is not None:
        damage += _whole(client, bucket, key, manifest)
        problems += _unfit(manifest, target, version)
    problems += _taken(those, target, copy)
    needed, room = manifest.facts.get("database_bytes") if manifest else None, room_of(target)
    begun = those.mark(target.database) is not None  # what is there makes room when it is dropped
    if needed is not None and room is not None and room < needed and not begun:
        problems.append(f"{target.where}: its disk has room for {room:,} bytes, {needed:,} are needed")
    return {
        "action": "restore dump",
        "copy": copy.reference,
        "bytes": copy.bytes,
        "target": target.where,
        "server_version": version,
        "dump_version": manifest.server_version if manifest else None,
        "needed_bytes": needed,
        "room_bytes": room,
        "damage": damage,
        "problems": [*damage, *problems],
    }


def restore_dump(
    client: Any,
    copy: Copy,
    target: DatabaseServer,
    *,
    identities: Sequence[str] = (),
    keep_owners: bool = False,
) -> Restored:
    """Restore a dump into the database `target`, which must not exist or be empty.

    The database carries a mark from the beginning: what a killed attempt at the same dump left is dropped
    and made again, what was finished is returned, and anything else is a PermanentError. A dump whose bytes
    are not those of its manifest leaves the mark unfinished. keep_owners: PostgreSQL's objects get the
    owners and grants of the source, whose roles must exist; by default they belong to `target.user`.
    client: boto3's `s3`. identities: of age.
    """
    those = databases(target)
    manifest = _restorable(client, copy, target, those)
    mark = those.mark(target.database)
    if mark is not None and mark.state == "restored":
        return _again(target, mark)
    _make_empty(those, target.database, manifest)
    begun = Mark("restoring", copy.reference, manifest.sha256)
    those.set_mark(target.database, begun)
    started_at, clock = datetime.now(UTC), time.monotonic()
    command = _command(target, keep_owners)
    with Child(
        command,
        target.environment(),
        target.where,
        reads=True,
        stall_seconds=_STALL_SECONDS,
        blocked=partial(waits_for_room, target),
    ) as child:
        feed(client, manifest, split(copy.reference)[0], child, identities)
    ended_at, seconds = datetime.now(UTC), time.monotonic() - clock
    done = Restored(target.database, copy.reference, started_at, ended_at, seconds, manifest.bytes)
    those.set_mark(target.database, replace(begun, state="restored", facts=_facts(done)))
    return done


def _restorable(client: Any, copy: Copy, target: DatabaseServer, those: Databases) -> Manifest:
    """Return the dump's manifest. Raises DamagedBackup, or PermanentError with all that is in the way."""
    manifest, damage = _manifest(client, copy)
    if damage or manifest is None:
        raise DamagedBackup("; ".join(damage))
    if problems := [*_unfit(manifest, target, those.version()), *_taken(those, target, copy)]:
        raise PermanentError("; ".join(problems))
    return manifest


def _make_empty(those: Databases, name: str, manifest: Manifest) -> None:
    """Drop what a killed attempt left, and make the database unless it is there, empty."""
    if those.mark(name) is not None:
        those.drop(name)
    if not those.exists(name):
        those.create(name, manifest.facts)


def _command(target: DatabaseServer, keep_owners: bool) -> list[str]:
    if target.engine == "mysql":
        options = ["--default-character-set=utf8mb4", "--batch", "--max-allowed-packet=1G"]
        return [programs.find("mariadb").path, *target.arguments(), *options, target.database]
    ownership = [] if keep_owners else ["--no-owner", "--no-privileges"]
    options = ["--exit-on-error", *ownership, f"--dbname={target.database}"]
    return [programs.find("pg_restore").path, *target.arguments(), *options]


def _manifest(client: Any, copy: Copy) -> tuple[Manifest | None, list[str]]:
    bucket, key = split(copy.reference)
    try:
        found = read_manifest(client, bucket, key)
    except BadAnswer as e:
        return None, [str(e)]
    if found is None:
        return None, [f"{copy.reference}{SUFFIX}: there is no manifest: the dump was not finished"]
    if copy.sha256 is not None and copy.sha256 != found.sha256:
        return found, [f"{copy.reference}{SUFFIX}: the manifest was changed since the backup was recorded"]
    return found, []


def _whole(client: Any, bucket: str, key: str, manifest: Manifest) -> list[str]:
    try:
        head = s3_head(client, bucket, key)
    except NotFoundError:
        return [f"s3://{bucket}/{key}: the object is gone"]
    if head.size_bytes != manifest.bytes:
        return [
            f"s3://{bucket}/{key} has {head.size_bytes:,} bytes; its manifest says {manifest.bytes:,}: "
            "it is cut off or was replaced"
        ]
    return []


def _unfit(manifest: Manifest, target: DatabaseServer, version: str) -> list[str]:
    """Return why this server cannot take the dump: its engine, or an age below that of the source."""
    if manifest.engine != target.engine:
        return [f"{target.where}: a dump of {manifest.engine} cannot be restored there"]
    source, server = programs.parse_version(manifest.server_version), programs.parse_version(version)
    mariadb = "mariadb" in manifest.server_version.lower()
    if target.engine == "mysql" and mariadb != ("mariadb" in version.lower()):
        return [f"{target.where} is {version}; the dump is of another product: {manifest.server_version}"]
    if source[: 1 if target.engine == "postgres" else 2] > server:
        return [f"{target.where} is {version}, older than the dump's {manifest.server_version}"]
    return []


def _taken(those: Databases, target: DatabaseServer, copy: Copy) -> list[str]:
    name = target.database
    if not name or len(name.encode()) > 63:
        raise ConfigurationError(f"not a name for a database: {name!r}; 1 to 63 bytes")
    if not those.exists(name):
        return []
    mark = those.mark(name)
    if mark is None:
        return [] if those.is_empty(name) else [f"{target.where}: the database exists and is not empty"]
    if mark.state == "kept":
        return [f"{target.where}: the database is kept for going back"]
    return [] if mark.copy == copy.reference else [f"{target.where}: it holds a restore of {mark.copy}"]


def _facts(done: Restored) -> dict[str, Any]:
    return {
        "started_at": done.started_at.isoformat(),
        "ended_at": done.ended_at.isoformat(),
        "seconds": round(done.seconds, 3),
        "bytes": done.bytes,
    }


def _again(target: DatabaseServer, mark: Mark) -> Restored:
    """Return what the finished attempt did, from the facts in its mark."""
    return Restored(
        database=target.database,
        copy=mark.copy,
        started_at=datetime.fromisoformat(mark.facts["started_at"]),
        ended_at=datetime.fromisoformat(mark.facts["ended_at"]),
        seconds=mark.facts["seconds"],
        bytes=mark.facts["bytes"],
        again=True,
    )
