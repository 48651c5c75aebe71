"""What a person reads on the board, of a real ledger and a small catalog."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin

import pytest
from sqlalchemy import Engine, event
from tests.airflow.shop import SHOP

from upkeep.board.pages import board_page
from upkeep.catalog.compiled import Catalog
from upkeep.findings import Finding, State
from upkeep.ledger import writes
from upkeep.ledger.writes import RunRecord, TaskKey

AT = datetime(2026, 3, 4, 9, tzinfo=UTC)
"""When the shop's daily review is due; it has an hour."""
SOON = AT + timedelta(minutes=30)
DAY = timedelta(days=1)
TASKS = ("error_rates", "certificates", "gaps")
RUN = RunRecord("shop_daily", "scheduled__1", "shop", "daily", "scheduled", AT, AT - DAY, False, [], AT)


class Page(HTMLParser):
    """A page's text, one line per block, its links, and its routines' texts."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.html, self.text, self.links = html, "", dict[str, list[str]]()
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self._quiet = False
        self._href = ""
        self.feed(html)
        self.close()
        self.lines = [" ".join(line.split()) for line in self.text.split("\f")]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._quiet = tag == "style"
        self._href = dict(attrs).get("href") or ""
        if tag in ("p", "div", "article", "section", "h1", "h2", "h3", "li", "summary"):
            self.text += "\f"

    def handle_endtag(self, tag: str) -> None:
        self._quiet = self._quiet and tag != "style"
        self._href = "" if tag == "a" else self._href

    def handle_data(self, data: str) -> None:
        self.text += "" if self._quiet else data
        if self._href:
            self.links.setdefault(data, []).append(self._href)

    def badges(self) -> list[str]:
        return re.findall(r'class="badge [^"]*">(.*?)</span>', self.html)

    def colours(self) -> list[str | None]:
        """The classes of the header's and the systems' cards."""
        return [attrs.get("class") for tag, attrs in self.tags if tag in ("header", "section")]


@dataclass
class Board:
    """A ledger, and a catalog in a folder."""

    ledger: Engine
    folder: Path
    dag_ids: set[str] = field(default_factory=lambda: {"shop_daily"})

    def page(self, now: datetime = SOON) -> Page:
        return Page(board_page(self.ledger, Catalog(), self.dag_ids, now))

    def add_system(self, system_id: str, title: str) -> None:
        text = SHOP.replace("title: Shop\n", f"title: {title}\n", 1).replace(
            "shop/daily", f"{system_id}/daily"
        )
        (self.folder / f"{system_id}.yaml").write_text(text, encoding="utf-8")

    def open(self, run: RunRecord = RUN) -> None:
        writes.record_run(self.ledger, run)

    def found(self, run: RunRecord, task_id: str, *states: State) -> None:
        findings = [
            Finding(
                check=f"check_{n}", state=state, summary=f"it is {state}", source="prometheus: x",
                observed_at=run.as_of, reason="no data" if state is State.UNKNOWN else None,
            )
            for n, state in enumerate(states)
        ]  # fmt: skip
        self.task(run, task_id, findings)

    def task(
        self,
        run: RunRecord,
        task_id: str,
        findings: list[Finding],
        left_out: str | None = None,
        attempt: int = 1,
    ) -> None:
        key = TaskKey(run.dag_id, run.run_id, task_id, attempt)
        procedure = f"{run.system}/daily/{task_id}"
        writes.record_task(
            self.ledger, key, findings, system=run.system, procedure_id=procedure, left_out=left_out
        )

    def close(self, run: RunRecord = RUN) -> None:
        writes.record_report(self.ledger, run.dag_id, run.run_id, "# A report", "<p>A report</p>")

    def complete(self, run: RunRecord = RUN, state: State = State.OK) -> None:
        self.open(run)
        for task_id in TASKS:
            self.found(run, task_id, state)
        self.close(run)


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

    assert list(board.page().links) == ["Run in Airflow"]


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
