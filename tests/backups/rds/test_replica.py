"""The promotion of a read replica, on moto through HTTP."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from upkeep.backups.rds import Promotion, look_at_promotion, promote, promotion_ready
from upkeep.clients.answers import NotFoundError
from upkeep.errors import PermanentError, TemporaryError

pytestmark = pytest.mark.integration


@pytest.fixture
def promotion(rds, source):
    rds.create_db_instance_read_replica(
        DBInstanceIdentifier=f"{source}-replica", SourceDBInstanceIdentifier=source, Tags=[]
    )
    return Promotion(f"failover-{source}", f"{source}-replica", source, "fenced", most_lag_seconds=60)


def test_a_promotion_and_its_repeat(rds, before, promotion):
    plan = look_at_promotion(rds, promotion, lag=lambda: 12.5)
    assert json.loads(json.dumps(plan)) == plan
    assert plan["seen"] == {"promoted": False, "lag_seconds": 12.5}
    assert "split brain" in plan["risks"][0]
    assert promotion_ready(rds, plan) is None
    begun = promote(rds, plan, lag=10)
    done = promotion_ready(rds, plan)
    started = datetime.fromisoformat(done["started_at"])
    assert datetime.fromisoformat(done["data_as_of"]) == started - timedelta(seconds=10)
    assert started < datetime.fromisoformat(done["ended_at"]) <= datetime.now(UTC)
    assert done["host"].startswith(promotion.replica)
    assert promote(rds, plan, lag=None) == begun
    assert before.calls.count("PromoteReadReplica") == 1
    again = look_at_promotion(rds, promotion, lag=None)
    assert again.pop("seen") == {"promoted": True, "lag_seconds": None}
    assert again == {key: value for key, value in plan.items() if key != "seen"}


def test_a_replica_in_another_region_names_its_source_by_arn(rds, promotion, source, instance_in_moto):
    arn = f"arn:aws:rds:eu-west-1:123456789012:db:{source}"
    instance_in_moto(promotion.replica).source_db_instance_identifier = arn
    assert look_at_promotion(rds, promotion, lag=0)
    assert look_at_promotion(rds, replace(promotion, source=arn), lag=0)


def test_what_is_in_the_way_is_named(rds, promotion, source, instance_in_moto):
    for wrong, lag, said in (
        (promotion, 61, "61 s behind, 60 s are allowed"),
        (promotion, None, "nobody can tell"),
        (replace(promotion, source="another"), 0, "a replica of .*, not of another"),
        (replace(promotion, replica=source), 0, "a replica of nothing"),
        (replace(promotion, source_state="writable"), 0, "split brain"),
    ):
        with pytest.raises(PermanentError, match=said):
            look_at_promotion(rds, wrong, lag=lag)
    with pytest.raises(NotFoundError, match="nothing to promote"):
        look_at_promotion(rds, replace(promotion, replica="nowhere"), lag=0)
    instance_in_moto(promotion.replica).status = "backing-up"
    with pytest.raises(PermanentError, match="is backing-up"):
        look_at_promotion(rds, promotion, lag=0)


def test_a_drill_may_leave_its_source_writable(rds, promotion):
    drill = replace(promotion, source_state="writable", drill=True)
    assert "said to be writable" in look_at_promotion(rds, drill, lag=0)["risks"][0]


def test_the_lag_is_asked_again_before_the_act(rds, before, promotion):
    plan = look_at_promotion(rds, promotion, lag=1)
    for lag in (61, lambda: None):
        with pytest.raises(PermanentError, match="behind"):
            promote(rds, plan, lag)
    assert "PromoteReadReplica" not in before.calls


def test_an_instance_that_was_never_a_replica_is_left_alone(rds, before, cloud, promotion):
    plan = look_at_promotion(rds, promotion, lag=1)
    cloud.instance(f"{promotion.replica}-alone")
    other = {**plan, "target": f"{promotion.replica}-alone"}
    with pytest.raises(PermanentError, match="left alone"):
        promote(rds, other, lag=0)
    with pytest.raises(PermanentError, match="not promoted from"):
        promotion_ready(rds, other)


def test_a_busy_replica_is_tried_again_and_the_note_of_the_first_attempt_stays(rds, before, promotion):
    plan = look_at_promotion(rds, promotion, lag=1)
    before.fails("PromoteReadReplica", 400, "InvalidDBInstanceState")
    with pytest.raises(TemporaryError):
        promote(rds, plan, lag=1)
    tags = rds.describe_db_instances(DBInstanceIdentifier=promotion.replica)["DBInstances"][0]["TagList"]
    first = {one["Key"]: one["Value"] for one in tags}
    before.errors.clear()
    begun = promote(rds, plan, lag=2)
    assert begun["started_at"] == first["upkeep:begun-at"]
    assert begun["data_as_of"] != first["upkeep:data-as-of"]


def test_a_promotion_that_goes_on_is_not_begun_again(rds, before, promotion, instance_in_moto):
    plan = look_at_promotion(rds, promotion, lag=1)
    before.fails("PromoteReadReplica", 400, "InvalidDBInstanceState")
    with pytest.raises(TemporaryError):
        promote(rds, plan, lag=1)
    instance_in_moto(promotion.replica).status = "modifying"
    before.calls.clear()
    assert promote(rds, plan, lag=1)["ended_at"] is None
    assert promotion_ready(rds, plan) is None
    assert "PromoteReadReplica" not in before.calls
