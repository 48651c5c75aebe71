"""The same for recoveries to a moment: of a PostgreSQL by its WAL, of a MariaDB by its binary log."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.backups.acts.conftest import Make
from tests.backups.acts.killer import Killer, children, killer
from tests.backups.acts.places import SYSTEM
from tests.backups.acts.test_kills import DRILL, STAGES, recorded
from tests.backups.acts.worlds import POLICY, World
from tests.backups.physical.conftest import Source
from tests.backups.physical.shop import next_second, one
from tests.servers.moments import databases, ids, rows

from upkeep.backups import targets
from upkeep.backups.model import Level
from upkeep.ledger.backups import known_backups

pytestmark = pytest.mark.integration

__all__ = ["children", "killer"]


def verified(world: World, killer: Killer, kind: str, policy: str) -> None:
    """The recovery is whole, and the backup that it began with is proven that far."""
    row = recorded(world, kind)
    assert None not in (row.restored_at, row.verified_at, row.cleaned_at)
    assert row.problems == []
    [known] = known_backups(world.run("backup").act.engine, "shop", policy)
    assert known.proven is Level.INVARIANTS
    assert killer.kills.keys() == STAGES | (DRILL if kind == world.drill else set())
    assert killer.kills["restore"] > 5


@pytest.mark.parametrize("drill", [False, True], ids=["real", "drill"])
def test_a_cluster(make: Make, archiving: tuple[Source, Path], killer: Killer, drill: bool) -> None:
    source, folder = archiving
    world = make("wal")
    world.run("backup").until("prove")
    source.sql("INSERT INTO t VALUES (1)")
    source.now("one")
    source.archived()
    source.sql("INSERT INTO t VALUES (2)")
    source.archived()
    state, kind = world.state(), world.drill if drill else world.recovery
    form: dict[str, Any] = {} if drill else {"moment": source.moments["one"].isoformat(), "keep": True}

    killer.through(world.told, kind, {"policy": POLICY}, **form)

    verified(world, killer, kind, POLICY)
    assert world.state() == state
    if drill:
        assert list(folder.iterdir()) == []
        return
    restored = folder / "moment-one"
    assert ids(restored) == [1]
    mark = targets.marked(restored)
    assert mark is not None
    assert mark["finished"]
    assert not (restored / "pgbackrest.conf").exists()
    assert not (restored / "data/standby.signal").exists()
    assert not (restored / "data/recovery.signal").exists()


@pytest.mark.parametrize("drill", [False, True], ids=["real", "drill"])
def test_a_binary_log(make: Make, logging_and_empty: tuple[Any, Any], killer: Killer, drill: bool) -> None:
    real, empty = logging_and_empty
    world = make("binlog")
    one(real, "INSERT INTO t VALUES (1)")
    world.run("backup", "first", policy="dumps").until("prove")
    for _ in range(2):  # what can be reached begins with the second after the dump's
        next_second()
    one(real, "INSERT INTO t VALUES (2)")
    moment = next_second()
    one(real, "DELETE FROM t WHERE id = 1")
    one(real, "FLUSH BINARY LOGS")
    next_second()
    one(real, "INSERT INTO t VALUES (3)")
    world.run("backup").until("prove")
    state, kind = world.state(), world.drill if drill else world.recovery
    form: dict[str, Any] = {} if drill else {"moment": moment.isoformat(), "keep": True}

    killer.through(world.told, kind, {"policy": POLICY}, **form)

    verified(world, killer, kind, "dumps")
    assert world.state() == state
    if drill:
        assert databases(empty) == SYSTEM
    else:
        assert rows(empty) == [1, 2]
