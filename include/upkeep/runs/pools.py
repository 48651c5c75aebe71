"""A pool per system, so that one busy system cannot take every worker from the others."""

from __future__ import annotations

from collections.abc import Iterable

from upkeep.clients.airflow_api import AirflowApi

SLOTS = 16
"""As many tasks of one system at once. People may change a pool's slots in Airflow; that is kept."""


def pool_name(system_id: str) -> str:
    """Return the name of a system's pool."""
    return f"upkeep_{system_id}"


def ensure_pools(api: AirflowApi, system_ids: Iterable[str]) -> list[str]:
    """Make the pools that are missing and return their names.

    A task whose pool does not exist is never scheduled, with one line in the scheduler's log.
    """
    existing = api.pools()
    missing = [name for name in map(pool_name, sorted(system_ids)) if name not in existing]
    return [name for name in missing if api.ensure_pool(name, SLOTS, "Made by Upkeep, one for each system")]
