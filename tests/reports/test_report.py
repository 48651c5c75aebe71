"""What a report says, in which order, and what it never says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from upkeep.catalog.compiled import Catalog
from upkeep.errors import ConfigurationError
from upkeep.ledger.tables import FindingRow, Run, Skip
from upkeep.reports.build import Report, build
from upkeep.reports.facts import CatalogFacts, Link, ProcedureFacts, RunbookFacts, facts_of
from upkeep.reports.sparkline import Points

AT = datetime(2026, 3, 4, 8, tzinfo=UTC)
FACTS = CatalogFacts(
    system_title="Shop",
    routine_title="Daily review",
    owner="SRE (sre@example.com)",
    timezone="Europe/Berlin",
    procedures=[
        ProcedureFacts("error_rates", "shop/daily/error-rates", "Error rates", "5xx share of requests"),
        ProcedureFacts("backups", "shop/daily/backups", "Backups", "Last night's snapshot"),
    ],
    dashboards=[Link("Overview", "https://grafana.example.com/d/1", "Health")],
    runbooks={"errors": RunbookFacts("Too many errors", ["Look at the endpoints"], ["Roll back"])},
)
VOID = {"meta", "br", "hr", "img", "input", "link"}


def run(**changes: Any) -> Run:
    values: dict[str, Any] = {
        "dag_id": "shop_daily", "run_id": "manual__1", "system": "shop", "routine": "daily",
        "run_type": "manual", "as_of": AT, "since": AT - timedelta(days=1), "dry_run": True,
        "procedures": [], "started_at": AT,
    }  # fmt: skip
    return Run(**values | changes)


def finding(check: str, state: str = "ok", **changes: Any) -> FindingRow:
    values: dict[str, Any] = {
        "dag_id": "shop_daily", "run_id": "manual__1", "task_id": "error_rates", "map_index": -1,
        "attempt": 1, "system": "shop", "procedure_id": "shop/daily/error-rates",
        "check_id": check, "position": 0,
        "state": state, "summary": f"{check} is {state}", "value": 0.004, "unit": "ratio",
        "limit_text": "> 1 %",
        "limit_value": 0.01, "source": "prometheus: up", "observed_at": AT, "reason": None,
        "evidence": {}, "runbook": None, "superseded_at": None,
    }  # fmt: skip
    return FindingRow(**values | changes)


def report(
    findings: Sequence[FindingRow] = (),
    skips: Sequence[Skip] = (),
    history: dict[str, Points] | None = None,
    **changes: Any,
) -> Report:
    return build(run(**changes), findings, skips, history or {}, FACTS)


def skip(task_id: str, reason: str) -> Skip:
    return Skip(dag_id="shop_daily", run_id="manual__1", task_id=task_id, map_index=-1,
                procedure_id=f"shop/daily/{task_id}", reason=reason)  # fmt: skip


class Page(HTMLParser):
    """The tags of a page, and whether they close in order."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_worst_comes_first_among_procedures_and_within_one() -> None:
    shown = report(
        [
            finding("fine"),
            finding("late", "warning"),
            finding("broken", "critical"),
            finding("old", "critical", task_id="backups", procedure_id="shop/daily/backups"),
            finding("silent", "unknown", value=None, reason="no data"),
        ]
    )

    for text in (shown.markdown, shown.html):
        places = [text.index(f"{check} is") for check in ("broken", "late", "silent", "fine")]
        assert places == sorted(places)
    assert "2 critical, 1 warning, 1 unknown, 1 ok" in shown.markdown


def test_no_data_reads_as_unknown_with_its_reason_and_never_as_a_number() -> None:
    shown = report([finding("silent", "unknown", value=None, reason="the server refused", limit_value=None)])

    assert "the server refused" in shown.html
    assert "| unknown | silent is unknown: the server refused |  |" in shown.markdown
    assert "0 %" not in shown.html


def test_a_procedure_that_recorded_nothing_is_unknown() -> None:
    shown = report([finding("fine")])

    assert "## Backups: unknown" in shown.markdown
    assert "No result was recorded" in shown.html
    assert "1 procedure without a result" in shown.html


def test_what_was_skipped_says_why() -> None:
    reason = "reads the present, and this is a backfill"
    shown = report([finding("fine")], [skip("backups", reason)])

    assert "## Backups: skipped" in shown.markdown
    assert reason in shown.markdown
    assert reason in shown.html
    assert "without a result" not in shown.html


