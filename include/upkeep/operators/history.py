"""The ledger's memory, as the checks see it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from upkeep.backups.model import Level
from upkeep.checks.context import Measurement, PastIncident


class LedgerHistory:
    """One system's past measurements; the ledger is asked only when a check asks."""

    def __init__(self, system_id: str) -> None:
        self._system_id = system_id

    def measurements(self, metric: str, since: datetime, until: datetime) -> Sequence[Measurement]:
        """Return the metric's values of this system from `since` to `until`, oldest first."""
        from upkeep.ledger import reads
        from upkeep.operators.ledger import ledger_engine

        rows = reads.measurements(ledger_engine(), self._system_id, metric, start=since, end=until)
        return [Measurement(row.at, row.value) for row in rows]

    def incidents(self, since: datetime, until: datetime) -> Sequence[PastIncident]:
        """Return what opened from `since` and before `until`, as it was known then, oldest first."""
        from upkeep.ledger import kpi_reads
        from upkeep.operators.ledger import ledger_engine

        return kpi_reads.incidents(ledger_engine(), self._system_id, since, until)

    def last_proven(self, policy: str, level: Level, until: datetime) -> datetime | None:
        """Return when a backup of a policy was last proven to a level, as it was known then."""
        from upkeep.ledger.backups import last_proven
        from upkeep.operators.ledger import ledger_engine

        return last_proven(ledger_engine(), self._system_id, policy, level, until)

    def known_since(self) -> datetime | None:
        """Return when the ledger first heard of this system, None if it never did."""
        from upkeep.ledger import kpi_reads
        from upkeep.operators.ledger import ledger_engine

        return kpi_reads.known_since(ledger_engine(), self._system_id)
