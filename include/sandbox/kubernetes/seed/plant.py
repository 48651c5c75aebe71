"""Planting: the control loops themselves simulate the past week on a frozen clock, in an instant."""

from __future__ import annotations

import gc
from datetime import datetime, timedelta

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.seed import base, lessay, maintenance_api, quikapp, tapio, zetra
from sandbox.kubernetes.seed.gardener import Gardener
from sandbox.kubernetes.seed.nights import finish_history

AGE = timedelta(days=8)
"""How long everything has been running: a week's review sees whole days."""

_SETTLE_SECONDS = 60.0


def plant(cluster: Cluster, now: datetime | None = None) -> None:
    """Fill an empty cluster. now: the moment at which the seeded past ends (the wall clock's)."""
    now = now or cluster.clock.now()
    gc.disable()  # nothing made here is garbage, and looking for it doubles the time
    try:
        cluster.clock.freeze(now - AGE)
        gardener = Gardener(cluster, now)
        base.plant(gardener)
        for system in (quikapp, maintenance_api, zetra, lessay, tapio):
            system.plant(gardener)
        cluster.manager.settle(_SETTLE_SECONDS)
        finish_history(gardener)
        cluster.manager.settle(_SETTLE_SECONDS)
    finally:
        cluster.clock.release()
        gc.enable()
