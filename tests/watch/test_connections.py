"""Connections that a system names and Airflow lacks."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine
from tests.servers.incidents import NOON, after, raise_
from tests.servers.situation import make_system

from upkeep.errors import TemporaryError
from upkeep.incidents.model import Signal
from upkeep.ledger import incident_reads
from upkeep.ledger.incident_reads import Which
from upkeep.operators.watchdog import connection_exists
from upkeep.watch.connections import missing
from upkeep.watch.turns import MOST, ROUND_MINUTES, turn

SHOP = make_system(connections={"prometheus": "shop_prometheus", "http": "shop_http"})


def look(ledger: Engine, minutes: float, existing: Collection[str], *systems: str) -> list[Signal]:
    found = missing(ledger, systems or ["shop"], lambda _: SHOP, existing.__contains__, after(minutes))
    for one in found:
        raise_(ledger, one, at=minutes)
    return found


def test_a_system_that_lacks_connections_is_one_incident_that_names_them(ledger: Engine) -> None:
    assert look(ledger, 0, []) == []  # a store of secrets that does not answer looks the same
    [signal] = look(ledger, 10, [])
    [again] = look(ledger, 20, [])
    assert "shop_http, shop_prometheus" in signal.summary
    assert (signal.system, signal.severity, signal.event_id) == ("upkeep", "P2", again.event_id)

    [fewer] = look(ledger, 30, ["shop_http"])
    assert fewer.event_id != signal.event_id
    [row] = incident_reads.incidents(ledger, Which())
    assert row.signals == 2


def test_it_is_resolved_when_they_exist_and_opens_anew_when_they_go(ledger: Engine) -> None:
    for minutes in (0, 10):
        look(ledger, minutes, [])
    both = ["shop_http", "shop_prometheus"]
    look(ledger, 20, both, "kiosk")
    assert incident_reads.open_count(ledger) == 1
    look(ledger, 30, both)
    assert incident_reads.open_count(ledger) == 0

    for minutes in (40, 50):
        look(ledger, minutes, [])
    assert len(incident_reads.incidents(ledger, Which(state="any"))) == 2


def test_a_system_of_which_nobody_can_say_keeps_nothing_from_the_others(ledger: Engine) -> None:
    for minutes in (0, 10):
        look(ledger, minutes, [])

    def exists(conn_id: str) -> bool:
        raise TemporaryError(f"cannot ask for {conn_id}")

    assert missing(ledger, ["shop"], lambda _: SHOP, exists, after(20)) == []
    assert incident_reads.open_count(ledger) == 1


def test_a_connection_exists_where_a_task_would_find_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert not connection_exists("shop_prometheus")
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_PROMETHEUS", "http://127.0.0.1:9090")
    assert connection_exists("shop_prometheus")


@given(st.sets(st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)), st.integers(0, 10**6))
def test_each_system_has_its_turn_once_in_a_round(systems: set[str], minute: int) -> None:
    start = NOON + timedelta(minutes=minute)
    minutes = max(ROUND_MINUTES, len(systems) // MOST)
    turns = [turn(systems, start + timedelta(minutes=later)) for later in range(minutes)]
    assert sorted(one for part in turns for one in part) == sorted(systems)