def test_what_was_not_asked_for_is_not_missed() -> None:
    shown = report([finding("fine")], procedures=["error_rates"])

    assert "## Backups: not asked for" in shown.markdown
    assert "Daily review: ok" in shown.markdown


def test_a_run_in_which_nothing_was_checked_is_not_ok() -> None:
    shown = report([], [skip("error_rates", "x"), skip("backups", "x")])

    assert "Daily review: ok" not in shown.markdown
    assert "no findings; 2 procedures skipped" in shown.markdown


def test_values_stand_against_limits_in_human_units_and_times_in_the_systems_zone() -> None:
    shown = report([finding("slow", "warning", value=0.0100004, observed_at=AT)])

    assert "1.00004 %" in shown.html
    assert "limit &gt; 1 %" in shown.html
    assert "2026-03-04 09:00 Europe/Berlin (08:00 UTC)" in shown.html


def test_what_to_do_is_on_the_page_for_what_needs_it_only() -> None:
    assert "Roll back" in report([finding("broken", "critical", runbook="errors")]).html
    assert "Roll back" not in report([finding("fine", runbook="errors")]).html


def test_the_page_needs_nothing_but_itself() -> None:
    history = {"fine": [(AT - timedelta(days=n), 0.001 * n) for n in range(9, 0, -1)]}
    shown = report([finding("fine", evidence={"a": 1})], history=history)
    page = Page(shown.html)

    assert page.open == []
    names = {tag for tag, _ in page.tags}
    assert "svg" in names
    assert not names & {"script", "link", "img", "iframe", "object", "form"}
    assert not any(key.startswith("on") or key == "src" for _, attrs in page.tags for key in attrs)
    assert "url(" not in shown.html


def test_the_same_input_gives_the_same_bytes() -> None:
    assert report([finding("a"), finding("b", "critical")]) == report(
        [finding("a"), finding("b", "critical")]
    )


def test_only_web_addresses_are_linked() -> None:
    shown = report([finding("broken", "critical", runbook="javascript:alert(1)")])

    assert 'href="javascript' not in shown.html
    assert (
        'href="https://wiki.example.com/x"'
        in report([finding("broken", "critical", runbook="https://wiki.example.com/x")]).html
    )


@given(st.text(), st.text(), st.text())
def test_nothing_that_was_found_can_write_markup(summary: str, reason: str, key: str) -> None:
    hostile = f"<script>alert(1)</script><b onclick=x>{summary}"
    row = finding(
        hostile, "unknown", value=None, summary=hostile, reason=hostile + reason, source=hostile,
        evidence={key: hostile}, runbook=hostile,
    )  # fmt: skip
    shown = report([row])

    names = [tag for tag, _ in Page(shown.html).tags]
    assert "script" not in names
    assert "b" not in names
    rendered = MarkdownIt("commonmark", {"html": True}).enable("table").render(shown.markdown)
    assert "<script" not in rendered
    assert "<b " not in rendered


@given(
    st.lists(
        st.tuples(
            st.datetimes(datetime(2026, 1, 1), datetime(2026, 3, 1), timezones=st.just(UTC)),  # noqa: DTZ001
            st.floats(allow_nan=False, allow_infinity=False),
        )
    ),
    st.none() | st.floats(allow_nan=False, allow_infinity=False),
)
def test_any_history_draws_inside_its_frame(
    points: list[tuple[datetime, float]], limit: float | None
) -> None:
    shown = report([finding("fine", limit_value=limit)], history={"fine": sorted(points)})

    assert Page(shown.html).open == []
    drawing = shown.html.partition("<svg")[2].partition("</svg>")[0]
    assert "nan" not in drawing.partition("</title>")[2]
    assert "inf" not in drawing.partition("</title>")[2]


@pytest.mark.parametrize("system_id", Catalog().system_ids())
def test_the_facts_of_every_system_that_ships_make_a_report(system_id: str) -> None:
    system = Catalog().system(system_id)
    for routine in system.routines:
        facts = facts_of(system, routine.name)
        shown = build(run(), [], [], {}, facts)
        assert [procedure.task_id for procedure in facts.procedures] == [
            u.task_id for u in routine.procedures
        ]
        assert Page(shown.html).open == []
    with pytest.raises(ConfigurationError, match="it has"):
        facts_of(system, "never")
