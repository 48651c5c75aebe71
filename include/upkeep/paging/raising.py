"""Raising an incident: choosing its chain, and what to do when the ledger cannot keep it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from sqlalchemy import Engine

from upkeep.incidents.chains import choose
from upkeep.incidents.model import Signal
from upkeep.incidents.oncall import on_call
from upkeep.incidents.steps import Due
from upkeep.incidents.windows import covered
from upkeep.ledger.incident_rows import STORM
from upkeep.ledger.incidents import Opened, Storm, open_or_fold
from upkeep.paging.deliver import Delivery, deliver
from upkeep.paging.page import make_page
from upkeep.paging.serving import Around

if TYPE_CHECKING:
    from upkeep.catalog.models import System


def raise_signal(engine: Engine, signal: Signal, system_of: Callable[[str], System], now: datetime) -> Opened:
    """Open an incident for a signal, or fold it into an open one.

    Raises TemporaryError where the ledger does not answer, ConfigurationError where the catalog does not
    know the system.
    """
    system = system_of(signal.system)
    chain = choose(system, signal.issue_type, signal.symptom, signal.severity)
    storm = Storm(system.escalation.storm_incidents, choose(system, STORM, None, signal.severity))
    quiet = covered(system.calendar, now)
    return open_or_fold(engine, signal, chain, now=now, storm=storm, quiet=quiet)


def page_directly(signal: Signal, around: Around) -> Delivery:
    """Page the first level that has somebody, without a ledger: unfolded, and regardless of windows.

    The page has the id, and its incident the key, that they get when the ledger learns of the same event.
    The delivery has the outcomes of every level that was tried.
    """
    system = around.system(signal.system)
    chain = choose(system, signal.issue_type, signal.symptom, signal.severity)
    now = around.clock()
    delivery = Delivery(delivered=False, outcomes=())
    for number, level in enumerate(chain.levels):
        person = on_call(system, level, [], now).person
        if person is None or (level.only_major and signal.severity != "P0"):
            continue
        place = Due("page", number, 0, 0)
        page = make_page(
            signal,
            place,
            page_id=place.page_id(signal.incident_id),
            person=person,
            channels=level.channels,
            system=system,
            base_url=around.base_url,
        )
        tried = deliver(page, around.senders(signal.system))
        delivery = Delivery(tried.delivered, (*delivery.outcomes, *tried.outcomes))
        if delivery.delivered:
            break
    return delivery
