"""Connections that the catalog names and Airflow lacks."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from upkeep.errors import UpkeepError
from upkeep.incidents.model import Signal
from upkeep.incidents.outside import missing_connections
from upkeep.incidents.subjects import OWN_SYSTEM, connections_subject
from upkeep.ledger import watch
from upkeep.ledger.recovery import resolve_subjects

if TYPE_CHECKING:
    from upkeep.catalog.models import System

log = logging.getLogger(__name__)

WATCH = "connections"


def missing(
    engine: Engine,
    systems: Iterable[str],
    system_of: Callable[[str], System],
    exists: Callable[[str], bool],
    now: datetime,
) -> list[Signal]:
    """Return one signal for each of the systems that lacks connections, and resolve those that lack none.

    exists: asks as a task asks, or raises an UpkeepError; then nothing new is known of the system. A store of
    secrets that does not answer may look like one that has nothing: what is missing must be so in two rounds.
    """
    lacking: dict[str, list[str]] = {}
    for name in systems:
        try:
            lacking[name] = _lacking(system_of(name), exists)
        except UpkeepError as e:
            log.warning("the connections of %s are unknown: %s", name, e)
    wrong = [name for name, ids in lacking.items() if ids]
    with watch.follow(engine, WATCH, wrong, now, lacking) as followed:
        if well := [connections_subject(name) for name in followed.over]:
            resolve_subjects(engine, OWN_SYSTEM, well, now)
    return [
        missing_connections(name, lacking[name], followed.since[name], now)
        for name in wrong
        if followed.since[name] < now
    ]


def _lacking(system: System, exists: Callable[[str], bool]) -> list[str]:
    return [conn_id for conn_id in sorted(set(system.connections.values())) if not exists(conn_id)]
