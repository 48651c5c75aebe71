"""What a worker does once before its first task, so that its tasks, which are forks of it, need not.

The first run of any code is dear: statements are compiled, the interpreter adapts itself to what it runs, and
the memory that this writes to is copied for a fork. Half of what a task spends on the ledger is that, and a
third of what it spends on its questions.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Engine, event, text

from upkeep.clients.aws.errors import client_config
from upkeep.clients.aws.s3 import s3_head, s3_objects
from upkeep.clients.endpoint import Endpoint
from upkeep.clients.kubernetes import Kubernetes
from upkeep.clients.prometheus import Prometheus
from upkeep.errors import TemporaryError
from upkeep.executors.aws_sessions import rehearsed_session
from upkeep.executors.stand_in import stand_in
from upkeep.findings import Finding, State
from upkeep.ledger import digests, reads, tables, writes
from upkeep.ledger.errors import told_apart
from upkeep.ledger.months import Month
from upkeep.ledger.recovery import resolve_recovered
from upkeep.procedures.factory import build as build_dag
from upkeep.reports.build import build
from upkeep.reports.facts import CatalogFacts
from upkeep.runs.moment import RunFacts, moment

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from upkeep.catalog.compiled import Catalog

ROUNDS = 8
"""The interpreter adapts code that has run so often."""

_NAME = "rehearsal"
_FACTS = CatalogFacts("Rehearsal", "Rehearsal", owner="nobody", timezone="UTC", procedures=[])


def rehearse_start(catalog: Catalog, dag_id: str) -> None:
    """Build a DAG and judge its parameters, as each of its tasks does; work out of what moment it speaks."""
    now = datetime.now(UTC)
    for plan in catalog.plans(dag_id=dag_id):
        build_dag(plan).params.validate()
        moment(RunFacts("scheduled", now, now), plan.schedule, plan.timezone, now)


def rehearse_questions() -> None:
    """Ask a stand-in on loopback what checks ask of Prometheus, Kubernetes and S3; raises what they raise."""
    with stand_in() as url:
        for _ in range(ROUNDS):
            _ask_prometheus(url)
            _ask_kubernetes(url)
            _ask_s3(url)


def _ask_prometheus(url: str) -> None:
    now = datetime.now(UTC)
    with Prometheus(Endpoint(url)) as prometheus:
        prometheus.instant("up", now)
        prometheus.range("up", now - timedelta(hours=1), now, timedelta(minutes=1))


def _ask_kubernetes(url: str) -> None:
    from kubernetes.client import ApiClient, Configuration

    with ApiClient(Configuration(host=url)) as client:
        list(Kubernetes(client).pods())


def _ask_s3(url: str) -> None:
    client = rehearsed_session().client("s3", endpoint_url=url, config=client_config())
    for found in s3_objects(client, "bucket"):
        s3_head(client, "bucket", found.key)
    client.close()


def rehearse_run(engine: Engine) -> None:
    """Record a run that never was, its findings and its report, in temporary tables that then are gone.

    Nobody else sees them, and the ledger's own are not touched. The engine keeps its connections in a pool,
    and nobody else uses it yet. Raises what the ledger's functions raise, and TemporaryError, before anything
    is done, where a pooler (PgBouncer, RDS Proxy) is between here and the server.
    """
    now = datetime.now(UTC)
    try:
        with told_apart(), engine.begin() as connection:
            _refuse_pooler(connection)
            _make_tables(connection, now)
        with _no_other_connection(engine):
            _run(engine, now)
    finally:
        engine.dispose()  # with its one connection go its tables; each fork makes a connection of its own


def _refuse_pooler(connection: Connection) -> None:
    """Refuse a session that others use, too: the temporary tables would take what they write.

    Who stands between gives its clients a process id of its own, for it is by that that they cancel.
    """
    told = connection.connection.driver_connection.info.backend_pid  # type: ignore[union-attr]
    if connection.scalar(text("SELECT pg_backend_pid()")) != told:
        raise TemporaryError("the ledger is behind a pooler of connections, where nothing is rehearsed")


@contextmanager
def _no_other_connection(engine: Engine) -> Iterator[None]:
    """Let nothing be written by another connection, should the first be lost: that would be for real."""

    def refuse(*_: object) -> None:
        raise TemporaryError("the connection of the rehearsal was lost")

    event.listen(engine, "connect", refuse)
    try:
        yield
    finally:
        event.remove(engine, "connect", refuse)


def _make_tables(connection: Connection, now: datetime) -> None:
    """Make tables like the ledger's, which are found before those."""
    quote = connection.dialect.identifier_preparer.quote
    parent, month = tables.Measurement.__tablename__, Month.of(now).partition
    for name in map(quote, tables.Base.metadata.tables):
        parts = "PARTITION BY RANGE (at)" if name == parent else ""
        connection.execute(text(f"CREATE TEMP TABLE {name} (LIKE {name} INCLUDING ALL) {parts}"))
    connection.execute(text(f"CREATE TEMP TABLE {quote(month)} PARTITION OF {quote(parent)} DEFAULT"))


def _run(engine: Engine, now: datetime) -> None:
    writes.record_run(engine, _record(now))
    key = writes.TaskKey(_NAME, _NAME, "task", 1)
    writes.record_task(engine, key, _findings(now), system=_NAME, procedure_id=_NAME)
    run = reads.run(engine, _NAME, _NAME)
    assert run is not None  # noqa: S101  it was just recorded
    found = reads.findings(engine, _NAME, _NAME)
    metrics = {finding.check_id for finding in found}
    history = reads.histories(engine, _NAME, metrics, now - timedelta(days=30), now)
    skips = reads.skips(engine, _NAME, _NAME)
    report = build(run, found, skips, history, _FACTS)
    writes.record_report(engine, _NAME, _NAME, report.markdown, report.html)
    resolve_recovered(engine, _NAME, _NAME, ok_checks=metrics, still_wrong=set(), complete=True, now=now)
    digests.plan(engine, _NAME, _NAME)


def _record(now: datetime) -> writes.RunRecord:
    return writes.RunRecord(
        dag_id=_NAME,
        run_id=_NAME,
        system=_NAME,
        routine=_NAME,
        run_type="manual",
        as_of=now,
        since=now - timedelta(days=1),
        dry_run=True,
        procedures=[],
        started_at=now,
    )


def _findings(now: datetime) -> Sequence[Finding]:
    return [
        Finding(
            check=str(state),
            state=state,
            summary="a rehearsal",
            source=_NAME,
            observed_at=now,
            reason="a rehearsal" if state is State.UNKNOWN else None,
            value=None if state is State.UNKNOWN else 1.0,
        )
        for state in State
    ]
