"""A second region that takes over: its replica promoted, names switched."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups.model import Level, Proof
from upkeep.backups.rds.calls import DATA_AS_OF, moment_of, tags_of
from upkeep.backups.rds.replica import Lag, Promotion, promote, promotion_ready
from upkeep.backups.rds.rows import instance_row
from upkeep.backups.region import (
    Clients,
    DnsRecord,
    RemoteBackups,
    look_at_failover,
    switch,
    switch_ready,
    verify_failover,
)
from upkeep.errors import TemporaryError

POLL_SECONDS = 2.0


@dataclass(frozen=True)
class SaidLoss:
    """What a person found out where no metric can tell: how far the replica was behind, and when."""

    behind: timedelta
    lost_at: datetime


@dataclass(frozen=True)
class RegionFailover:
    """The replica in the second region takes over from a source that is gone or fenced.

    wait_seconds: for Route 53's servers to have a change.
    """

    clients: Clients
    promotion: Promotion
    records: Sequence[DnsRecord]
    backups: Sequence[RemoteBackups]
    lag: Lag
    said: SaidLoss | None = None
    approvals: int = 2
    wait_seconds: float = 120
    backup_id: UUID | None = None

    @property
    def subject(self) -> str:
        """What is recovered."""
        return f"{self.promotion.source} in the second region"

    def plan(self, pinned: Plan | None = None) -> Plan:  # noqa: ARG002 - there is nothing to choose
        """Look at everything, replica, names and remote backups, before anything is touched."""
        looked = self._look()
        facts = self._facts(looked)
        return Plan(
            title=f"Fail over {self.subject}",
            target=f"{self.promotion.replica} and {len(facts['dns'])} names",
            steps=[*self._said(), *steps_of(facts), "verify that both are as planned"],
            destructive=True,
            approvals=self.approvals,
            facts=facts,
            notes=notes_of(looked),
        )

    def restore(self, plan: Plan) -> None:
        """Begin the promotion, then switch the names; they are under way while RDS promotes.

        Until the promotion is done, what the names lead to can be read and refuses writes: two instances
        that take writes are never to be reached.
        """
        promote(self.clients.rds, plan.facts["promotion"], self.lag)
        begun = [(one, switch(self.clients.route53, one)) for one in plan.facts["dns"]]
        wait_until(
            lambda: all(switch_ready(self.clients.route53, *one) for one in begun),
            self.wait_seconds,
            "Route 53's servers do not have the names yet",
        )

    def ready(self, plan: Plan) -> str | None:
        """Return where the promoted instance is, once it takes writes and the names lead there."""
        promoted = promotion_ready(self.clients.rds, plan.facts["promotion"])
        if promoted is None:
            return None
        for one in plan.facts["dns"]:
            # Route 53 tells nothing of a change whose id an earlier attempt had: the records speak.
            switch_ready(self.clients.route53, one, {"change": None, "started_at": None})
        wait = plan.facts["clients_wait_seconds"]
        return f"{promoted['host']}:{promoted['port']} takes writes; clients follow within {wait} s"

    def verify(self, plan: Plan) -> Sequence[Proof]:
        """Return whether replica and names are as planned."""
        done = verify_failover(self.clients, plan.facts)
        evidence = {key: done[key] for key in ("host", "port", "data_as_of")}
        return [Proof(Level.RESTORED, datetime.now(UTC), done["problems"], evidence)]

    def resume(self, plan: Plan) -> str | None:  # noqa: ARG002 - the names lead there already
        """Return nothing: the names lead there already."""
        return None

    def data_as_of(self, plan: Plan) -> datetime | None:
        """Return as of when the promoted data is; None before the promotion."""
        if self.said is not None:
            return self.said.lost_at - self.said.behind
        row = instance_row(self.clients.rds, plan.facts["promotion"]["target"])
        return moment_of(tags_of(row or {}).get(DATA_AS_OF))

    def clean_up(self, plan: Plan) -> str:
        """Return that it stays."""
        return f"{plan.target} stay; the old source must not be started again"

    def _look(self) -> dict[str, Any]:
        return look_at_failover(self.clients, self.promotion, self.records, self.backups, self.lag)

    def _facts(self, looked: dict[str, Any]) -> dict[str, Any]:
        """Return what was seen without all that moves."""
        return {
            "promotion": _without_seen(looked["promotion"]),
            "dns": [_without_seen(one) for one in looked["dns"]],
            "backups": [one["where"] for one in looked["seen"]["remote_backups"]],
            "clients_wait_seconds": looked["clients_wait_seconds"],
            "said_behind_seconds": self.said.behind.total_seconds() if self.said else None,
        }

    def _said(self) -> list[str]:
        if self.said is None:
            return []
        behind, at = self.said.behind.total_seconds(), self.said.lost_at
        return [f"take a person's word that the replica was {behind:g} s behind at {at.isoformat()}"]


def steps_of(facts: dict[str, Any]) -> list[str]:
    """Return what the promotion and the switches do, a sentence each."""
    return [*facts["promotion"]["does"], *(does for one in facts["dns"] for does in one["does"])]


def notes_of(looked: dict[str, Any]) -> list[str]:
    """Return what helps to decide: lag and backups of this moment, risks, the way back."""
    seen = looked["promotion"]["seen"]
    lag = "the replica was promoted before" if seen["promoted"] else f"the lag is {seen['lag_seconds']:g} s"
    backups = [f"newest in {one['where']}: {one['newest']}" for one in looked["seen"]["remote_backups"]]
    of_names = [note for one in looked["dns"] for note in one["notes"]]
    back = [f"the way back, {number}: {step}" for number, step in enumerate(looked["fail_back"], start=1)]
    return [lag, *looked["promotion"]["risks"], *of_names, *backups, *back]


def wait_until(done: Callable[[], bool], seconds: float, otherwise: str) -> None:
    """Ask again and again. Raises TemporaryError after a time: a repeat goes on waiting."""
    until = time.monotonic() + seconds
    while not done():
        if time.monotonic() >= until:
            raise TemporaryError(f"{otherwise} after {seconds:g} s; a repeat goes on from here")
        time.sleep(POLL_SECONDS)


def _without_seen(plan: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in plan.items() if key != "seen"}
