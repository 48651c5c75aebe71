"""Makes a report from what the ledger knows of a run. The same input gives the same bytes."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from upkeep.catalog.places import TEMPLATES
from upkeep.ledger.tables import FindingRow, Run, Skip
from upkeep.reports.facts import CatalogFacts
from upkeep.reports.sparkline import Points, sparkline
from upkeep.reports.view import view

SIGNS = {
    "critical": "✕",
    "warning": "▲",
    "unknown": "?",
    "ok": "✓",
    "skipped": "–",
    "not asked for": "–",
}
"""A state is told by sign and word, not by colour alone."""

_MARKDOWN = re.compile(r"([\\`*\[\]<>|])")


@dataclass(frozen=True)
class Report:
    """A report in its two forms; the HTML needs nothing but itself."""

    markdown: str
    html: str


def build(
    run: Run,
    findings: Sequence[FindingRow],
    skips: Sequence[Skip],
    history: Mapping[str, Points],
    facts: CatalogFacts,
) -> Report:
    """Return the report of a run: procedures worst first, unknown as unknown, skipped with the reason.

    history: a check's earlier values, oldest first, in the unit of its finding.
    """
    shown = view(run, findings, skips, history, facts)
    markdown = templates(html=False).get_template("report.md.j2").render(report=shown)
    html = templates(html=True).get_template("report.html.j2").render(report=shown)
    return Report(markdown.strip() + "\n", html.strip() + "\n")


def plain(text: str) -> str:
    """Return text on one line that Markdown shows as it is.

    >>> plain("a | <b> *c*")
    'a \\\\| \\\\<b\\\\> \\\\*c\\\\*'
    """
    return _MARKDOWN.sub(r"\\\1", " ".join(text.split()))


def code(text: str) -> str:
    """Return text as a code span in Markdown, also within a table."""
    line = " ".join(text.split()).replace("`", "'").replace("|", "¦")
    return f"`{line}`"


def is_link(text: str | None) -> bool:
    """Return whether the text is a web address; anything else is shown, never linked."""
    return bool(text) and re.match(r"https?://", text or "") is not None


@cache
def templates(*, html: bool) -> Environment:
    """Return the templates, with what they share; only HTML is escaped by itself."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=html,  # noqa: S701  Markdown has an escaping of its own: `plain` and `code`
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": plain, "code": code}
    environment.tests["link"] = is_link
    environment.globals |= {"sparkline": sparkline, "signs": SIGNS}
    return environment
