"""How long a deadline, a step and an acknowledgement take until the receiver of pages notices."""

from __future__ import annotations

import json
import math
import random
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID

from bench.routines import BUNDLES, seconds
from bench.rows import Row
from sandbox.drills import incidents
from sandbox.drills.airflow import Drill, drill, wait_for
from sandbox.drills.capture import Receipt
from sandbox.drills.catalog import LATE_SECONDS, UNRELATED, late_dag, ten_dag
from upkeep.ledger import answers
from upkeep.runs.wakeups import wake

SYSTEMS = 20
MINUTE = 60.0
ROUNDS = {1: 4, 50: 1, 1000: 1}
"""How many open incidents, and how often: of one alone there is one lateness a round."""

TARGET = 5.0
SHARE_ANSWERED = 0.2
"""Which share of the incidents is acknowledged, each around the moment when its second level is due."""

PAIRS = 15


@dataclass
class Late:
    """Seconds that each took."""

    deadlines: list[float]
    steps: list[float]
    silences: list[float]


def rows(folder: Path) -> Iterator[Row]:
    """Yield the rows; Airflow runs in a folder of its own meanwhile."""
    del folder  # the databases' user cannot enter it
    settings = {
        "AIRFLOW__DAG_PROCESSOR__DAG_BUNDLE_CONFIG_LIST": json.dumps(BUNDLES),
        "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "600",
        "UPKEEP_BENCH_ROUTINE": ten_dag(UNRELATED),
    }
    with drill(SYSTEMS, settings) as running:
        wait_for(lambda: running.api.knows("noop"), "Airflow knows the DAG that does nothing")
        before = _unrelated(running)
        for count, rounds in ROUNDS.items():
            late = Late([], [], [])
            for number in range(rounds):
                running.forget()
                _round(running, count, f"{count}-{number}", late)
            yield from _judged(count, late)
        waiting = _unrelated(running)
        running.forget()
        idle = statistics.median([*before, *_unrelated(running)])
    note = f"ten tasks that do nothing: {statistics.median(waiting):.2f} s, idle {idle:.2f} s"
    yield Row("escalation.waiting_1000", statistics.median(waiting) / idle, "x idle", 1.2, note)


def _round(running: Drill, count: int, name: str, late: Late) -> None:
    """Open incidents, have each paged, then let deadlines pass, second levels fall due, and people answer.

    All in one minute, in which the steps of the incidents are spread evenly; one alone is due at once.
    """
    spread = MINUTE if count > 1 else 1.0
    ids = _open(running, count, name, spread)
    due = incidents.next_steps(running.ledger, ids)
    if max(due.values()) - min(due.values()) > timedelta(seconds=spread * 3 + 30):
        raise RuntimeError(f"{count} incidents took so long to open and page that some were due before")
    if count > 1:
        chosen = random.Random(name)
        answered = {id_: chosen.uniform(-1, 3) for id_ in ids if chosen.random() < SHARE_ANSWERED}
    else:
        answered = dict.fromkeys(ids, 0.5) if int(name[-1]) % 2 else {}
    begin = min(due.values())
    missing = running.systems if count > 1 else running.systems[:1]
    plan: list[tuple[datetime, str, UUID | None]] = [
        (due[id_] + timedelta(seconds=shift), "", id_) for id_, shift in answered.items()
    ]
    gap = spread / len(missing)
    plan += [(begin + timedelta(seconds=gap * n - LATE_SECONDS), one, None) for n, one in enumerate(missing)]
    answers_at = _carry_out(running, plan, name)
    steps = [id_ for id_ in ids if id_ not in answered]
    pages = _settled(running, steps, missing)
    late.steps += [(_second(pages, id_) - due[id_]).total_seconds() for id_ in steps]
    late.silences += [_last_after(pages, id_, at) for id_, at in answers_at.items()]
    passed = incidents.deadlines(running.ledger)
    late.deadlines += [(_of_deadline(pages, one) - passed[late_dag(one)]).total_seconds() for one in missing]


