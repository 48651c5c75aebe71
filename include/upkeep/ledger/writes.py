"""Writing to the ledger. Every write may be repeated: by a retry, a cleared task, a crash in between."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, Table, delete, func, insert, select, text, union_all, update
from sqlalchemy.dialects import postgresql

from upkeep.findings import Finding
from upkeep.ledger import partitions
from upkeep.ledger.errors import told_apart
from upkeep.ledger.evidence import fit, number, storable
from upkeep.ledger.tables import DeadlineMiss, FindingRow, Measurement, ReportRow, Run, Skip


@dataclass(frozen=True)
class TaskKey:
    """One attempt of one task of one run; `attempt` is Airflow's try number, which only grows."""

    dag_id: str
    run_id: str
    task_id: str
    attempt: int
    map_index: int = -1


@dataclass(frozen=True)
class RunRecord:
    """What the ledger keeps of a run. All times with time zone."""

    dag_id: str
    run_id: str
    system: str
    routine: str
    run_type: str
    as_of: datetime
    since: datetime
    dry_run: bool
    procedures: list[str]
    started_at: datetime


def record_run(engine: Engine, run: RunRecord) -> None:
    """Record a run, or what has changed of it when it is cleared."""
    with told_apart(), engine.begin() as connection:
        _upsert(connection, _table(Run), [asdict(run)], key=["dag_id", "run_id"])


def record_task(  # noqa: PLR0913 - whose findings they are, and the findings
    engine: Engine,
    key: TaskKey,
    findings: Sequence[Finding],
    *,
    system: str,
    procedure_id: str,
    left_out: str | None = None,
) -> None:
    """Record what an attempt of a task found, in one transaction.

    The findings of earlier attempts are superseded and kept. The same attempt written again replaces
    itself; an earlier attempt that arrives late is kept as superseded. `left_out` says why the task, or
    a part of it, was not done. A finding's number goes to the measurements, too.
    """
    fitting = [fit(finding) for finding in findings]
    with told_apart(), engine.begin() as connection:
        _lock(connection, key)
        newest = _newest_attempt(connection, key)
        late = newest is not None and newest > key.attempt
        if newest is not None:  # a first attempt, by far the most, has nothing to replace
            _make_way(connection, key, late=late)
        if left_out and not late:
            _record_skip(connection, key, procedure_id, left_out)
        rows = [_row(key, n, f, system, procedure_id) for n, f in enumerate(fitting)]
        if rows:
            # An expression cannot stand in many rows of values; the time of an already superseded row can.
            superseded_at = connection.scalar(select(func.now())) if late else None
            connection.execute(insert(FindingRow), [row | {"superseded_at": superseded_at} for row in rows])
        if not late:
            _record_measurements(connection, key, system, fitting)


def record_deadline_miss(  # noqa: PLR0913 - the columns of one row
    engine: Engine,
    *,
    dag_id: str,
    run_id: str,
    system: str,
    routine: str,
    owner: str,
    deadline_at: datetime,
    allowed_seconds: float,
) -> None:
    """Record that a run missed its deadline; a repetition changes nothing."""
    values = {
        "dag_id": dag_id,
        "run_id": run_id,
        "system": system,
        "routine": routine,
        "owner": owner,
        "deadline_at": deadline_at,
        "allowed_seconds": allowed_seconds,
    }
    with told_apart(), engine.begin() as connection:
        connection.execute(postgresql.insert(DeadlineMiss).values(values).on_conflict_do_nothing())


def record_report(engine: Engine, dag_id: str, run_id: str, markdown: str, html: str) -> None:
    """Record a run's report; the one before is superseded."""
    same_run = (ReportRow.dag_id == dag_id, ReportRow.run_id == run_id)
    with told_apart(), engine.begin() as connection:
        _lock(connection, TaskKey(dag_id, run_id, "report", 0))
        connection.execute(
            update(ReportRow)
            .where(*same_run, ReportRow.superseded_at.is_(None))
            .values(superseded_at=func.now())
        )
        connection.execute(
            insert(ReportRow).values(dag_id=dag_id, run_id=run_id, markdown=markdown, html=html)
        )


