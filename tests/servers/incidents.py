"""Incidents in a ledger: signals of a shop, and what a wake-up does, with a delivery that tests choose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Engine

from upkeep.incidents.model import ChainCopy, ChainLevel, Person, Signal
from upkeep.incidents.oncall import OnCall
from upkeep.incidents.steps import advance
from upkeep.ledger import outbox, stepping
from upkeep.ledger.answers import Answer
from upkeep.ledger.incident_tables import Incident
from upkeep.ledger.incidents import Opened, Storm, open_or_fold
from upkeep.ledger.outbox import Outgoing, Sent
from upkeep.ledger.stepping import Decided

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


def after(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def chain(*owners: str, repeats: int = 0, **level: Any) -> ChainCopy:
    levels = tuple(
        ChainLevel(owner, 900, "acknowledgement", ("slack", "email"), fallback=Person(owner, owner.title()))
        for owner in owners or ("l1", "l2", "l3")
    )
    return ChainCopy("main", tuple(replace(one, **level) for one in levels), repeats, 900, 14_400)


def signal(event: str = "failure/shop_daily/1", **changes: Any) -> Signal:
    given = Signal(
        event_id=event,
        fold_key="shop/shop_daily",
        system="shop",
        source="failure",
        issue_type="maintenance_failed",
        severity="P2",
        title="shop_daily failed",
        summary="The run failed.",
        began_at=NOON,
        at=NOON,
        wrong=("run/shop_daily",),
    )
    return replace(given, **changes)


def raise_(ledger: Engine, given: Signal | None = None, at: float = 0, **more: Any) -> Opened:
    of = more.pop("chain", None) or chain()
    return open_or_fold(ledger, given or signal(), of, now=after(at), **more)


def many(ledger: Engine, count: int, limit: int, **changes: Any) -> list[Opened]:
    """Raise incidents of different matters, under a storm's limit."""
    storm = Storm(limit, chain("lead"))
    names = [f"{changes.get('severity', 'P2')}-{number}" for number in range(count)]
    return [
        raise_(ledger, signal(name, fold_key=f"shop/{name}", wrong=(name,), **changes), storm=storm)
        for name in names
    ]


def by(who: str, minutes: float, **more: Any) -> Answer:
    return Answer(who, after(minutes), **more)


def delivered(page: Outgoing) -> bool:
    return True


def everyone(incident: Incident) -> dict[int, OnCall]:
    levels = enumerate(incident.chain["levels"])
    return {number: OnCall(Person(level["owner"], level["owner"].title())) for number, level in levels}


def wake(
    ledger: Engine,
    minutes: float,
    takes: Callable[[Outgoing], bool] = delivered,
    on_call: Callable[[Incident], dict[int, OnCall]] = everyone,
) -> list[tuple[str, str]]:
    """Do what a wake-up does until nothing is due; return kind and person of each page that was tried."""
    now, tried = after(minutes), []
    while True:
        due = stepping.claim_due(ledger, now)
        decided = [decide(one, now, on_call(one.incident)) for one in due]
        stepping.apply_steps(ledger, decided, now)
        pages = outbox.claim_pages(ledger, now)
        if not due and not pages:
            return tried
        tried += [(one.page.kind, one.page.person) for one in pages]
        outbox.record_pages(ledger, [sent(one, takes(one)) for one in pages], now)


def decide(due: stepping.DueIncident, now: datetime, on_call: dict[int, OnCall] | None = None) -> Decided:
    people = on_call or everyone(due.incident)
    empty = [level for level, one in people.items() if one.person is None]
    return Decided(due, advance(due.state, now, empty), people)


def sent(page: Outgoing, took: bool = True) -> Sent:
    outcome = sent_id(page.page.id, took, page.page.channels[0])
    return replace(outcome, target=f"{page.page.person}@shop.example") if took else outcome


def sent_id(page_id: UUID, took: bool = True, channel: str = "slack") -> Sent:
    if took:
        return Sent(page_id, True, channel, f"{channel} of somebody", 1)
    return Sent(page_id, False, None, None, 3, ((channel, "answers 500"),))
