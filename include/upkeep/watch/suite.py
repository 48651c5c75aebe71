"""The suite itself: its catalog, and the parts of Airflow that it needs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from upkeep.catalog.problems import Problem
from upkeep.incidents.model import Signal
from upkeep.incidents.outside import broken_catalog, of_the_suite
from upkeep.incidents.subjects import OWN_SYSTEM, catalog_subject
from upkeep.ledger import watch
from upkeep.ledger.recovery import resolve_subjects

PARTS = {
    "scheduler": "the scheduler",
    "triggerer": "the triggerer",
    "dag_processor": "the DAG processor",
    "metadatabase": "Airflow's database",
}
"""Airflow's parts as its health end point names them. The scheduler's own end no run of ours can see."""


def broken_files(problems: Iterable[Problem]) -> dict[str, list[str]]:
    """Return what is wrong with each system whose file is broken."""
    broken: dict[str, list[str]] = defaultdict(list)
    for problem in problems:
        if problem.level == "error":
            broken[Path(problem.file).stem].append(str(problem))
    return broken


def catalog_signals(
    engine: Engine, systems: Iterable[str], broken: Mapping[str, Sequence[str]], now: datetime
) -> list[Signal]:
    """Return the signal of each broken file; of all that are right, the incidents are resolved."""
    with watch.follow(engine, "broken files", broken, now) as followed:
        well = [catalog_subject(system) for system in sorted(set(systems) - set(broken))]
        resolve_subjects(engine, OWN_SYSTEM, well, now)
    return [broken_catalog(name, said, followed.since[name], now) for name, said in broken.items()]


def part_signals(engine: Engine, health: Mapping[str, Any], now: datetime) -> list[Signal]:
    """Return the signal of each part of Airflow that is silent, and resolve those of parts that are well.

    A part of which Airflow says nothing may be either: it opens nothing and resolves nothing.
    """
    well = [f"airflow/{part}" for part in PARTS if (health.get(part) or {}).get("status") == "healthy"]
    resolve_subjects(engine, OWN_SYSTEM, well, now)
    return silent_parts(health, now)


def silent_parts(health: Mapping[str, Any], now: datetime) -> list[Signal]:
    """Return the signal of each part of Airflow that is silent."""
    signals = []
    for part, title in PARTS.items():
        answer = health.get(part) or {}
        if answer.get("status") in ("healthy", None):
            continue
        heard = next((value for key, value in answer.items() if key.startswith("latest_") and value), None)
        began = datetime.fromisoformat(heard) if heard else now.replace(minute=0, second=0, microsecond=0)
        silent = of_the_suite(
            f"airflow/{part}",
            title=f"Airflow's health says that {title} is silent",
            summary=f"Last heard of at {heard or 'no time'}; what it does for every system stands still.",
            began_at=began,
            now=now,
        )
        signals.append(silent)
    return signals
