"""Recovery of a database to a moment, and its drill: what is done follows from the policy."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from upkeep.acts.forms import ChooseFirst, moment_in
from upkeep.acts.kinds.binlogs import binlog_reach
from upkeep.acts.kinds.clusters import cluster_reach
from upkeep.acts.kinds.instances import INSTANCE_BY, instance_reach
from upkeep.acts.kinds.policies import is_snapshot
from upkeep.acts.model import Act, By, ByFunction, FormField
from upkeep.acts.reaching import MomentParameters, Reach, planned_moment
from upkeep.acts.recovering.registering import register_recovery
from upkeep.catalog.models import System
from upkeep.catalog.models.backups import BinlogSource, PgBackRestStanza, RdsSnapshots
from upkeep.errors import ConfigurationError
from upkeep.recoveries.model import Recovery


def to_chosen(act: Act, parameters: MomentParameters) -> Recovery:
    """Return the recovery to the moment that the form names; without one, say which there are."""
    reach = _reach(act, parameters)
    moment = planned_moment(act) or moment_in(act, "moment")
    if moment is None:
        raise ChooseFirst("Choose a moment that can be restored", reach.choices())
    return reach.recovery(moment)


def to_newest(act: Act, parameters: MomentParameters) -> Recovery:
    """Return the recovery to the newest moment that can be reached: what came after it would be lost."""
    reach = _reach(act, parameters)
    return reach.recovery(planned_moment(act) or reach.newest())


def _reach(act: Act, parameters: MomentParameters) -> Reach:
    policy = act.system.backups.get(parameters.policy)
    if policy is not None and isinstance(policy.location, RdsSnapshots):
        return instance_reach(act, parameters, policy, policy.location)
    if policy is not None and isinstance(policy.location, PgBackRestStanza):
        return cluster_reach(act, parameters, policy, policy.location)
    if policy is not None and isinstance(policy.source, BinlogSource):
        return binlog_reach(act, parameters, policy, policy.source)
    raise ConfigurationError(
        f"{parameters.policy!r} is no policy of {act.system.title} by which a moment can be restored"
    )


MOMENT = FormField(
    "moment",
    "Moment",
    "With its time zone, just before the damage; empty: the run says what can be chosen.",
    default=None,
    format="date-time",
)
TIMELINE = FormField(
    "timeline",
    "Timeline",
    "0 is the newest; an older one has what an earlier recovery left behind.",
    type="integer",
    default=0,
)
KEEP = FormField(
    "keep", "Keep it", "Whether what was restored stays when the run is over.", type="boolean", default=True
)


def _fields(system: Any, parameters: MomentParameters) -> Sequence[FormField]:
    policy = system.backups.get(parameters.policy)
    if policy is not None and isinstance(policy.location, PgBackRestStanza):
        what = "The folder to make, by default named after the run."
        return [MOMENT, FormField("target", "New folder", what, default=parameters.target), TIMELINE, KEEP]
    if policy is not None and isinstance(policy.source, BinlogSource):
        return [MOMENT, KEEP]
    what = "The identifier of the instance to make."
    return [MOMENT, FormField("target", "New instance", what, default=parameters.target), KEEP]


def _if_instance(by: ByFunction) -> ByFunction:
    """Return what says so of a stage where the policy is one of RDS, and else that a worker does it."""

    def chosen(system: System, parameters: MomentParameters) -> By:
        policy = system.backups.get(parameters.policy)
        return by(system, parameters) if policy is not None and is_snapshot(policy) else By.WORKER

    return chosen


_BY = {stage: _if_instance(by) for stage, by in INSTANCE_BY.items()}

register_recovery(
    "restore_moment",
    "Restore a database as of a moment beside it: an RDS instance, or ours by archived WAL or binary logs.",
    parameters=MomentParameters,
    make=to_chosen,
    by=_BY,
    fields=_fields,
)
register_recovery(
    "drill_moment",
    "Rehearse the restore of a database to the newest moment that can be reached, and remove it.",
    parameters=MomentParameters,
    make=to_newest,
    by=_BY,
    drill=True,
)
