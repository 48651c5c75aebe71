"""Kills one part of Airflow after the other with SIGKILL while incidents are paged, and says what was lost.

For each part of each round: incidents are raised by the ledger, by the form and by a deadline; after a random
moment the part is killed, then started again. Every page that was due must come within 90 s after that, and
none under two keys. Run it by `scripts/kill_drill [ROUNDS]`.
"""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from rich.console import Console
from rich.table import Table

from sandbox.drills import incidents
from sandbox.drills.airflow import Drill, drill
from sandbox.drills.capture import Receipt, under_two_keys
from sandbox.drills.catalog import LATE_SECONDS, late_dag
from sandbox.drills.parts import PARTS, kill
from upkeep.runs.wakeups import wake

SYSTEMS = 3
RAISED = 5
"""Incidents that are opened in the ledger each time, of which both levels must be paged."""

STEP_SECONDS = 8.0
"""When the second level of those is due."""

RECOVERY_SECONDS = 90.0
DOWN_SECONDS = (1.0, 6.0)


@dataclass(frozen=True)
class Result:
    """What became of one kill. seconds: from recovery to the last page that was due."""

    round: int
    part: str
    killed_after: float
    down: float
    seconds: float
    missing: tuple[str, ...]
    two_keys: tuple[str, ...]
    repeated: int

    @property
    def ok(self) -> bool:
        """Whether every page came, under one key each."""
        return not self.missing and not self.two_keys


def results(running: Drill, rounds: int, chosen: random.Random) -> Iterator[Result]:
    """Yield what became of each part of each round."""
    for number in range(1, rounds + 1):
        for part in PARTS:
            running.forget()
            yield _one(running, number, part, chosen)


def _one(running: Drill, number: int, part: str, chosen: random.Random) -> Result:
    expected = _raise(running, f"{number}-{part}-{time.time_ns()}")
    after = chosen.uniform(0, LATE_SECONDS + STEP_SECONDS)
    time.sleep(after)
    restart = kill(running, part)
    down = chosen.uniform(*DOWN_SECONDS)
    time.sleep(down)
    restart()
    recovered = datetime.now(UTC)
    missing = expected
    while missing and (datetime.now(UTC) - recovered).total_seconds() < RECOVERY_SECONDS:
        time.sleep(0.5)
        missing = expected - _paged(running.captured.pages())
    time.sleep(2)  # what comes twice has this long
    pages = running.captured.pages()
    last = max((page.at for page in pages if (page.title, page.level) in expected), default=recovered)
    return Result(
        round=number,
        part=part,
        killed_after=after,
        down=down,
        seconds=max((last - recovered).total_seconds(), 0.0),
        missing=tuple(f"{title}, level {level}" for title, level in sorted(missing)),
        two_keys=tuple(under_two_keys(pages)),
        repeated=len(pages) - len({page.page_id for page in pages}),
    )


def _raise(running: Drill, name: str) -> set[tuple[str, int]]:
    """Raise incidents in each way; return the titles and levels of the pages that must come."""
    system = running.systems[0]
    for number in range(RAISED):
        incidents.open_incident(running.ledger, system, f"{name}-{number}", STEP_SECONDS)
    title = f"Drill {name} by form"
    form = {"system": system, "issue_type": "service_down", "severity": "P1", "title": title, "summary": ""}
    running.api.trigger("upkeep_raise_incident", f"drill-{name}", form)
    late = running.systems[1]
    running.miss_deadline(late, f"drill-{name}")
    now = datetime.now(UTC)
    wake(running.api, now, now)
    opened = {(f"Drill {name}-{number}", level) for number in range(RAISED) for level in (0, 1)}
    return opened | {(title, 0), (f"{late_dag(late)} missed its deadline", 0)}


def _paged(pages: list[Receipt]) -> set[tuple[str, int]]:
    return {(page.title, page.level) for page in pages}


def main() -> int:
    """Return 0 where nothing was lost, late, or under two keys."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 1
    seed = time.time_ns()
    console = Console()
    console.print(f"[dim]seed {seed}; starting Airflow …[/]")
    table = Table("round", "part", "killed after", "down", "paged within", "repeated", "", "what is wrong")
    ok = True
    with drill(SYSTEMS) as running:
        for one in results(running, rounds, random.Random(seed)):
            ok = ok and one.ok
            wrong = "; ".join([*(f"not paged: {name}" for name in one.missing), *one.two_keys])
            console.print(f"[dim]round {one.round}: {one.part} {'ok' if one.ok else wrong}[/]")
            table.add_row(
                str(one.round), one.part, f"{one.killed_after:.1f} s", f"{one.down:.1f} s",
                f"{one.seconds:.1f} s", str(one.repeated), "[green]ok[/]" if one.ok else "[red]violated[/]",
                wrong,
            )  # fmt: skip
    console.print(table)
    return 0 if ok else 1


if __name__ == "__main__":
    sys.exit(main())
