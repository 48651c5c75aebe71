"""The suite itself: its catalog, and the parts of Airflow that it needs."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from upkeep.catalog.problems import Problem
from upkeep.incidents.model import Signal
from upkeep.incidents.outside import broken_catalog, of_the_suite
from upkeep.incidents.subjects import OWN_SYSTEM, catalog_subject
from upkeep.ledger.recovery import resolve_subjects

PARTS = {
    "scheduler": "the scheduler",
    "triggerer": "the triggerer",
    "dag_processor": "the DAG processor",
    "metadatabase": "Airflow's database",
}
"""Airflow's parts as its health end point names them. The scheduler's own end no run of ours can see."""


def catalog_signals(problems: Iterable[Problem], now: datetime) -> dict[str, Signal]:
    """Return the signal of each system whose file is broken."""
    broken: dict[str, list[str]] = defaultdict(list)
    for problem in problems:
        if problem.level == "error":
            broken[Path(problem.file).stem].append(str(problem))
    return {
        system: broken_catalog(system, hashlib.sha256("\n".join(said).encode()).hexdigest()[:12], said, now)
        for system, said in broken.items()
    }


def part_signals(health: Mapping[str, Any], now: datetime) -> dict[str, Signal]:
    """Return the signal of each part of Airflow that is silent, by its name."""
    signals = {}
    for part, title in PARTS.items():
        answer = health.get(part) or {}
        if answer.get("status") in ("healthy", None):
            continue
        heard = next((value for key, value in answer.items() if key.startswith("latest_") and value), None)
        began = datetime.fromisoformat(heard) if heard else now.replace(minute=0, second=0, microsecond=0)
        signals[part] = of_the_suite(
            f"airflow/{part}",
            title=f"Airflow's health says that {title} is silent",
            summary=f"Last heard of at {heard or 'no time'}; what it does for every system stands still.",
            began_at=began,
            now=now,
        )
    return signals


def resolve_what_is_well(
    engine: Engine, systems: Iterable[str], broken: Iterable[str], silent: Iterable[str], now: datetime
) -> None:
    """Resolve the incidents of files that are right again and of parts that are heard again."""
    well = [catalog_subject(system) for system in sorted(set(systems) - set(broken))]
    well += [f"airflow/{part}" for part in sorted(set(PARTS) - set(silent))]
    resolve_subjects(engine, OWN_SYSTEM, well, now)
