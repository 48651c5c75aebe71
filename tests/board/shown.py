"""The board as a test writes it into a ledger, and as a person reads it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

from sqlalchemy import Engine
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
