"""The drill's catalog: many small systems that page by webhook, each with a routine that is late at will."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import yaml

UNRELATED = "drill-other"
"""A system without incidents; its routine of ten tasks is looked at from beside."""

LATE_SECONDS = 6
"""When the routine that never starts is late, counted from its due time."""

TEN = 10


def system_ids(count: int) -> list[str]:
    """Return the names of the systems that have incidents."""
    return [f"drill-{number:02}" for number in range(count)]


def late_dag(system_id: str) -> str:
    """Return the DAG of a system's late routine.

    >>> late_dag("drill-07")
    'drill-07_late'
    """
    return f"{system_id}_late"


def ten_dag(system_id: str) -> str:
    """Return the DAG of a system's routine of ten tasks."""
    return f"{system_id}_ten"


def write_catalog(folder: Path, count: int) -> list[str]:
    """Write `count` systems and the unrelated one; return the names of the former."""
    folder.mkdir(parents=True, exist_ok=True)
    names = system_ids(count)
    for name in names:
        (folder / f"{name}.yaml").write_text(_system(name, [_late(name)]))
    (folder / f"{UNRELATED}.yaml").write_text(_system(UNRELATED, [_ten(UNRELATED)]))
    return names


def _system(name: str, routines: list[dict[str, object]]) -> str:
    metric = {"title": "Requests", "promql": "drill_requests", "unit": "per_second"}
    duties = [p["id"] for routine in routines for p in routine["procedures"]]  # type: ignore[attr-defined]
    levels = [{"owner": owner, "wait_minutes": 60, "channels": ["webhook"]} for owner in ("first", "second")]
    return yaml.safe_dump(
        {
            "title": name,
            "description": "A system of the drill.",
            "guide": "none",
            "owners": {
                "first": {"title": "First", "email": "first@example.com"},
                "second": {"title": "Second", "email": "second@example.com"},
            },
            "connections": {"prometheus": "drill_prometheus"},
            "metrics": {"requests": metric},
            "escalation": {
                "severities": {},
                "chains": {"main": {"levels": levels}},
                "default_chain": "main",
                # Each incident pages by itself, however many there are.
                "storm_incidents": 1_000_000,
            },
            "duties": [{"id": duty, "what": "A number"} for duty in duties],
            "routines": routines,
        },
        sort_keys=False,
    )


def _late(system: str) -> dict[str, object]:
    return _routine("late", LATE_SECONDS / 60, [f"{system}/drill/late"])


def _ten(system: str) -> dict[str, object]:
    return _routine("ten", 60, [f"{system}/drill/number-{number}" for number in range(TEN)])


def _routine(name: str, deadline_minutes: float, procedures: list[str]) -> dict[str, object]:
    return {
        "name": name,
        "title": f"The routine {name}",
        "purpose": "Only for the drill.",
        "cadence": "daily",
        # Half a day from now: Airflow would also make the run that was due in the last tenth of the interval.
        "schedule": f"0 {(datetime.now(UTC).hour + 12) % 24} * * *",
        "owner": "first",
        "deadline_minutes": deadline_minutes,
        "procedures": [
            {"id": one, "kind": "metrics", "parameters": {"metrics": ["requests"]}} for one in procedures
        ],
    }
