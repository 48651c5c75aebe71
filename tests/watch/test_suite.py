"""The suite's own troubles: a broken file, a silent part of Airflow, the beat that the outside waits for."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.servers.incidents import after, raise_

from upkeep.catalog.problems import Problem
from upkeep.errors import PermanentError, TemporaryError
from upkeep.incidents.model import Signal
from upkeep.ledger import incident_reads
from upkeep.ledger.incident_reads import Which
from upkeep.watch.beat import beat
from upkeep.watch.suite import broken_files, catalog_signals, part_signals, silent_parts

NOW = datetime(2026, 3, 4, 12, 34, tzinfo=UTC)
WELL: dict[str, Any] = {
    "metadatabase": {"status": "healthy"},
    "scheduler": {"status": "healthy", "latest_scheduler_heartbeat": "2026-03-04T12:33:58+00:00"},
    "triggerer": {"status": "healthy", "latest_triggerer_heartbeat": "2026-03-04T12:33:58+00:00"},
    "dag_processor": {"status": "healthy", "latest_dag_processor_heartbeat": "2026-03-04T12:33:58+00:00"},
}


def problem(line: int, level: Any = "error", file: str = "include/systems/shop.yaml") -> Problem:
    return Problem(file, line, 1, "routines[0].owner", "no such owner", "write one of sre", level)


def catalog(ledger: Engine, *problems: Problem, minutes: float = 0) -> list[Signal]:
    """Look at a catalog, and raise what is found."""
    found = catalog_signals(ledger, ["shop"], broken_files(problems), after(minutes))
    for one in found:
        raise_(ledger, one, at=minutes)
    return found


def states(ledger: Engine) -> list[str]:
    found = incident_reads.incidents(ledger, Which(state="any"))
    return ["resolved" if row.resolved_at else "open" for row in found]


def test_a_broken_file_is_one_signal_and_an_edit_that_leaves_it_broken_is_news(ledger: Engine) -> None:
    [first] = catalog(ledger, problem(3), problem(7))
    [again] = catalog(ledger, problem(3), problem(7), minutes=1)
    [edited] = catalog(ledger, problem(4), problem(8), minutes=2)

    assert "shop.yaml:3:1" in first.summary
    assert first.event_id == again.event_id
    assert first.event_id != edited.event_id
    assert states(ledger) == ["open"]


def test_a_file_that_breaks_again_in_the_same_way_is_a_new_incident(ledger: Engine) -> None:
    catalog(ledger, problem(3))
    assert catalog(ledger, minutes=1) == []
    assert states(ledger) == ["resolved"]

    catalog(ledger, problem(3), minutes=2)
    assert states(ledger) == ["open", "resolved"]


def test_a_warning_breaks_nothing() -> None:
    assert broken_files([problem(3, "warning")]) == {}


def test_a_silent_part_is_the_same_event_for_as_long_as_it_is_silent() -> None:
    heard = {"status": "unhealthy", "latest_triggerer_heartbeat": "2026-03-04T12:20:00+00:00"}
    [now], [later] = (silent_parts(WELL | {"triggerer": heard}, at) for at in (NOW, NOW.replace(minute=50)))

    assert now.wrong == ("airflow/triggerer",)
    assert now.began_at == datetime(2026, 3, 4, 12, 20, tzinfo=UTC)
    assert now.event_id == later.event_id


@pytest.mark.parametrize("health", [WELL, {}, WELL | {"triggerer": {"status": None}}])
def test_what_is_well_or_not_there_is_no_signal(health: dict[str, Any]) -> None:
    assert silent_parts(health, NOW) == []


@pytest.mark.parametrize(
    ("health", "state"),
    [
        ({}, "open"),
        (WELL | {"triggerer": {"status": None}}, "open"),
        (WELL | {"triggerer": {"status": "unhealthy"}}, "open"),
        (WELL, "resolved"),
    ],
)
def test_only_a_part_that_says_so_is_well_again(ledger: Engine, health: dict[str, Any], state: str) -> None:
    [silent] = silent_parts(WELL | {"triggerer": {"status": "unhealthy"}}, NOW)
    raise_(ledger, silent)

    part_signals(ledger, health, NOW)

    assert states(ledger) == [state]


@pytest.fixture
def outside() -> Iterator[tuple[str, list[tuple[str, Any]], list[int]]]:
    """A dead man's switch: its URL, the pings it got, and what it answers."""
    got: list[tuple[str, Any]] = []
    codes = [200]

    class Ping(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got.append((self.path, json.loads(body)))
            self.send_response(codes[0])
            self.end_headers()

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Ping) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/ping/check", got, codes
        server.shutdown()


def test_the_beat_says_whether_all_is_well(outside: Any) -> None:
    url, got, _ = outside

    beat(url, well=True, facts={"age": 3})
    beat(url + "/", well=False, facts={"age": None})

    assert got == [("/ping/check", {"age": 3}), ("/ping/check/fail", {"age": None})]


@pytest.mark.parametrize(("code", "error"), [(503, TemporaryError), (404, PermanentError)])
def test_a_beat_that_is_not_taken_is_an_error(outside: Any, code: int, error: type[Exception]) -> None:
    url, _, codes = outside
    codes[0] = code
    with pytest.raises(error, match=str(code)):
        beat(url, well=True, facts={})


def test_nobody_outside_is_a_temporary_error() -> None:
    with pytest.raises(TemporaryError, match="does not answer"):
        beat("http://127.0.0.1:9/ping", well=True, facts={})
