"""`verify` cleared long after: what was verified and has lived on since is not judged by what it is now."""

from __future__ import annotations

from typing import Any

import pytest
from tests.acts.runs import Stages
from tests.backups.acts.conftest import Make
from tests.backups.acts.worlds import POLICY, World

from upkeep.backups.model import Level
from upkeep.findings import Finding, State
from upkeep.ledger.backups import known_backups

pytestmark = pytest.mark.integration

RESTORED, DRILL = "shop-restored", "shop-drill"
VERIFIED = "was verified at"


def lives_on(run: Stages, namespace: str) -> None:
    """Change what was restored, as people do."""
    api = run.act.clients.kubernetes().api
    path = f"/api/v1/namespaces/{namespace}/configmaps/settings"
    api.send("PATCH", path, {"data": {"log": "debug"}}, "application/merge-patch+json")


def verified(run: Stages) -> Finding:
    [finding] = run.do("verify").findings
    return finding


def proven(world: World) -> Any:
    [one] = known_backups(world.run("backup").act.engine, "shop", POLICY)
    return None if one.broken else one.proven


@pytest.fixture
def world(make: Make) -> World:
    """A namespace that is backed up."""
    world = make("namespace")
    world.run("backup").until("prove")
    return world


def test_a_namespace_in_which_people_work(world: World) -> None:
    run = world.run("restore_namespace", namespace=RESTORED)
    run.until("verify")
    lives_on(run, RESTORED)

    finding = verified(run)

    assert finding.state is State.OK
    assert f"{RESTORED} {VERIFIED} " in finding.summary
    assert "is not judged again" in finding.summary
    assert proven(world) is Level.INVARIANTS
    run.until("clean_up")
    assert VERIFIED in verified(run).summary


def test_what_was_not_verified_yet_is_judged(world: World) -> None:
    run = world.run("restore_namespace", namespace=RESTORED)
    run.until("ready")
    lives_on(run, RESTORED)
    assert verified(run).state is State.CRITICAL
    assert verified(run).state is State.CRITICAL
    assert proven(world) is None


def test_what_was_restored_anew_is_judged_anew(world: World) -> None:
    run = world.run("restore_namespace", namespace=RESTORED)
    run.until("verify")
    lives_on(run, RESTORED)
    for stage in ("restore", "ready"):
        run.do(stage)
    assert (again := verified(run)).state is State.OK
    assert VERIFIED not in again.summary
    for stage in ("restore", "ready"):
        run.do(stage)
    lives_on(run, RESTORED)
    assert verified(run).state is State.CRITICAL


def test_a_drill_that_was_taken_down(world: World) -> None:
    run = world.run("drill_namespace")
    run.until("clean_up")
    assert VERIFIED in verified(run).summary
    assert proven(world) is Level.INVARIANTS

    again = run.cleared(back_to="plan", minutes=5)
    again.until("ready")
    lives_on(again, DRILL)
    found = verified(again)
    assert (found.state, VERIFIED in found.summary) == (State.CRITICAL, False)
    again.do("clean_up")
