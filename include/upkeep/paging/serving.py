"""Serves what is due: decides the steps of incidents, sends their pages, says when to come again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, cast
from uuid import UUID, uuid5

from sqlalchemy import Engine

from upkeep.errors import UpkeepError
from upkeep.incidents.model import Channel, Page, PageKind, Person
from upkeep.incidents.oncall import StandIn, on_call
from upkeep.incidents.steps import Due, advance
from upkeep.ledger import outbox, stepping
from upkeep.ledger.outbox import Outgoing
from upkeep.ledger.overrides import stand_ins
from upkeep.ledger.stepping import Decided, DueIncident
from upkeep.paging.deliver import Delivery, deliver_all
from upkeep.paging.page import make_page
from upkeep.paging.sender import Sender

if TYPE_CHECKING:
    from upkeep.catalog.models import System

BATCH = 200
"""Incidents and pages taken at once: as many as are sent together, well before the claim runs out."""

RECORD_EVERY = 10
"""Outcomes recorded in one transaction: a killed worker repeats at most so many pages, under their ids."""


@dataclass(frozen=True)
class Around:
    """What serving needs of the world around.

    system: the catalog's answer, or an UpkeepError; asked for each page, so it must be cheap the second time.
    senders: the channels of a system. clock: now, with time zone. base_url: Airflow's own, for links.
    """

    system: Callable[[str], System]
    senders: Callable[[str], Mapping[Channel, Sender]]
    clock: Callable[[], datetime]
    base_url: str


@dataclass
class Served:
    """What was done: steps decided, messages that a channel took, and those that none took."""

    steps: int = 0
    delivered: int = 0
    dead: int = 0


def serve(engine: Engine, around: Around) -> Served:
    """Take all steps that are due and send all pages that wait, until there is nothing left.

    Two at once share the work. A crash loses nothing: a step is applied with its pages in one transaction,
    and a page whose outcome was not recorded is sent again under the same id.
    """
    served = Served()
    failed: list[Page] = []
    while True:
        due = stepping.claim_due(engine, around.clock(), BATCH)
        served.steps += len(_decide(engine, due, around)) if due else 0
        waiting = outbox.claim_pages(engine, around.clock(), BATCH)
        pages = [(one, page_of(one, around)) for one in waiting]
        for sent in _batches(_send([page for _, page in pages], around), RECORD_EVERY):
            outbox.record_pages(engine, sent, around.clock())
            served.delivered += sum(one.delivered for one in sent)
            served.dead += sum(not one.delivered for one in sent)
        failed += _send_copies(engine, _copies(pages, around), around)
        if not due and not waiting:
            _send_copies(engine, failed, around, last=True)
            return served


def _decide(engine: Engine, due: Sequence[DueIncident], around: Around) -> Sequence[object]:
    now = around.clock()
    systems = {name: _known(name, around) for name in {one.incident.system for one in due}}
    standing_in = stand_ins(engine, sorted(systems), now)
    decided = []
    for one in due:
        name = one.incident.system
        decided.append(_step(one, systems[name], standing_in.get(name, []), now))
    return stepping.apply_steps(engine, decided, now)


def _step(due: DueIncident, system: System | None, standing_in: Sequence[StandIn], now: datetime) -> Decided:
    levels = enumerate(due.state.chain.levels)
    called = {n: on_call(system, level, standing_in, now) for n, level in levels}
    empty = [n for n, answer in called.items() if answer.person is None]
    return Decided(due, advance(due.state, now, empty), called)


def _known(name: str, around: Around) -> System | None:
    """Return a system, or None: the incident's own copy of its chain then says whom to page."""
    try:
        return around.system(name)
    except UpkeepError:
        return None


def _send(pages: Sequence[Page], around: Around) -> Iterator[outbox.Sent]:
    for message, delivery in _deliver(pages, around):
        yield _outcome(message.id, delivery)


def _deliver(pages: Sequence[Page], around: Around) -> Iterator[tuple[Page, Delivery]]:
    senders = {name: around.senders(name) for name in {page.system for page in pages}}
    for message, delivery in deliver_all(((page, senders[page.system]) for page in pages), at_once=BATCH):
        yield cast("Page", message), delivery


def _copies(pages: Sequence[tuple[Outgoing, Page]], around: Around) -> list[Page]:
    """Return copies of first pages for the other channels that the catalog names for what is critical."""
    copies = []
    for outgoing, page in pages:
        row = outgoing.page
        first = row.kind == "page" and row.level == row.round == row.series == 0
        system = _known(page.system, around) if first else None
        if system is None:
            continue
        others = [c for c in system.channels.by_state.get("critical", ()) if c != page.channels[0]]
        copies += [replace(page, id=uuid5(page.id, other), channels=(other,)) for other in others]
    return copies


def _send_copies(
    engine: Engine, copies: Sequence[Page], around: Around, *, last: bool = False
) -> Sequence[Page]:
    """Send copies once the pages are out, and return those that no channel took: they wake nobody.

    What fails is tried once more when all else is done (`last`), and is noted then.
    """
    tried = list(_deliver(copies, around))
    told = [
        outbox.Copy(page.incident_id, page.channels[0], delivery.delivered, delivery.error)
        for page, delivery in tried
        if delivery.delivered or last
    ]
    outbox.note_copies(engine, told, around.clock())
    return [page for page, delivery in tried if not delivery.delivered]


def page_of(outgoing: Outgoing, around: Around) -> Page:
    """Return the message for a page of the ledger."""
    row = outgoing.page
    return make_page(
        outgoing.incident,
        Due("reminder" if row.number else "page", row.level, row.round, row.series, row.number),
        page_id=row.id,
        person=Person(**row.contact),
        channels=cast("tuple[Channel, ...]", tuple(row.channels)),  # as the catalog allowed them
        system=_known(outgoing.incident.system, around),
        base_url=around.base_url,
        kind=cast("PageKind", row.kind),
    )


def _outcome(page_id: UUID, delivery: Delivery) -> outbox.Sent:
    return outbox.Sent(
        page_id=page_id,
        delivered=delivery.delivered,
        channel=delivery.channel,
        target=delivery.target or None,
        attempts=delivery.attempts,
        failures=tuple((one.channel, one.text) for one in delivery.outcomes if not one.delivered),
    )


def _batches(sent: Iterable[outbox.Sent], size: int) -> Iterator[list[outbox.Sent]]:
    batch: list[outbox.Sent] = []
    for one in sent:
        batch.append(one)
        if len(batch) >= size:
            yield batch
            batch = []
    if batch:
        yield batch
