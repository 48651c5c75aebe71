"""A dump restored in place: what is in use is judged no more, and not restored a second time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from tests.acts.runs import Stages, approve
from tests.backups.acts.conftest import Make
from tests.backups.acts.worlds import POLICY, World

from upkeep.backups.dumps.marks import databases
from upkeep.backups.model import Level
from upkeep.errors import PermanentError
from upkeep.findings import State
from upkeep.ledger.backups import known_backups

pytestmark = pytest.mark.integration

LIVE = "live"


@pytest.fixture(params=["postgres", "mysql"])
def world(request: pytest.FixtureRequest, make: Make) -> Iterator[World]:
    """A shop of three orders in a database of its own."""
    of = make(request.param)
    told = of.told["database"]
    live = {**told[request.param], "database": LIVE}
    world = replace(of, told={**of.told, "database": {**told, request.param: live}})
    server = world.run("backup").act.clients.database(request.param)
    databases(server).drop(LIVE)
    databases(server).create(LIVE, {})
    orders(world, "CREATE TABLE orders (id INT PRIMARY KEY)", "INSERT INTO orders VALUES (1), (2), (3)")
    yield world
    databases(server).drop(LIVE)


def orders(world: World, *statements: str, database: str = LIVE) -> int:
    """Run statements; return how many orders there are."""
    server = world.run("backup").act.clients.database("restore").at(database)
    with server.session() as session:
        for one in statements:
            session.run(one)
        return int(session.value("SELECT count(*) FROM orders"))


def restored(world: World) -> Stages:
    """Back up, lose an order, and restore in place up to its verification."""
    world.run("backup").until("prove")
    orders(world, "DELETE FROM orders WHERE id = 3")
    run = world.run("restore_dump", in_place=True, target="restored")
    run.until("plan")
    approve(run.act, run.plan)
    run.until("verify")
    return run


def proven(world: World) -> Any:
    [one] = known_backups(world.run("backup").act.engine, "shop", POLICY)
    assert not one.broken
    return one.proven


def test_verify_cleared_after_it_is_in_use_does_not_judge_the_rows_of_now(world: World) -> None:
    run = restored(world)
    run.until("resume")
    assert orders(world, "INSERT INTO orders VALUES (4)") == 4

    [finding] = run.do("verify").findings

    assert finding.state is State.OK
    assert f"/{LIVE} and is not examined again" in finding.summary
    assert proven(world) is Level.INVARIANTS
    run.until("clean_up")
    assert orders(world) == 4
    assert orders(world, database="restored_before") == 2


def test_a_restore_cleared_after_it_is_in_use_makes_no_second_copy(world: World) -> None:
    run = restored(world)
    run.until("resume")
    for stage in ("restore", "ready", "verify", "resume", "measure", "clean_up"):
        run.do(stage)
    assert orders(world) == 3
    those = databases(run.act.clients.database("restore"))
    assert not those.exists("restored") or those.is_empty("restored")
    assert proven(world) is Level.INVARIANTS


def test_an_attempt_that_nobody_approved_says_what_was_done(world: World) -> None:
    run = restored(world).cleared(back_to="restore", minutes=1)
    with pytest.raises(PermanentError, match=r"^an earlier attempt has begun this plan, and nothing more"):
        run.do("restore")
    with pytest.raises(PermanentError, match=r"/restored was restored, and is not put into use: 0 of 1"):
        run.do("resume")
    assert orders(world) == 2


def test_what_is_not_in_use_yet_is_judged(world: World) -> None:
    run = restored(world)
    orders(world, "DELETE FROM orders WHERE id = 2", database="restored")
    [finding] = run.do("verify").findings
    assert finding.state is State.CRITICAL
    assert "orders has 2 rows; it had 3 at backup time" in finding.summary
