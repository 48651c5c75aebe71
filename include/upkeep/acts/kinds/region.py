"""The failover to a second region, and its drill."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from pydantic import Field

from upkeep.acts.forms import ChooseFirst, moment_in
from upkeep.acts.model import Act, By, FormField
from upkeep.acts.recovering.registering import register_recovery
from upkeep.backups.rds.replica import Promotion
from upkeep.backups.region import Clients, DnsRecord, RemoteBackups
from upkeep.catalog.models.backups import SecondRegion
from upkeep.checks.registry import Parameters
from upkeep.errors import ConfigurationError
from upkeep.recoveries.region import RegionFailover, SaidLoss
from upkeep.recoveries.region_drill import RegionDrill

STATES = {
    "gone": "nothing of the source runs any more",
    "fenced": "the source runs, and nobody can write to it",
}


class FailoverParameters(Parameters):
    """Who must agree; what takes over is in `recovery_targets.second_region`."""

    approvals: int = Field(default=2, ge=1, le=2)
    """Persons who must approve it."""


class DrillParameters(Parameters):
    """None: what is rehearsed is in `recovery_targets.second_region`."""


def fail_over(act: Act, parameters: FailoverParameters) -> RegionFailover:
    """Return the failover; without a word on the source, refuse: two that take writes cannot be merged."""
    second = _second(act)
    state = act.form.get("source_state")
    if state not in STATES:
        choices = [f"{name}: {meaning}" for name, meaning in STATES.items()]
        raise ChooseFirst(f"Choose what is known of {second.source}", choices)
    said = _said(act)
    return RegionFailover(
        clients=_clients(act, second),
        promotion=_promotion(act, second, state),
        records=_records(second, drill=False),
        backups=_backups(second),
        lag=said.behind.total_seconds() if said else _measured(act, second),
        said=said,
        approvals=parameters.approvals,
    )


def drill(act: Act, parameters: DrillParameters) -> RegionDrill:  # noqa: ARG001 - it has none
    """Return the drill."""
    second = _second(act)
    return RegionDrill(
        clients=_clients(act, second),
        promotion=_promotion(act, second, "writable"),
        records=_records(second, drill=True),
        backups=_backups(second),
        lag=_measured(act, second),
        provider=act.provider,
    )


def _second(act: Act) -> SecondRegion:
    targets = act.system.recovery_targets
    if targets is None or targets.second_region is None:
        raise ConfigurationError(f"{act.system.title} names no recovery_targets.second_region")
    return targets.second_region


def _clients(act: Act, second: SecondRegion) -> Clients:
    rds, s3 = (act.clients.aws(service, second.region) for service in ("rds", "s3"))
    return Clients(rds=rds, s3=s3, route53=act.clients.aws("route53"))


def _promotion(act: Act, second: SecondRegion, state: Any) -> Promotion:
    return Promotion(
        name=act.label,
        replica=second.replica,
        source=second.source,
        source_state=state,
        most_lag_seconds=second.most_lag_seconds,
        drill=state == "writable",
    )


def _records(second: SecondRegion, *, drill: bool) -> list[DnsRecord]:
    return [
        DnsRecord(
            zone=one.zone,
            name=one.name,
            type=one.type,
            primary=tuple(one.primary),
            secondary=tuple(one.secondary),
            alias_zone=one.alias_zone,
        )
        for one in second.dns
        if one.drill is drill
    ]


def _backups(second: SecondRegion) -> list[RemoteBackups]:
    return [
        RemoteBackups(one.bucket, one.prefix, timedelta(hours=one.oldest_hours)) for one in second.backups
    ]


def _said(act: Act) -> SaidLoss | None:
    behind = act.form.get("behind_seconds")
    if behind is None:
        return None
    if isinstance(behind, bool) or not isinstance(behind, int) or behind < 0:
        raise ConfigurationError(f"behind_seconds {behind!r}: write a whole number of seconds, 0 or more")
    return SaidLoss(timedelta(seconds=behind), moment_in(act, "lost_at") or act.began_at)


def _measured(act: Act, second: SecondRegion) -> Callable[[], float | None]:
    """Return what asks the lag of this moment: the worst, where the metric has several series."""
    promql = act.system.metrics[second.lag_metric].promql

    def ask() -> float | None:
        values = [one.value for one in act.clients.prometheus().instant(promql, act.now)]
        return max((value for value in values if math.isfinite(value)), default=None)

    return ask


def _fields(system: Any, parameters: FailoverParameters) -> Sequence[FormField]:  # noqa: ARG001
    meanings = "; ".join(f"{name}: {meaning}" for name, meaning in STATES.items())
    return [
        FormField(
            "source_state",
            "The source",
            f"What is known of it, and has been seen to. {meanings}.",
            choices=tuple(STATES),
        ),
        FormField(
            "behind_seconds",
            "Behind by",
            "Seconds that the replica was behind at 'Lost at', where the metric can tell no more; leave it "
            "empty to ask the metric.",
            type="integer",
        ),
    ]


register_recovery(
    "fail_over_region",
    "Promote the replica in the second region and lead the names there.",
    parameters=FailoverParameters,
    make=fail_over,
    fields=_fields,
)
register_recovery(
    "drill_region",
    "Rehearse the failover on a replica and names of its own, and delete the replica.",
    parameters=DrillParameters,
    make=drill,
    drill=True,
    by={"clean_up": lambda *_: By.INSTANCE_DELETION},
)
