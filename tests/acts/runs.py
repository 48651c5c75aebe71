"""The shop that is changed, and how a test goes through the stages of a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from tests.servers.rds_stages import provider_of

from upkeep.acts.model import Act, Does, Result
from upkeep.acts.plans import Plan, plan_from
from upkeep.checks.registry import kind
from upkeep.ledger.approvals import Request, record_approval

BUCKET = "shop-media"

SHOP: dict[str, Any] = {
    "resources": {"buckets": {"media": {"name": BUCKET, "purpose": "pictures"}}},
    "recovery_targets": {"rto_minutes": 60, "rpo_minutes": 60},
    "backups": {
        "database": {
            "title": "Database",
            "what": "PostgreSQL",
            "method": "dump",
            "location": {"kind": "s3_objects", "connection": "shop_aws", "bucket": "shop-backups"},
            "encryption": "none",
        }
    },
}


def request(act: Act) -> Request:
    """Return what an approval of a run is for."""
    return Request(*act.run, act.task_id, act.attempt)


def approve(act: Act, plan: Plan | Mapping[str, Any], *persons: str, minutes: float = 60) -> None:
    """Approve a plan in the name of persons, for some minutes from the act's moment."""
    carried = plan.carried() if isinstance(plan, Plan) else plan
    for person in persons or ("ada",):
        record_approval(
            act.engine,
            request(act),
            carried,
            approved_by=person,
            approved_at=act.now,
            expires_at=act.now + timedelta(minutes=minutes),
        )


@dataclass
class Stages:
    """A run of a kind, stage by stage; what a stage carries goes through JSON, as in Airflow."""

    act: Act
    kind: str
    parameters: Mapping[str, Any]

    def names(self) -> list[str]:
        """Return the names of the stages that have work to do."""
        spec = kind(self.kind)
        assert spec.act is not None
        return [one.name for one in spec.act.stages if one.does is not Does.APPROVE]

    def do(self, name: str, **changes: Any) -> Result:
        """Do one stage; the moment moves on by a minute with each."""
        spec = kind(self.kind)
        assert spec.act is not None
        self.act = replace(self.act, **{"now": self.act.now + timedelta(minutes=1)} | changes)
        stage = next(one for one in spec.act.stages if one.name == name)
        assert stage.function is not None
        parameters = spec.parameters.model_validate(self.parameters)
        act = replace(self.act, provider=provider_of(stage, self.act, parameters))
        result = stage.function(act, parameters)
        if result.ready and not result.stop:
            carried = json.loads(json.dumps(dict(result.carried)))
            self.act = replace(self.act, carried={**self.act.carried, name: carried})
        return result

    def until(self, last: str) -> Result:
        """Do the stages that were not done, up to one."""
        for name in self.names():
            if name not in self.act.carried:
                done = self.do(name)
            if name == last:
                return done
        raise ValueError(f"{self.kind} has no stage {last}")

    @property
    def plan(self) -> Plan:
        """The plan of the run."""
        return plan_from(self.act.carried["plan"])

    def cleared(self, *, back_to: str, minutes: float) -> Stages:
        """Return the run as a person clears it from a stage, some minutes later."""
        names = self.names()
        kept = {name: self.act.carried[name] for name in names[: names.index(back_to)]}
        later = self.act.now + timedelta(minutes=minutes)
        again = replace(self.act, attempt=self.act.attempt + 1, began_at=later, now=later, carried=kept)
        return Stages(again, self.kind, self.parameters)
