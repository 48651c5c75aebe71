"""Which runs of many routines the ledger takes for the newest, and which for complete."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from upkeep.errors import ConfigurationError
from upkeep.ledger import writes
from upkeep.ledger.overview import Overview, Wanted, overview
from upkeep.ledger.writes import RunRecord

AT = datetime(2026, 3, 4, 9, tzinfo=UTC)
DAY = timedelta(days=1)
RUN = RunRecord("shop_daily", "run 1", "shop", "daily", "scheduled", AT, AT - DAY, False, [], AT)
SHOP = Wanted("shop_daily", "shop", "daily", acts=False)


def record(ledger: Engine, run: RunRecord, *, report: bool = True) -> None:
    writes.record_run(ledger, run)
    if report:
        writes.record_report(ledger, run.dag_id, run.run_id, "# A report", "<p>A report</p>")


def known(ledger: Engine, *wanted: Wanted) -> Overview:
    return overview(ledger, wanted, AT - DAY)


def complete(ledger: Engine, wanted: Wanted = SHOP) -> str | None:
    run = known(ledger, wanted).complete.get(wanted.dag_id)
    return run.run_id if run else None


def test_each_routine_has_its_own_newest_run(ledger: Engine) -> None:
    bank = replace(RUN, dag_id="bank_daily", system="bank")
    for days in (2, 3, 1):
        record(ledger, replace(RUN, run_id=f"run {days}", as_of=AT + days * DAY))
        record(ledger, replace(bank, run_id=f"run {days}", as_of=AT - days * DAY))

    both = known(ledger, SHOP, Wanted("bank_daily", "bank", "daily", acts=False))

    newest = {dag_id: run.run_id for dag_id, run in both.newest.items()}
    assert newest == {"shop_daily": "run 3", "bank_daily": "run 1"}


def test_of_two_runs_of_one_moment_the_later_start_is_newer(ledger: Engine) -> None:
    record(ledger, replace(RUN, run_id="again", started_at=AT + DAY))
    record(ledger, RUN)

    assert known(ledger, SHOP).newest["shop_daily"].run_id == "again"


@pytest.mark.parametrize("change", [{"procedures": ["gaps"]}, {"dry_run": True}])
@pytest.mark.parametrize("acts", [False, True])
def test_a_complete_run_did_everything(ledger: Engine, change: dict[str, object], acts: bool) -> None:
    record(ledger, RUN)
    record(ledger, replace(RUN, run_id="newer", as_of=AT + DAY, **change))

    dry_run_of_a_review = "dry_run" in change and not acts
    assert complete(ledger, replace(SHOP, acts=acts)) == ("newer" if dry_run_of_a_review else "run 1")


def test_a_run_is_complete_once_it_has_its_report(ledger: Engine) -> None:
    record(ledger, RUN, report=False)

    assert complete(ledger) is None
    assert known(ledger, SHOP).reported == set()

    record(ledger, RUN)
    assert complete(ledger) == "run 1"
    assert known(ledger, SHOP).reported == {("shop_daily", "run 1")}


def test_no_routines_and_unknown_ones_are_empty(ledger: Engine) -> None:
    record(ledger, RUN)

    assert known(ledger).newest == {}
    assert known(ledger, Wanted("bank_daily", "bank", "daily", acts=False)).newest == {}


def test_a_ledger_without_tables_says_what_to_do(empty_database: Engine) -> None:
    with pytest.raises(ConfigurationError, match="upkeep ledger migrate"):
        known(empty_database, SHOP)
