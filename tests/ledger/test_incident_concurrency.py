"""Many at once, a session that is killed, and twenty thousand open incidents."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier
from typing import Any

import pytest
from sqlalchemy import Engine, event, select, text
from sqlalchemy.orm import Session
from tests.servers.incidents import after, by, chain, decide, raise_, signal, wake

from upkeep.errors import TemporaryError
from upkeep.ledger import answers, incident_reads, stepping
from upkeep.ledger.incident_rows import lock_system
from upkeep.ledger.incident_tables import HistoryRow, Incident, PageRow, SignalRow
from upkeep.ledger.incidents import Storm


def at_once(count: int, act: Any) -> list[Any]:
    gate = Barrier(count)

    def one(number: int) -> Any:
        gate.wait(30)
        return act(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(one, range(count)))


def test_the_same_event_at_once_opens_one_incident(ledger: Engine) -> None:
    opened = at_once(8, lambda _: raise_(ledger))

    assert sorted(one.outcome for one in opened) == ["opened", *["seen"] * 7]
    assert incident_reads.open_count(ledger) == 1


def test_different_events_of_one_matter_at_once_are_one_incident(ledger: Engine) -> None:
    opened = at_once(8, lambda number: raise_(ledger, signal(f"event/{number}")))

    assert sorted(one.outcome for one in opened) == [*["folded"] * 7, "opened"]
    (row,) = incident_reads.incidents(ledger, incident_reads.Which())
    assert row.signals == 8


def test_many_matters_at_once_open_one_storm(ledger: Engine) -> None:
    opened = at_once(
        10,
        lambda number: raise_(ledger, signal(f"e{number}", fold_key=f"k{number}"), storm=Storm(4, chain())),
    )

    storms = {one.storm_id for one in opened} - {None}
    assert len(storms) == 1
    assert [one.storm_id for one in opened].count(None) == 4


def test_workers_at_once_page_each_incident_once(ledger: Engine) -> None:
    for number in range(30):
        raise_(ledger, signal(f"e{number}", fold_key=f"k{number}"))

    tried = [page for pages in at_once(4, lambda _: wake(ledger, 0)) for page in pages]

    assert tried == [("page", "l1")] * 30


def test_acknowledged_by_many_at_once_it_is_one_persons(ledger: Engine) -> None:
    id_ = raise_(ledger).incident_id

    rows = at_once(6, lambda number: answers.acknowledge(ledger, id_, by(f"p{number}", 1)))

    assert len({row.acknowledged_by for row in rows}) == 1


def test_a_resolution_and_a_repetition_at_once_lose_nothing(ledger: Engine) -> None:
    for number in range(5):
        id_ = raise_(ledger, signal(f"first/{number}")).incident_id

        def act(which: int, number: int = number, id_: Any = id_) -> Any:
            if which:
                return answers.resolve(ledger, id_, by("ada", 1))
            return raise_(ledger, signal(f"second/{number}"), at=1)

        repeated, _ = at_once(2, act)
        # Either it came first and was resolved with the rest, or it opened the next one.
        assert (repeated.incident_id == id_) == (repeated.outcome == "folded")
        assert incident_reads.open_count(ledger) == (repeated.outcome == "opened")
        answers.resolve(ledger, repeated.incident_id, by("ada", 2))


def test_a_session_killed_while_opening_leaves_nothing_and_the_next_try_opens_it(ledger: Engine) -> None:
    # The lock is let go before the pool waits for its thread: a test that fails must not hang.
    with ThreadPoolExecutor(1) as pool, ledger.connect() as holder, Session(holder) as session:
        lock_system(session, "shop")
        waiting = pool.submit(raise_, ledger)
        assert _kill_waiting(ledger)
        with pytest.raises(TemporaryError, match="the ledger does not answer"):
            waiting.result(30)

    with Session(ledger) as session:
        for table in (Incident, SignalRow, HistoryRow):
            assert session.scalars(select(table)).all() == []
    assert raise_(ledger).outcome == "opened"


def test_a_session_killed_while_applying_a_step_pages_when_the_lease_is_over(ledger: Engine) -> None:
    raise_(ledger)
    (due,) = stepping.claim_due(ledger, after(0))
    with ThreadPoolExecutor(1) as pool, ledger.connect() as holder:
        holder.execute(text("SELECT 1 FROM incidents FOR UPDATE"))
        waiting = pool.submit(stepping.apply_steps, ledger, [decide(due, after(0))], after(0))
        assert _kill_waiting(ledger)
        with pytest.raises(TemporaryError):
            waiting.result(30)

    with Session(ledger) as session:
        assert session.scalars(select(PageRow)).all() == []
    assert wake(ledger, 0) == []
    assert wake(ledger, stepping.LEASE / timedelta(minutes=1)) == [("page", "l1")]


def test_twenty_thousand_open_incidents_are_looked_up_by_their_indexes(ledger: Engine) -> None:
    _fill(ledger, 20_000)

    claim = plan_of(ledger, lambda: stepping.claim_due(ledger, after(0)), "SKIP LOCKED")
    assert "Index Scan using incidents_due_idx" in claim
    wake_ = plan_of(ledger, lambda: stepping.next_wake(ledger), "next_step_at")
    assert "Index Only Scan using incidents_due_idx" in wake_ or "Index Scan using incidents_due_idx" in wake_
    fold = plan_of(ledger, lambda: raise_(ledger, signal("new", system="shop7")), "&&")
    assert "incidents_open_key" in fold
    assert "Seq Scan" not in claim + wake_ + fold


def plan_of(ledger: Engine, act: Any, containing: str) -> str:
    """Return the database's plan for the statement of an act that contains a text."""
    found: list[tuple[str, Any]] = []

    def remember(_c: Any, _u: Any, statement: str, parameters: Any, *_: Any) -> None:
        if containing in statement:
            found.append((statement, parameters))

    event.listen(ledger, "before_cursor_execute", remember)
    try:
        act()
    finally:
        event.remove(ledger, "before_cursor_execute", remember)
    statement, parameters = found[0]
    with ledger.connect() as connection:
        return "\n".join(connection.exec_driver_sql(f"EXPLAIN {statement}", parameters).scalars())


def _kill_waiting(ledger: Engine) -> bool:
    """End the session that waits for a lock, as soon as there is one; say whether there was."""
    waiting = text(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    give_up = time.monotonic() + 60
    while time.monotonic() < give_up:
        # A connection each time: within a transaction the statistics stay as they were first seen.
        with ledger.connect() as connection:
            if connection.scalars(waiting).all():
                return True
    return False


def _fill(ledger: Engine, count: int) -> None:
    """Open incidents in twenty systems, one in a thousand of them due, and as many resolved ones."""
    raise_(ledger, signal("pattern", fold_key="pattern"), at=999)
    own = ("id", "system", "fold_key", "next_step_at", "resolved_at")
    others = ", ".join(one.name for one in Incident.__table__.columns if one.name not in own)
    values = (
        "gen_random_uuid(), 'shop' || n % 20, 'k' || n, CAST(:now AS timestamptz) "
        "+ CASE WHEN n % 1000 = 0 THEN interval '0' ELSE interval '1 day' END"
    )
    fill = (
        f"INSERT INTO incidents ({', '.join(own)}, {others}) "
        f"SELECT {values}, CAST(:resolved AS timestamptz), {others} "
        "FROM incidents, generate_series(1, :count) AS n WHERE fold_key = 'pattern'"
    )
    with ledger.begin() as connection:
        for resolved in (None, after(0)):
            connection.execute(text(fill), {"now": after(0), "count": count, "resolved": resolved})
    with ledger.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE incidents"))
