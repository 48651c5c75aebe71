"""Writes the report of one run of a routine into the ledger."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from upkeep.ledger import reads, writes
from upkeep.reports.build import build
from upkeep.reports.facts import facts_of

if TYPE_CHECKING:
    from upkeep.catalog.models import System
    from upkeep.ledger.tables import FindingRow, Run

HISTORY = timedelta(days=30)
"""What a sparkline shows: four weeks and the same weekday before them."""


def write_report(engine: Engine, run: Run, system: System) -> Sequence[FindingRow]:
    """Write the report of a run and return its findings that are in force.

    Raises ConfigurationError where the system has no such routine, TemporaryError where the ledger does
    not answer.
    """
    findings = reads.findings(engine, run.dag_id, run.run_id)
    # A check of the present is observed a little after the moment that the run speaks of.
    end = max([run.as_of, *(finding.observed_at for finding in findings)])
    metrics = {finding.check_id for finding in findings if finding.value is not None}
    history = reads.histories(engine, run.system, metrics, end - HISTORY, end)
    skips = reads.skips(engine, run.dag_id, run.run_id)
    report = build(run, findings, skips, history, facts_of(system, run.routine))
    writes.record_report(engine, run.dag_id, run.run_id, report.markdown, report.html)
    return findings
