"""The drill of a region's failover: a replica of its own is promoted, and names that nobody uses switched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from upkeep.acts.plans import Plan
from upkeep.backups.provider import WORKER, Provider
from upkeep.backups.rds.drill_replica import (
    delete_drill_replica,
    drill_replica_ready,
    look_at_drill_replica,
    make_drill_replica,
)
from upkeep.backups.region import switch, undo
from upkeep.recoveries.region import RegionFailover, notes_of, steps_of, wait_until


@dataclass(frozen=True)
class RegionDrill(RegionFailover):
    """The same on a new replica of the source in the second region; neither source nor standby is touched.

    `promotion` is that of the standby, whose lag is what a real failover would lose. replica_seconds: how
    long RDS may take to make the drill's replica. provider: deletes it.
    """

    replica_seconds: float = 3600
    provider: Provider = WORKER

    def plan(self, pinned: Plan | None = None) -> Plan:  # noqa: ARG002 - there is nothing to choose
        """Look at the real failover, and whether there is room to rehearse it."""
        standby = self.promotion.replica
        request = look_at_drill_replica(self.clients.rds, standby, self.promotion.name)
        identifier = request["DBInstanceIdentifier"]
        looked = self._look()
        facts = self._facts(looked) | {"replica": request}
        facts["promotion"] = _of(facts["promotion"], identifier)
        return Plan(
            title=f"Rehearse the failover of {self.subject}",
            target=f"the new replica {identifier} and {len(facts['dns'])} names of the drill",
            steps=[
                f"make {identifier}, another replica of {request['SourceDBInstanceIdentifier']}",
                *steps_of(facts),
                "verify that both are as planned",
                f"delete {identifier} and lead the names back",
            ],
            destructive=False,
            facts=facts,
            notes=notes_of(looked),
        )

    def prepare(self, plan: Plan) -> str:
        """Make the replica, and wait until it can be promoted."""
        request = plan.facts["replica"]
        identifier = request["DBInstanceIdentifier"]
        make_drill_replica(self.clients.rds, request)
        wait_until(
            lambda: drill_replica_ready(self.clients.rds, request),
            self.replica_seconds,
            f"{identifier} is not made yet",
        )
        return f"{identifier} keeps up with {request['SourceDBInstanceIdentifier']}"

    def lose(self, plan: Plan) -> str:  # noqa: ARG002 - nothing is touched
        """Return what is taken as lost: production is never touched."""
        return f"{self.promotion.source} is taken as lost; it is not touched"

    def clean_up(self, plan: Plan) -> str:
        """Delete the drill's replica and lead its names back."""
        request = plan.facts["replica"]
        deleting = delete_drill_replica(self.clients.rds, request, self.provider)
        for one in plan.facts["dns"]:
            switch(self.clients.route53, undo(one))
        state = "is being deleted" if deleting else "is gone"
        return f"{request['DBInstanceIdentifier']} {state}; the drill's names lead where they led"


def _of(promotion: dict[str, Any], identifier: str) -> dict[str, Any]:
    """Return the promotion's plan for the drill's replica instead of the standby."""
    return {
        **promotion,
        "target": identifier,
        "request": {**promotion["request"], "DBInstanceIdentifier": identifier},
        "does": [f"{identifier} stops replicating {promotion['source']}, restarts, and takes writes"],
        "risks": [],
    }
