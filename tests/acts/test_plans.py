"""The digest of a plan: what it decides on counts, what only helps to decide does not."""

from __future__ import annotations

import json
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from upkeep.acts.plans import Plan, plan_from

TEXTS = st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
FACTS = st.dictionaries(TEXTS, VALUES, max_size=4)
PLANS = st.builds(
    Plan,
    title=TEXTS,
    target=TEXTS,
    steps=st.lists(TEXTS, max_size=3),
    destructive=st.booleans(),
    approvals=st.integers(1, 2),
    facts=FACTS,
    notes=st.lists(TEXTS, max_size=3),
)


@given(PLANS, st.lists(TEXTS, max_size=3))
def test_notes_make_no_other_plan(plan: Plan, notes: list[str]) -> None:
    assert replace(plan, notes=notes).digest == plan.digest


@given(PLANS, FACTS)
def test_any_other_fact_makes_another_plan(plan: Plan, facts: dict[str, object]) -> None:
    same = json.dumps(facts, sort_keys=True) == json.dumps(plan.facts, sort_keys=True)
    assert (replace(plan, facts=facts).digest == plan.digest) is same


@given(PLANS, TEXTS, VALUES)
def test_one_more_fact_makes_another_plan(plan: Plan, name: str, value: object) -> None:
    more = {**plan.facts, f"{name}+": value}
    if more.keys() != plan.facts.keys():
        assert replace(plan, facts=more).digest != plan.digest


@given(PLANS)
def test_every_other_field_counts(plan: Plan) -> None:
    others = [
        replace(plan, title=f"{plan.title}."),
        replace(plan, target=f"{plan.target}."),
        replace(plan, steps=[*plan.steps, "and more"]),
        replace(plan, destructive=not plan.destructive),
        replace(plan, approvals=3 - plan.approvals),
    ]
    assert plan.digest not in {other.digest for other in others}


@given(PLANS)
def test_a_plan_is_the_same_after_it_was_carried(plan: Plan) -> None:
    carried = json.loads(json.dumps({**plan.carried(), "markdown": plan.markdown()}))
    assert plan_from(carried).digest == plan.digest == carried["digest"]