def _lock(connection: Connection, key: TaskKey) -> None:
    """Let one writer at a time at a task's rows, until the transaction ends."""
    name = f"{key.dag_id}/{key.run_id}/{key.task_id}/{key.map_index}"
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 0))"), {"name": name})


def _task(table: type[FindingRow] | type[Skip], key: TaskKey) -> tuple[Any, ...]:
    return (
        table.dag_id == key.dag_id,
        table.run_id == key.run_id,
        table.task_id == key.task_id,
        table.map_index == key.map_index,
    )


def _row(key: TaskKey, position: int, finding: Finding, system: str, procedure_id: str) -> dict[str, Any]:
    return {
        **asdict(key),
        "system": system,
        "procedure_id": procedure_id,
        "check_id": finding.check,
        "position": position,
        "state": str(finding.state),
        "summary": finding.summary,
        "value": number(finding.value),
        "unit": finding.unit,
        "limit_text": finding.limit,
        "limit_value": number(finding.limit_value),
        "source": finding.source,
        "observed_at": finding.observed_at,
        "reason": finding.reason,
        "evidence": storable(finding.evidence),
        "runbook": finding.runbook,
    }


def _make_way(connection: Connection, key: TaskKey, *, late: bool) -> None:
    """Delete what this attempt has written before, and supersede what earlier ones have."""
    same_attempt = (*_task(FindingRow, key), FindingRow.attempt == key.attempt)
    connection.execute(delete(FindingRow).where(*same_attempt))
    if late:
        return
    connection.execute(
        update(FindingRow)
        .where(*_task(FindingRow, key), FindingRow.superseded_at.is_(None))
        .values(superseded_at=func.now())
    )
    connection.execute(delete(Skip).where(*_task(Skip, key)))


def _record_skip(connection: Connection, key: TaskKey, procedure_id: str, reason: str) -> None:
    connection.execute(
        insert(Skip).values(
            dag_id=key.dag_id,
            run_id=key.run_id,
            task_id=key.task_id,
            map_index=key.map_index,
            attempt=key.attempt,
            procedure_id=procedure_id,
            reason=reason,
        )
    )


def _newest_attempt(connection: Connection, key: TaskKey) -> int | None:
    """Return the newest attempt that found or left out something, None where none has."""
    seen = union_all(*(select(table.attempt).where(*_task(table, key)) for table in (FindingRow, Skip)))
    newest: int | None = connection.scalar(select(func.max(seen.subquery().c.attempt)))
    return newest


def _record_measurements(
    connection: Connection, key: TaskKey, system: str, findings: Sequence[Finding]
) -> None:
    measured = [finding for finding in findings if number(finding.value) is not None]
    if not measured:
        return
    partitions.ensure(connection, (finding.observed_at for finding in measured))
    rows = [
        {
            "system": system,
            "metric": finding.check,
            "at": finding.observed_at,
            "value": finding.value,
            "unit": finding.unit,
            "dag_id": key.dag_id,
            "run_id": key.run_id,
        }
        # In one order everywhere: two tasks that measure the same must not wait for each other in a circle.
        for finding in sorted(measured, key=lambda finding: (finding.check, finding.observed_at))
    ]
    _upsert(connection, _table(Measurement), rows, key=["system", "metric", "at"])


def _upsert(connection: Connection, table: Table, rows: list[dict[str, Any]], key: list[str]) -> None:
    statement = postgresql.insert(table)
    changed = {name: statement.excluded[name] for name in rows[0] if name not in key}
    connection.execute(statement.on_conflict_do_update(index_elements=key, set_=changed), rows)


def _table(model: Any) -> Table:
    table: Table = model.__table__
    return table
