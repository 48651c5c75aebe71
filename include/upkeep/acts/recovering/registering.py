"""Registers a kind of recovery, or its drill, with the stages that all share."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from upkeep.acts.gates import DESPITE
from upkeep.acts.model import ByFunction, Does, FormField, Stage
from upkeep.acts.recovering.stages import Making, RecoveryStages
from upkeep.checks.registry import Parameters, register_act

COMMON_FIELDS = (
    FormField(
        "lost_at",
        "Lost at",
        "When the damage began, for the measured recovery time; by default the start of this run.",
        default=None,
        format="date-time",
        shared=True,
    ),
    FormField(
        DESPITE,
        "Despite a freeze",
        "Replace what is in use even in a change freeze, or with an incident that opened since.",
        type="boolean",
        default=False,
        shared=True,
    ),
)


def register_recovery(  # noqa: PLR0913 - what a kind is made of
    name: str,
    summary: str,
    *,
    parameters: type[Parameters],
    make: Making,
    fields: Callable[[Any, Any], Sequence[FormField]] | None = None,
    drill: bool = False,
    by: Mapping[str, ByFunction] | None = None,
) -> None:
    """Register a kind of recovery, or the drill of one, with the stages that all share.

    by: what does those stages that no worker does, by their names.
    """
    steps = RecoveryStages(make, drill=drill)
    rehearsed = (
        Stage("prepare", "Make the drill target", Does.CHANGE, steps.prepare),
        Stage("lose", "Make the loss, on the drill target", Does.CHANGE, steps.lose),
    )
    stages = (
        Stage("plan", "Pre-flight and plan", Does.LOOK, steps.plan),
        Stage("approve", "Approve the plan", Does.APPROVE),
        *(rehearsed if drill else ()),
        Stage("restore", "Restore", Does.CHANGE, steps.restore),
        Stage("ready", "Wait until it is there", Does.WAIT, steps.ready),
        Stage("verify", "Verify what was restored", Does.CHANGE, steps.verify),
        Stage("resume", "Put what was verified into use", Does.CHANGE, steps.resume),
        Stage("measure", "Measure against the targets", Does.CHANGE, steps.measure),
        Stage("clean_up", "Take away what the run made for itself", Does.CLEAN, steps.clean_up),
    )

    stages = tuple(replace(one, by=by[one.name]) if by and one.name in by else one for one in stages)

    def form(system: Any, chosen: Any) -> list[FormField]:
        own = list(fields(system, chosen)) if fields else []
        return own if drill else [*own, *COMMON_FIELDS]

    register_act(name, summary, parameters=parameters, stages=stages, form=form)
