"""Writes the report of one run of a routine into the ledger."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from upkeep.errors import PermanentError
from upkeep.ledger import reads, writes
from upkeep.reports.build import build
from upkeep.reports.facts import facts_of

if TYPE_CHECKING:
    from upkeep.catalog.models import System

HISTORY = timedelta(days=30)
"""What a sparkline shows: four weeks and the same weekday before them."""


def write_report(  # noqa: PLR0913, PLR0917  what names a run, and the facts to write of it
    engine: Engine, dag_id: str, run_id: str, system_id: str, system: System, routine: str
) -> dict[str, int]:
    """Write the report of a run and return how many findings there are of each state.

    Raises PermanentError where the ledger does not know the run, ConfigurationError where the system has
    no such routine, TemporaryError where the ledger does not answer.
    """
    run = reads.run(engine, dag_id, run_id)
    if run is None:
        raise PermanentError(f"the ledger has no run {run_id!r} of {dag_id}: read the log of its first task")
    findings = reads.findings(engine, dag_id, run_id)
    # A check of the present is observed a little after the moment that the run speaks of.
    end = max([run.as_of, *(finding.observed_at for finding in findings)])
    metrics = {finding.check_id for finding in findings if finding.value is not None}
    history = reads.histories(engine, system_id, metrics, end - HISTORY, end)
    skips = reads.skips(engine, dag_id, run_id)
    report = build(run, findings, skips, history, facts_of(system, routine))
    writes.record_report(engine, dag_id, run_id, report.markdown, report.html)
    return dict(Counter(finding.state for finding in findings))
