"""Who may let a plan be carried out: persons, for this plan, this attempt, and for a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from pydantic import ValidationError
from tests.acts.runs import approve

from upkeep.acts.gates import approved
from upkeep.acts.plans import Plan
from upkeep.checks.registry import kinds
from upkeep.errors import PermanentError

pytestmark = pytest.mark.integration

PLAN = Plan("Replace it", "the shop", ["replace it"], destructive=True, facts={"version": 1})
TWO = replace(PLAN, approvals=2)


def test_what_replaces_nothing_needs_nobody(act) -> None:
    assert approved(act(), replace(PLAN, destructive=False)) == []


def test_without_an_approval_nothing_is_touched(act) -> None:
    with pytest.raises(PermanentError, match=r"nothing was touched: 0 of 1 persons .* approve again"):
        approved(act(), PLAN)


def test_one_person_is_enough_where_one_is_asked(act) -> None:
    approve(act(), PLAN, "ada")
    assert approved(act(), PLAN) == ["ada"]


def test_two_persons_are_two_persons(act) -> None:
    approve(act(), TWO, "ada", "ada")
    with pytest.raises(PermanentError, match="1 of 2 persons"):
        approved(act(), TWO)
    approve(act(), TWO, "grace")
    assert approved(act(), TWO) == ["ada", "grace"]


def test_an_approval_is_of_one_plan(act) -> None:
    approve(act(), PLAN)
    other = replace(PLAN, facts={"version": 2})
    with pytest.raises(
        PermanentError, match=f"the plan {PLAN.digest} was approved.*now it is {other.digest}"
    ):
        approved(act(), other)


def test_of_one_person_the_last_approval_counts(act) -> None:
    other = replace(PLAN, facts={"version": 2})
    approve(act(), PLAN, "ada")
    approve(act(), other, "ada")
    assert approved(act(), other) == ["ada"]
    with pytest.raises(PermanentError, match="things have changed"):
        approved(act(), PLAN)


def test_the_second_person_must_approve_the_same_plan(act) -> None:
    approve(act(), replace(TWO, facts={"version": 2}), "ada")
    approve(act(), TWO, "grace")
    with pytest.raises(PermanentError, match="things have changed"):
        approved(act(), TWO)


@pytest.mark.parametrize(
    "other", [{"attempt": 1}, {"run": ("shop_file", "manual__2")}, {"task_id": "database"}]
)
def test_an_approval_is_for_one_attempt_of_one_procedure_of_one_run(act, other) -> None:
    approve(act(), PLAN)
    with pytest.raises(PermanentError, match="0 of 1 persons"):
        approved(act(**other), PLAN)


def test_an_approval_ends(act) -> None:
    approve(act(), PLAN, minutes=60)
    start = act().now
    assert approved(act(now=start + timedelta(minutes=59)), PLAN) == ["ada"]
    for minutes in (60, 61):
        with pytest.raises(PermanentError, match="the approval ended at 2026-11-21T15:06:00"):
            approved(act(now=start + timedelta(minutes=minutes)), PLAN)


def test_what_has_begun_in_time_may_go_on(act) -> None:
    approve(act(), PLAN, minutes=60)
    late = act(now=act().now + timedelta(hours=5))
    assert approved(late, PLAN, begun=True) == ["ada"]
    with pytest.raises(PermanentError, match="0 of 1"):
        approved(replace(late, attempt=1), PLAN, begun=True)


@pytest.mark.parametrize("wanted", [0, 3])
def test_a_catalog_asks_for_one_person_or_two(wanted: int) -> None:
    """There are two tasks that ask: a third person would never be asked, and nobody is not an approval."""
    asking = {
        name: one.parameters for name, one in kinds().items() if "approvals" in one.parameters.model_fields
    }
    assert len(asking) >= 5
    for name, parameters in asking.items():
        with pytest.raises(ValidationError) as refused:
            parameters.model_validate({"approvals": wanted})
        assert ("approvals",) in [error["loc"] for error in refused.value.errors()], name