def _open(running: Drill, count: int, name: str, spread: float) -> list[UUID]:
    """Open the incidents and wait until the first level of each has been paged."""
    # Long enough that all are open and paged before the first is due again.
    lead = 8 + count / 15
    waits = [lead + spread * number / count for number in range(count)]
    systems = running.systems
    ids = [
        incidents.open_incident(running.ledger, systems[number % len(systems)], f"{name}-{number}", wait)
        for number, wait in enumerate(waits)
    ]
    _wake(running)
    wait_for(lambda: len(running.captured.pages()) >= count, f"{count} first pages")
    wait_for(lambda: min(incidents.next_steps(running.ledger, ids).values()) > datetime.now(UTC), "the steps")
    return ids


def _carry_out(
    running: Drill, plan: list[tuple[datetime, str, UUID | None]], name: str
) -> dict[UUID, datetime]:
    """Start late runs and acknowledge, each at its time; return when each acknowledgement was given."""
    given = {}
    for at, system, incident_id in sorted(plan, key=lambda one: one[0]):
        time.sleep(max((at - datetime.now(UTC)).total_seconds(), 0))
        if incident_id is None:
            running.miss_deadline(system, f"late-{name}")
        else:
            given[incident_id] = datetime.now(UTC)
            answers.acknowledge(running.ledger, incident_id, answers.Answer("bench", given[incident_id]))
    return given


def _settled(running: Drill, steps: Sequence[UUID], missing: Sequence[str]) -> list[Receipt]:
    """Return the pages once the second level of each incident and each deadline has been paged."""
    wanted = {str(id_) for id_ in steps}

    def all_paged() -> bool:
        pages = running.captured.pages()
        titles = {page.title for page in pages}
        paged = {page.incident_id for page in pages if page.level == 1}
        recorded = incidents.deadlines(running.ledger)
        return (
            wanted <= paged and {_title(one) for one in missing} <= titles and len(recorded) >= len(missing)
        )

    wait_for(all_paged, "the second pages and those of the deadlines", MINUTE * 2)
    time.sleep(1)  # a page that should not come has this long
    return running.captured.pages()


def _title(system: str) -> str:
    return f"{late_dag(system)} missed its deadline"


def _second(pages: Sequence[Receipt], incident_id: UUID) -> datetime:
    return min(page.at for page in pages if page.incident_id == str(incident_id) and page.level == 1)


def _of_deadline(pages: Sequence[Receipt], system: str) -> datetime:
    return min(page.at for page in pages if page.title == _title(system))


def _last_after(pages: Sequence[Receipt], incident_id: UUID, at: datetime) -> float:
    """Return how long after an acknowledgement the last page came; 0 where none did."""
    mine = [page.at for page in pages if page.incident_id == str(incident_id)]
    return max([(one - at).total_seconds() for one in mine if one > at], default=0.0)


def _judged(count: int, late: Late) -> Iterator[Row]:
    measured = {"deadline_to_page": late.deadlines, "level_step": late.steps, "ack_to_silence": late.silences}
    for name, values in measured.items():
        note = f"of {len(values)}; median {statistics.median(values):.2f} s, longest {max(values):.2f} s"
        yield Row(f"escalation.{name}_p95 at {count}", p95(values), "s", TARGET, note)


def p95(values: Sequence[float]) -> float:
    """Return the least value that 95 % of the values do not exceed.

    >>> p95([float(n) for n in range(100)]), p95([3.0, 1.0])
    (94.0, 3.0)
    """
    return sorted(values)[math.ceil(0.95 * len(values)) - 1]


def _unrelated(running: Drill) -> list[float]:
    seconds(running.api, "noop")
    return [seconds(running.api, "noop") for _ in range(PAIRS)]


def _wake(running: Drill) -> None:
    now = datetime.now(UTC)
    wake(running.api, now, now)
