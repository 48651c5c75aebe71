"""What has recovered resolves the incidents that it alone kept open."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import Engine, func, select

from upkeep.incidents.subjects import alert_subject, check_subject, run_subject
from upkeep.ledger.answers import Answer, end
from upkeep.ledger.incident_rows import changing, lock_system
from upkeep.ledger.incident_tables import Incident

WHO = "upkeep"
"""Who resolves what resolves itself."""


def resolve_recovered(  # noqa: PLR0913 - what a run says
    engine: Engine,
    system: str,
    dag_id: str,
    *,
    ok_checks: Collection[str],
    still_wrong: Collection[str] = (),
    complete: bool,
    now: datetime,
) -> list[UUID]:
    """Resolve the incidents of a routine whose reasons are all gone, and return them.

    ok_checks: the checks that this run found ok. still_wrong: those it found critical. complete: the run
    succeeded and was asked for every procedure: then the routine itself has recovered, too, and so have
    checks that exist no more, such as those of a pod that is gone. Whoever was paged is told. Call it for
    runs of the present alone: a backfill says nothing of now.
    """
    kept = {check_subject(dag_id, check) for check in still_wrong}
    recovered = {check_subject(dag_id, check) for check in ok_checks}
    if complete:
        recovered.add(run_subject(dag_id))
    gone_with = check_subject(dag_id, "")

    def has_recovered(subject: str) -> bool:
        return subject in recovered or (complete and subject.startswith(gone_with) and subject not in kept)

    return _resolve(engine, system, has_recovered, now)


def resolve_alert(engine: Engine, system: str, fingerprint: str, now: datetime) -> list[UUID]:
    """Resolve the incidents that only this alert kept open, and return them."""
    return resolve_subjects(engine, system, [alert_subject(fingerprint)], now)


def resolve_subjects(engine: Engine, system: str, subjects: Sequence[str], now: datetime) -> list[UUID]:
    """Resolve the incidents of a system that only these subjects kept open, and return them."""
    return _resolve(engine, system, set(subjects).__contains__, now)


def _resolve(engine: Engine, system: str, has_recovered: Callable[[str], bool], now: datetime) -> list[UUID]:
    query = (
        select(Incident)
        .where(Incident.system == system, Incident.resolved_at.is_(None))
        .where(func.cardinality(Incident.wrong) > 0)
        .order_by(Incident.id)
    )
    resolved = []
    with changing(engine) as session:
        lock_system(session, system)
        for row in session.scalars(query).all():
            left = [subject for subject in row.wrong if not has_recovered(subject)]
            if left == row.wrong:
                continue
            session.refresh(row, with_for_update=True)
            if row.resolved_at is not None:
                continue
            row.wrong = left
            if not left:
                end(session, row, Answer(WHO, now, "what was wrong has recovered"))
                resolved.append(row.id)
    return resolved
