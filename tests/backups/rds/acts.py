"""The acts that a kill test runs in a child: `python acts.py URL ACT NAME INSTANCE`."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from typing import Any

from tests.servers.child import child_client
from tests.servers.rds_stages import whole_provider

from upkeep.backups.rds import (
    Promise,
    Promotion,
    RdsSnapshots,
    Target,
    begin_restore,
    is_gone,
    look_at_promotion,
    look_at_snapshot,
    promote,
    promotion_ready,
    restore_ready,
    tear_down,
)


def backup(rds: Any, name: str, instance: str) -> Any:
    """Take a snapshot."""
    return RdsSnapshots(
        rds, Promise(instance, "killed"), poll_seconds=0.01, provider=whole_provider(rds)
    ).make(name)


def drill(rds: Any, name: str, instance: str) -> dict[str, Any]:
    """Restore the snapshot `<instance>-backup`, and wait."""
    target = Target(f"drill-{name}", name, instance)
    plan = look_at_snapshot(rds, f"{instance}-backup", target, Promise(instance, "killed"))
    begin_restore(rds, plan)
    return until_done(lambda: restore_ready(rds, plan))


def clean_up(rds: Any, name: str, instance: str) -> None:
    """Tear a drill down, and wait."""
    tear_down(rds, f"drill-{name}", name, whole_provider(rds))
    until_done(lambda: True if is_gone(rds, f"drill-{name}", name) else None)


def takeover(rds: Any, name: str, instance: str) -> dict[str, Any]:
    """Promote the replica `name` of the instance, and wait."""
    wanted = Promotion(f"run-{name}", name, instance, "fenced", most_lag_seconds=60)
    plan = look_at_promotion(rds, wanted, lag=5)
    promote(rds, plan, lag=5)
    return until_done(lambda: promotion_ready(rds, plan))


def until_done(ask: Callable[[], Any]) -> Any:
    """Ask until there is an answer."""
    until = time.monotonic() + 20
    while (found := ask()) is None:
        assert time.monotonic() < until
        time.sleep(0.02)
    return found


ACTS: Mapping[str, Callable[[Any, str, str], Any]] = {
    "backup": backup,
    "drill": drill,
    "clean_up": clean_up,
    "takeover": takeover,
}

if __name__ == "__main__":
    url, act, *rest = sys.argv[1:]
    ACTS[act](child_client("rds", url), *rest)
