"""What a person reads on the board, of a real ledger and a small catalog."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest
from sqlalchemy import Engine, event
from tests.airflow.shop import SHOP
from tests.board.shown import AT, DAY, RUN, Board

from upkeep.findings import Finding, State
from upkeep.ledger import writes


@pytest.fixture
def board(ledger: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Board:
    folder = tmp_path / "systems"
    folder.mkdir()
    monkeypatch.setenv("UPKEEP_SYSTEMS", str(folder))
    monkeypatch.setenv("UPKEEP_CACHE", str(tmp_path / "cache"))
    (folder / "shop.yaml").write_text(SHOP, encoding="utf-8")
    return Board(ledger, folder)


def test_a_run_is_shown_with_its_moment_and_its_findings_worst_first(board: Board) -> None:
    board.open()
    board.found(RUN, "error_rates", State.OK, State.UNKNOWN, State.CRITICAL, State.OK)
    board.found(RUN, "certificates", State.WARNING, State.OK)
    board.found(RUN, "gaps", State.OK)
    board.close()

    page = board.page()

    assert "Newest run 2026-03-04 09:00 UTC scheduled" in page.lines
    start = page.lines.index("✕ 1 critical")
    assert page.lines[start : start + 4] == ["✕ 1 critical", "▲ 1 warning", "? 1 unknown", "✓ 4 ok"]
    assert page.badges() == ["✕ critical"]
    assert "1 routine: 1 critical" in page.lines


def test_findings_of_an_earlier_attempt_do_not_count(board: Board) -> None:
    board.complete()
    board.found(RUN, "gaps", State.CRITICAL)
    again = Finding(check="check_0", state=State.OK, summary="fine", source="x", observed_at=AT)
    board.task(RUN, "gaps", [again], attempt=2)

    assert board.page().badges() == ["✓ ok"]


def test_a_procedure_without_a_result_keeps_a_run_from_looking_ok(board: Board) -> None:
    board.open()
    board.found(RUN, "error_rates", State.OK)
    board.task(RUN, "gaps", [], left_out="reads the present")
    board.close()

    page = board.page()

    assert "? no result: Certificates" in page.lines
    assert "– skipped: Gaps" in page.lines
    assert page.badges() == ["? unknown"]
    assert page.colours() == ["card unknown", "card unknown"]


def test_an_unknown_finding_keeps_a_run_from_looking_ok(board: Board) -> None:
    board.complete()
    board.found(RUN, "gaps", State.UNKNOWN)

    assert board.page().badges() == ["? unknown"]


def test_a_run_that_found_nothing_at_all_is_unknown(board: Board) -> None:
    board.open()
    board.close()

    page = board.page()

    assert "? no result: Error rates, Certificates, Gaps" in page.lines
    assert page.badges() == ["? unknown"]


def test_a_routine_that_never_ran_says_so(board: Board) -> None:
    page = board.page()

    assert "It never ran: the ledger has no run of this routine." in page.lines
    assert page.badges() == ["? never ran"]
    assert page.colours() == ["card unknown", "card unknown"]
    assert "1 routine: 1 never ran" in page.lines


@pytest.mark.parametrize(
    ("after", "badges"),
    [
        (timedelta(hours=1), ["✓ ok"]),
        (DAY + timedelta(hours=1), ["✓ ok"]),
        (DAY + timedelta(hours=1, seconds=1), ["! late"]),
    ],
)
def test_a_routine_is_late_once_the_deadline_after_its_last_run_has_passed(
    board: Board, after: timedelta, badges: list[str]
) -> None:
    board.complete()

    page = board.page(AT + after)

    assert page.badges() == badges
    said = "due 2026-03-05 09:00 UTC, deadline 2026-03-05 10:00 UTC"
    assert any(said in line for line in page.lines) == (badges == ["! late"])


def test_late_hides_nothing_worse(board: Board) -> None:
    board.complete(state=State.CRITICAL)

    assert board.page(AT + 2 * DAY).badges() == ["✕ critical", "! late"]


def test_a_run_under_way_is_shown_beside_the_complete_one_before_it(board: Board) -> None:
    board.complete()
    running = replace(RUN, run_id="scheduled__2", as_of=AT + DAY)
    board.open(running)

    page = board.page(AT + DAY + timedelta(minutes=1))

    assert "Newest run 2026-03-05 09:00 UTC scheduled, without a report yet" in page.lines
    assert "No result yet: Error rates, Certificates, Gaps" in page.lines
    assert "Newest complete run 2026-03-04 09:00 UTC scheduled" in page.lines
    assert page.badges() == ["✓ ok"]
    board.found(running, "gaps", State.CRITICAL)
    assert board.page(AT + DAY + timedelta(minutes=1)).badges() == ["✕ critical"]


def test_a_run_that_never_ends_makes_its_routine_late(board: Board) -> None:
    board.complete()
    board.open(replace(RUN, run_id="scheduled__2", as_of=AT + DAY))

    assert board.page(AT + DAY + timedelta(hours=2)).badges() == ["! late"]


def test_a_first_run_that_has_not_ended_is_not_ok(board: Board) -> None:
    board.open()
    board.found(RUN, "gaps", State.OK)

    assert board.page().badges() == ["? unknown"]


def test_a_part_of_a_routine_neither_hides_nor_replaces_the_whole(board: Board) -> None:
    board.complete(state=State.WARNING)
    part = replace(
        RUN, run_id="manual__1", run_type="manual", as_of=AT + 3 * DAY, dry_run=True, procedures=["gaps"]
    )
    board.open(part)
    board.found(part, "gaps", State.OK)
    board.close(part)

    page = board.page(AT + 3 * DAY)

    assert "Newest run 2026-03-07 09:00 UTC manual, dry run" in page.lines
    assert "– not asked for: Error rates, Certificates" in page.lines
    assert "Newest complete run 2026-03-04 09:00 UTC scheduled" in page.lines
    assert page.badges() == ["▲ warning", "! late"]


def test_a_run_of_an_earlier_moment_does_not_replace_a_newer_one(board: Board) -> None:
    board.complete()
    backfill = replace(
        RUN,
        run_id="backfill__1",
        run_type="backfill",
        as_of=AT - 9 * DAY,
        started_at=AT + timedelta(minutes=5),
    )
    board.complete(backfill, State.CRITICAL)

    page = board.page()

    assert page.badges() == ["✓ ok"]
    assert "backfill" not in page.html


def test_missed_deadlines_of_the_last_seven_days_are_listed_latest_first(board: Board) -> None:
    board.complete()
    for days in (9, 6, 2):
        writes.record_deadline_miss(
            board.ledger, dag_id="shop_daily", run_id=f"run {days}", system="shop", routine="daily",
            owner="sre", deadline_at=AT - days * DAY, allowed_seconds=3600,
        )  # fmt: skip

    page = board.page()

    assert "2 missed deadlines in the last 7 days" in page.lines
    assert page.lines.index("2026-03-02 09:00 UTC") < page.lines.index("2026-02-26 09:00 UTC")
    assert "2026-02-23 09:00 UTC" not in page.text
    assert page.links["2026-03-02 09:00 UTC"] == ["../dags/shop_daily/runs/run%202"]


@pytest.mark.parametrize("base", ["http://localhost", "https://example.com/ops/airflow"])
def test_links_lead_to_the_report_and_to_the_run_under_any_base_path(board: Board, base: str) -> None:
    run_id = "scheduled__2026-03-04T09:00:00+00:00"
    board.complete(replace(RUN, run_id=run_id))

    page = board.page()

    here = f"{base}/upkeep/"
    (report,), (run,) = page.links["Report"], page.links["Run in Airflow"]
    assert "+" not in report + run
    assert unquote(urljoin(here, report)) == f"{base}/upkeep/reports/shop_daily/{run_id}"
    assert unquote(urljoin(here, run)) == f"{base}/dags/shop_daily/runs/{run_id}"
    assert not [attrs for _, attrs in page.tags if "target" in attrs]


def test_a_run_without_a_report_has_no_link_to_one(board: Board) -> None:
    board.open()

    assert list(board.page().links) == ["No open incident", "Run in Airflow"]


def test_systems_and_routines_come_worst_first(board: Board) -> None:
    board.add_system("alpha", "Alpha")
    board.dag_ids |= {"shop_slow", "alpha_daily"}
    board.complete(replace(RUN, dag_id="alpha_daily", system="alpha"))
    board.complete(state=State.CRITICAL)

    page = board.page()

    assert page.badges() == ["✕ critical", "? never ran", "✓ ok"]
    assert page.text.index("Shop: Daily review") < page.text.index("Alpha: Daily review")
    assert "3 routines: 1 critical, 1 never ran, 1 ok" in page.lines


def test_a_dag_that_the_user_may_not_read_is_absent(board: Board) -> None:
    board.add_system("secret", "Hidden")
    board.complete()
    board.complete(replace(RUN, dag_id="secret_daily", system="secret"), State.CRITICAL)

    page = board.page()

    assert page.badges() == ["✓ ok"]
    for word in ("secret", "Hidden", "shop_slow"):
        assert word not in page.html
    board.dag_ids = set()
    assert "There is no routine that you may read" in board.page().lines
    assert "shop" not in board.page().html


def test_what_others_wrote_is_shown_and_never_run(board: Board) -> None:
    nasty = "<script>alert(1)</script>"
    board.add_system("nasty", f'"{nasty}"')
    board.dag_ids = {"nasty_daily"}
    run = replace(RUN, dag_id="nasty_daily", system="nasty", run_id='"><img src=x onerror=y>', run_type=nasty)
    board.complete(run)
    board.task(run, nasty, [], left_out=nasty)

    page = board.page()

    assert f"{nasty}: Daily review nasty_daily" in page.lines
    assert not {"script", "img", "link", "iframe", "form"} & {tag for tag, _ in page.tags}
    assert not [name for _, attrs in page.tags for name in attrs if name.startswith("on")]
    assert not re.search(r"url\(|@import|https?://", page.html)


def test_the_same_state_gives_the_same_page(board: Board) -> None:
    board.complete()

    assert board.page().html == board.page().html


def test_many_routines_take_as_many_questions_as_one(board: Board) -> None:
    def asked() -> int:
        with statements(board.ledger) as seen:
            board.page()
        return len(seen)

    board.complete()
    one = asked()
    for n in range(8):
        board.add_system(f"copy{n}", f"Copy {n}")
        board.dag_ids.add(f"copy{n}_daily")
        board.complete(replace(RUN, dag_id=f"copy{n}_daily", system=f"copy{n}"))

    assert asked() == one <= 6


@contextmanager
def statements(engine: Engine) -> Iterator[list[str]]:
    seen: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    yield seen
    event.remove(engine, "before_cursor_execute", note)
