"""What the tasks of all procedures do with findings: record them, raise incidents, decide the outcome."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from upkeep.errors import TemporaryError
from upkeep.findings import Finding, State
from upkeep.operators.errors import FindingsFailTask

if TYPE_CHECKING:
    from airflow.sdk import Context

    from upkeep.incidents.signals import RunOf
    from upkeep.operators.run import RoutineFacts


class FindingsOfTask:
    """A task of a procedure; an operator that mixes it in sets these."""

    routine: RoutineFacts
    procedure_id: str
    kind: str
    fail_on: list[str]
    task_id: str
    log: Any

    def _record(self, context: Context, findings: list[Finding], left_out: str | None) -> None:
        from upkeep.ledger.writes import TaskKey, record_task
        from upkeep.operators.ledger import ledger_engine

        ti = context["ti"]
        map_index = ti.map_index if ti.map_index is not None else -1
        record_task(
            ledger_engine(),
            TaskKey(ti.dag_id, ti.run_id, ti.task_id, ti.try_number, map_index),
            findings,
            system=self.routine["system"],
            procedure_id=self.procedure_id,
            left_out=left_out,
        )

    def _raise(self, run: RunOf | None, findings: list[Finding]) -> None:
        """Open an incident for critical findings, and for warnings that hold longer than they may."""
        if run is None or not any(f.state in (State.CRITICAL, State.WARNING) for f in findings):
            return
        from upkeep.catalog.compiled import Catalog
        from upkeep.incidents.signals import critical_findings, lasting_warning
        from upkeep.ledger.reads import warning_since
        from upkeep.operators.escalation import raise_signals
        from upkeep.operators.ledger import ledger_engine

        system, now = Catalog().system(run.system), datetime.now(UTC)
        signals = [critical_findings(run, system, findings, kind=self.kind, task_id=self.task_id, now=now)]
        for finding in findings:
            if finding.state is State.WARNING:
                since = warning_since(ledger_engine(), run.dag_id, finding.check) or finding.observed_at
                signals.append(
                    lasting_warning(run, system, finding, task_id=self.task_id, since=since, now=now)
                )
        raise_signals(*signals)

    def _decide(self, context: Context, findings: list[Finding]) -> None:
        for finding in sorted(findings, key=lambda f: -f.state.rank):
            self.log.info("%s: %s: %s", finding.state, finding.check, finding.reason or finding.summary)
        ti = context["ti"]
        temporary = [f for f in findings if f.state is State.UNKNOWN and f.temporary]
        if temporary and ti.try_number <= ti.max_tries:
            raise TemporaryError(f"no answer yet, will try again: {_sentence(temporary)}")
        failing = [f for f in findings if f.state in self.fail_on]
        if failing:
            raise FindingsFailTask(_sentence(failing))


def _sentence(findings: list[Finding], most: int = 3) -> str:
    said = "; ".join(f"{f.check} is {f.state}: {f.reason or f.summary}" for f in findings[:most])
    return said + (f"; and {len(findings) - most} more" if len(findings) > most else "")
