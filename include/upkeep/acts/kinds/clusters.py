"""A PostgreSQL of ours to a moment, by pgBackRest."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from upkeep.acts.model import Act
from upkeep.acts.reaching import MomentParameters, Reach
from upkeep.backups.physical.recovery import recoverable_windows
from upkeep.backups.physical.stanza import Stanza
from upkeep.catalog.models.backups import BackupPolicy, DatabaseSource, PgBackRestStanza
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError
from upkeep.ledger.backups import Known, known_backups
from upkeep.recoveries.clusters import ClusterRecovery


def cluster_reach(
    act: Act, parameters: MomentParameters, policy: BackupPolicy, location: PgBackRestStanza
) -> Reach:
    """Return how a cluster is brought to a moment. Raises ConfigurationError without a database as source."""
    if not isinstance(policy.source, DatabaseSource):
        raise ConfigurationError(f"backups.{parameters.policy}: its 'source' must be the database to ask")
    place = act.clients.pgbackrest(location.stanza)
    known = known_backups(act.engine, act.system_id, parameters.policy)
    damaged = [one.copy.facts["label"] for one in known if one.broken]

    def newest() -> datetime:
        found = recoverable_windows(place.stanza, without=damaged)
        if not found:
            raise PermanentError(
                f"nothing of {location.stanza} can be recovered: no base backup has the WAL that it needs"
            )
        return max(one.latest for one in found)

    def recovery(moment: datetime) -> ClusterRecovery:
        return ClusterRecovery(
            place=place,
            policy=policy,
            moment=moment,
            name=act.form.get("target") or parameters.target or f"moment-{act.label}",
            run=act.label,
            database=act.clients.database("postgres").database,
            keep=bool(act.form.get("keep")),
            timeline=act.form.get("timeline") or None,
            damaged=damaged,
            backup_id=_base(act, known),
        )

    return Reach(newest, lambda: _choices(place.stanza, damaged), recovery)


def _base(act: Act, known: list[Known]) -> UUID | None:
    """Return the base backup of this run's plan; one that nobody here made has no id."""
    label = act.carried.get("plan", {}).get("facts", {}).get("label")
    return next((one.id for one in known if one.copy.facts["label"] == label), None)


def _choices(stanza: Stanza, damaged: list[str]) -> list[str]:
    """Return the windows of every timeline, the newest first."""
    found: list[str] = []
    for timeline in reversed(stanza.archive().timelines):
        try:
            found += map(str, recoverable_windows(stanza, timeline, without=damaged))
        except BadAnswer as e:  # its history is lost: the others are what there is
            found.append(f"nothing on timeline {timeline}: {e}")
    return found or ["nothing: no base backup has the WAL that it needs"]
