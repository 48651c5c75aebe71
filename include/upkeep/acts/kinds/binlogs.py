"""A MariaDB or MySQL to a moment, by a dump and the archived binary log."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from upkeep.acts.model import Act
from upkeep.acts.reaching import MomentParameters, Reach
from upkeep.backups.databases import binlogs, dumps_of
from upkeep.backups.methods import provable
from upkeep.backups.model import Level
from upkeep.backups.physical.binlog_backups import BinlogBackups
from upkeep.backups.physical.binlog_recovery import BinlogWindow, binlog_window
from upkeep.backups.policy_of import PolicyOf
from upkeep.catalog.models.backups import BackupPolicy, BinlogSource, S3Objects
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.ledger.backups import Known, known_backups
from upkeep.recoveries.binlogs import BinlogRecovery, position_of

SHOWN = 10
"""Dumps whose windows are shown: the newest."""


def binlog_reach(act: Act, parameters: MomentParameters, policy: BackupPolicy, source: BinlogSource) -> Reach:
    """Return how a database is brought to a moment. Raises ConfigurationError: the catalog lacks a part."""
    if not isinstance(policy.location, S3Objects):
        raise ConfigurationError(f"backups.{parameters.policy}: its location must be 's3_objects'")
    of = PolicyOf(act.system_id, act.system, act.clients, parameters.policy, policy)
    archive, (dumps, _) = binlogs(of, policy.location, source), dumps_of(of, source)
    known = [
        one
        for one in known_backups(act.engine, act.system_id, source.dumps)
        if "binlog" in one.copy.facts and (one.proven or Level.EXISTS) >= provable(dumps)
    ]

    def newest() -> datetime:
        for _, window in _windows(archive, known):
            if isinstance(window, BinlogWindow):
                return window.latest
        raise PermanentError(
            f"nothing of {parameters.policy} can be recovered: no proven dump notes its place"
        )

    def recovery(moment: datetime) -> BinlogRecovery:
        second = moment.astimezone(UTC).replace(microsecond=0)
        base = _base(act, known, second)
        key = act.clients.backup_key() if base.copy.encryption == "age" else None
        return BinlogRecovery(
            client=act.clients.aws("s3"),
            copy=base.copy,
            dumps=dumps,
            archive=archive,
            server=act.clients.database("restore"),
            moment=second,
            run=act.label,
            keep=bool(act.form.get("keep")),
            title=policy.title,
            rpo=timedelta(minutes=policy.rpo_minutes or 24 * 60),
            identities=(key.opening(),) if key else (),
            backup_id=base.id,
        )

    return Reach(newest, lambda: _choices(archive, known), recovery)


def _base(act: Act, known: list[Known], moment: datetime) -> Known:
    """Return the dump of this run's plan; before there is one, the newest of the moment or earlier."""
    planned = act.carried.get("plan", {}).get("facts", {}).get("backup")
    for one in known:  # newest first
        if one.copy.name == planned or (planned is None and position_of(one.copy)[1] <= moment):
            return one
    if planned is not None:
        raise PermanentError(f"{planned}, which the plan names, is not proven any more; clear from 'plan'")
    oldest = position_of(known[-1].copy)[1].isoformat() if known else "none notes where the binary log was"
    raise PermanentError(
        f"{moment.isoformat()} cannot be recovered to: no proven dump is that old; the oldest: {oldest}"
    )


def _windows(archive: BinlogBackups, known: list[Known]) -> Iterator[tuple[str, BinlogWindow | str]]:
    """Yield what can be reached from each dump, the newest first, or why nothing can."""
    ends = {file: one.newest for file, one in archive.told().items()}
    for one in known[:SHOWN]:
        at, taken_at = position_of(one.copy)
        try:
            yield one.copy.name, binlog_window(archive.store, at, taken_at, ends)
        except PermanentError as e:
            yield one.copy.name, f"nothing: {e}"


def _choices(archive: BinlogBackups, known: list[Known]) -> list[str]:
    found = [f"{window} from {name}" for name, window in _windows(archive, known)]
    return found or ["nothing: no proven dump notes where the binary log was"]
