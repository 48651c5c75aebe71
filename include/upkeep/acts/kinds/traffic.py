"""Traffic led back to a service in steps, once it was restored."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from itertools import pairwise
from typing import Annotated, Any, Literal

from pydantic import Field, field_validator

from upkeep.acts.model import Act, FormField
from upkeep.acts.recovering.registering import COMMON_FIELDS
from upkeep.acts.recovering.stepping import MOST_STEPS, SteppingStages
from upkeep.backups.region import DnsRecord
from upkeep.checks.choice import choose
from upkeep.checks.registry import Parameters, register_act
from upkeep.recoveries.gate import Gate
from upkeep.recoveries.traffic import TrafficReturn

Percent = Annotated[int, Field(ge=1, le=100)]


class TrafficParameters(Parameters):
    """Which weighted record leads the traffic, in which steps, judged by what."""

    zone: str
    """Id of the hosted zone."""
    name: str
    """Of the records, such as api.example.com."""
    type: Literal["A", "AAAA", "CNAME"] = "CNAME"
    """Of the records."""
    holding: tuple[str, ...] = Field(min_length=1)
    """Where the record leads while the service must not be used, such as a page that says so."""
    service: tuple[str, ...] = Field(min_length=1)
    """Where it leads to the service: host names or addresses, or the one name of an alias."""
    steps_percent: tuple[Percent, ...] = Field(default=(10, 50, 100), min_length=1, max_length=MOST_STEPS)
    """The service's share of the traffic after each step, rising."""
    metrics: tuple[str, ...] = Field(min_length=1)
    """Whose limits every value of a step must keep."""
    settle_minutes: float = Field(default=5, ge=0, le=30)
    """After a step, beyond the time until clients follow, before it is judged: as long as the rates of the
    metrics look back."""
    watch_minutes: float = Field(default=15, gt=0, le=120)
    """How long a step is judged."""
    approvals: int = Field(default=1, ge=1, le=2)
    """Persons who must approve."""

    @field_validator("steps_percent")
    @classmethod
    def _rising(cls, steps: tuple[int, ...]) -> tuple[int, ...]:
        if any(after <= before for before, after in pairwise(steps)):
            raise ValueError("each step must be more than the one before")
        return steps


def returning(act: Act, parameters: TrafficParameters) -> TrafficReturn:
    """Return the return of the traffic that the parameters name."""
    return TrafficReturn(
        client=act.clients.aws("route53"),
        record=DnsRecord(
            parameters.zone, parameters.name, parameters.type, parameters.holding, parameters.service
        ),
        steps_percent=parameters.steps_percent,
        gate=Gate(act.clients.prometheus(), choose(act.system.metrics, parameters.metrics, "metric")),
        watch=timedelta(minutes=parameters.watch_minutes),
        settle=timedelta(minutes=parameters.settle_minutes),
        approvals=parameters.approvals,
        hold=bool(act.form.get("hold")),
    )


def _fields(system: Any, parameters: TrafficParameters) -> Sequence[FormField]:  # noqa: ARG001
    hold = "Lead all traffic away instead, such as before a recovery."
    return [FormField("hold", "Hold", hold, type="boolean", default=False), *COMMON_FIELDS]


register_act(
    "return_traffic",
    "Lead the traffic back to a service in steps, each judged by the limits of metrics; else put it back.",
    parameters=TrafficParameters,
    stages=SteppingStages(returning).stages(),
    form=_fields,
)
