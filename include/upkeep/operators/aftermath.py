"""What follows from a run's findings once it is over: what recovered resolves, warnings go to the digest."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from urllib.parse import quote

from upkeep.findings import State

if TYPE_CHECKING:
    from upkeep.incidents.model import Channel
    from upkeep.incidents.signals import RunOf
    from upkeep.ledger.tables import FindingRow
    from upkeep.paging.sender import Sender

log = logging.getLogger(__name__)

LOOK_BACK = timedelta(days=1)
"""How old the report of a digest that was cut off may be: older news is none."""

IN_HAND = timedelta(minutes=5)
"""How long the run's own task may take from its report to its messages."""


def resolve_what_recovered(run: RunOf, found: Sequence[FindingRow], *, complete: bool) -> Sequence[object]:
    """Resolve the incidents whose reasons this run shows to be gone, and have those who were paged told.

    found: the run's findings in force. complete: the run was asked for everything, and every procedure of
    it succeeded.
    """
    from upkeep.ledger.recovery import resolve_recovered
    from upkeep.operators.escalation import wake_soon
    from upkeep.operators.ledger import ledger_engine

    # A warning is not what the page was about; an unknown may still be it.
    well = {row.check_id for row in found if row.state in (State.OK, State.WARNING)}
    resolved = resolve_recovered(
        ledger_engine(),
        run.system,
        run.dag_id,
        ok_checks=well,
        still_wrong={row.check_id for row in found} - well,
        complete=complete,
        now=datetime.now(UTC),
    )
    if resolved:
        log.info("resolved: %s", ", ".join(map(str, resolved)))
        wake_soon()
    return resolved


def send_digest(run: RunOf, routine: str, ways: Mapping[Channel, Sender]) -> None:
    """Send the run's warnings once, in one message for each channel; nothing where there are none."""
    from airflow.sdk.configuration import conf

    from upkeep.catalog.compiled import Catalog
    from upkeep.ledger import digests, reads
    from upkeep.operators.ledger import ledger_engine
    from upkeep.paging.deliver import AFTER_A_RUN, deliver_all
    from upkeep.paging.digest import digests_of

    engine = ledger_engine()
    warned = [row for row in reads.findings(engine, run.dag_id, run.run_id) if row.state == State.WARNING]
    if not warned or digests.is_sent(engine, run.dag_id, run.run_id):
        return
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    report = f"{base}/upkeep/reports/{quote(run.dag_id, safe='')}/{quote(run.run_id, safe='')}"
    system = Catalog().system(run.system)
    messages = digests_of(run, system, routine, warned, {"report": report})
    sent = deliver_all(((message, ways) for message in messages), AFTER_A_RUN)
    outcomes = [delivery for _, delivery in sent]
    taken = [str(delivery.channel) for delivery in outcomes if delivery.delivered]
    # A channel on which nobody has an address is not used, as long as another one has taken it.
    errors = [one.error for one in outcomes if not (one.delivered or (taken and one.unaddressed))]
    for error in errors:
        log.warning("the digest was not delivered: %s", error)
    digests.record(
        engine,
        run.dag_id,
        run.run_id,
        channels=taken,
        errors=errors,
        now=datetime.now(UTC),
    )


def send_digests_cut_off(now: datetime) -> int:
    """Send the digests that were planned and whose sending was cut off; return how many those were."""
    from upkeep.catalog.compiled import Catalog
    from upkeep.incidents.signals import RunOf
    from upkeep.ledger import digests
    from upkeep.notifiers.senders import senders
    from upkeep.operators.ledger import ledger_engine

    found = digests.cut_off(ledger_engine(), now - LOOK_BACK, now - IN_HAND)
    for row in found:
        owner = next((plan.owner for plan in Catalog().plans(dag_id=row.dag_id)), "")
        run = RunOf(row.system, row.dag_id, row.run_id, row.run_type, owner)
        send_digest(run, row.routine, senders(row.system))
    return len(found)
