"""The operator of a wake-up, and how anything of the suite raises an incident."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING

from airflow.sdk import BaseOperator

from upkeep.errors import TemporaryError, UpkeepError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from upkeep.incidents.model import Signal
    from upkeep.ledger.incidents import Opened
    from upkeep.paging.serving import Around

log = logging.getLogger(__name__)


class Escalate(BaseOperator):
    """Take every step that is due, send every page that waits, ask for the run that the next step needs."""

    ui_color = "#fee2e2"

    def execute(self, context: Context) -> dict[str, int]:  # noqa: ARG002
        """Return how many steps were decided, messages delivered, and dead letters."""
        from dataclasses import asdict

        from upkeep.operators.ledger import ledger_engine
        from upkeep.paging.serving import serve

        served = serve(ledger_engine(), around())
        wake_next()
        if served.dead:
            self.log.error("%s messages were taken by no channel: see the board", served.dead)
        return asdict(served)


def around() -> Around:
    """Return what serving needs of Airflow and the catalog, each system looked up once: for one wake-up."""
    from airflow.sdk.configuration import conf

    from upkeep.catalog.compiled import Catalog
    from upkeep.notifiers.connections import Connections
    from upkeep.notifiers.senders import senders
    from upkeep.paging.serving import Around

    connections = Connections()
    return Around(
        system=cache(Catalog().system),
        senders=cache(lambda system: senders(system, connections)),
        clock=lambda: datetime.now(UTC),
        base_url=conf.get("api", "base_url", fallback=""),
    )


def wake_next() -> None:
    """Ask for a run at the time of the next step of any incident."""
    from upkeep.ledger.stepping import next_wake
    from upkeep.operators.ledger import ledger_engine

    if (due := next_wake(ledger_engine())) is not None:
        wake_at(due)


def wake_at(due: datetime) -> None:
    """Ask for a run of the escalation DAG. Raises UpkeepError where Airflow's API does not take it."""
    from upkeep.clients.airflow_api import AirflowApi
    from upkeep.operators.watchdog import airflow_login
    from upkeep.runs.wakeups import wake

    with AirflowApi(airflow_login()) as api:
        wake(api, due, datetime.now(UTC))


def raise_signals(*signals: Signal | None) -> None:
    """Open or fold an incident for each signal, and have what is new paged at once.

    With the ledger down the first level is paged directly, under the ids that the incident will have when
    the watchdog finds the same event again. What Airflow's API does not take, the watchdog wakes.

    Raises TemporaryError, once all signals had their turn, where not even a direct page reached somebody.
    """
    world, opened, unheard = around(), False, []
    for signal in signals:
        if signal is not None:
            try:
                opened |= _raise_one(signal, world)
            except TemporaryError as e:
                unheard.append(str(e))
    if opened:
        wake_soon()
    if unheard:
        raise TemporaryError("; ".join(unheard))


def raise_or_fail(signal: Signal) -> Opened:
    """Open or fold an incident and have it paged. Raises UpkeepError: a person waits for the answer."""
    from upkeep.operators.ledger import ledger_engine
    from upkeep.paging.raising import raise_signal

    opened = raise_signal(ledger_engine(), signal, around().system, datetime.now(UTC))
    wake_soon()
    return opened


def wake_soon() -> None:
    """Ask for a run at once; where Airflow's API does not take it, the watchdog does within a minute."""
    try:
        wake_at(datetime.now(UTC))
    except UpkeepError as e:
        log.warning("the escalation waits for the watchdog's next minute: %s", e)


def _raise_one(signal: Signal, world: Around) -> bool:
    """Return whether there is somebody to page now."""
    from upkeep.operators.ledger import ledger_engine
    from upkeep.paging.raising import raise_signal

    try:
        opened = raise_signal(ledger_engine(), signal, world.system, datetime.now(UTC))
    except TemporaryError as e:
        log.error("the ledger does not answer, so the first level is paged directly: %s", e)  # noqa: TRY400
        _page_or_fail(signal, world, e)
        return False
    except UpkeepError:
        log.exception("no incident could be opened for %s", signal.event_id)
        return False
    log.info("incident %s: %s: %s", opened.incident_id, opened.outcome, signal.title)
    return opened.outcome in ("opened", "folded")


def _page_or_fail(signal: Signal, world: Around, why: UpkeepError) -> None:
    from upkeep.operators.ledger import LEDGER_CONNECTION
    from upkeep.paging.raising import page_directly

    delivery = page_directly(signal, world)
    if not delivery.delivered:
        raise TemporaryError(
            f"nobody was paged for {signal.title!r} of {signal.system}: the ledger does not answer ({why}), "
            f"and no channel took the page that was sent directly ({delivery.error}). Look at the database "
            f"of the connection {LEDGER_CONNECTION!r}, and at the connections of the channels"
        )
    log.warning("%s: paged by %s", signal.title, delivery.channel)
