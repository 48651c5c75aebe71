"""What a page says, the same on every channel: cleaned, masked and cut, but not yet escaped."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from upkeep.clients.secrets import MASK, mask_secrets
from upkeep.errors import excerpt
from upkeep.findings.units import format_value
from upkeep.incidents.model import Page
from upkeep.paging.digest import MAX_LINES, Digest, Warned
from upkeep.paging.note import Note

TITLE_LENGTH = 200
TEXT_LENGTH = 1000
FACT_LENGTH = 300
MAX_FACTS = 12
"""Facts that a page shows: what does not fit on a phone is on the incident's page."""

_PREFIX = {
    "page": "",
    "reminder": "Reminder: ",
    "acknowledged": "Acknowledged: ",
    "resolved": "Resolved: ",
}
_ANSWER = {
    "page": "Acknowledge, resolve, hand over, snooze or comment on the incident's page in Airflow.",
    "reminder": "It is still open. Answer on the incident's page in Airflow.",
    "acknowledged": "Somebody is on it; nothing to do unless they ask.",
    "resolved": "It is over; nothing to do.",
}
_LABELS = {"dag_id": "DAG", "run_id": "Run", "task_id": "Task", "incident": "Incident"}
_SHOWN_ELSEWHERE = {"value", "limit", "unit", "timezone", "runbook", "dashboard"}
_LINK = re.compile(r"https?://[^\s<>\"|]{1,2000}")


@dataclass(frozen=True)
class View:
    """A message as people read it. facts, links: label and value, in order.

    Texts are on one line, without control characters and secrets; links are http or https.
    """

    headline: str
    summary: str
    facts: tuple[tuple[str, str], ...]
    links: tuple[tuple[str, str], ...]
    answer: str
    lines: tuple[Warned, ...] = ()


def view(message: Page | Digest | Note) -> View:
    """Return what a message says."""
    if isinstance(message, Page):
        return _page(message)
    return _note(message) if isinstance(message, Note) else _digest(message)


def clean(text: object, length: int) -> str:
    """Return foreign text on one line, masked, without control or direction characters, cut to `length`.

    >>> clean("disk\\r\\nBcc: eve password=hunter2", 100)
    'disk Bcc: eve password=***'
    """
    # Masked before the cut, so that no half of a secret is left.
    line = mask_secrets(" ".join(str(text).split()))
    shown = "".join(c for c in line if unicodedata.category(c) not in {"Cc", "Cf", "Cs", "Co"})
    return excerpt(shown, length - 1)


def when(moment: datetime, timezone: object = None) -> str:
    """Return a moment in UTC, and in the system's time zone where it has another.

    >>> when(datetime(2026, 1, 2, 23, 4, tzinfo=UTC), "Europe/Berlin")
    '2026-01-02 23:04 UTC (2026-01-03 00:04 Europe/Berlin)'
    """
    text = f"{moment.astimezone(UTC):%Y-%m-%d %H:%M} UTC"
    if not timezone or timezone == "UTC":
        return text
    try:
        local = moment.astimezone(ZoneInfo(str(timezone)))
    except (ZoneInfoNotFoundError, ValueError, OSError):
        return text
    return f"{text} ({local:%Y-%m-%d %H:%M} {timezone})"


def safe_facts(facts: Mapping[str, Any]) -> dict[str, str]:
    """Return facts as text, masked and cut; of one whose name says secret, no value."""
    shown = {}
    for name, value in facts.items():
        text = value if isinstance(value, str) else json.dumps(value, default=str, ensure_ascii=False)
        secret = mask_secrets(f"{name}=x") != f"{name}=x"
        shown[clean(name, 60)] = MASK if secret else clean(text, FACT_LENGTH)
    return shown


def _page(page: Page) -> View:
    head = f"{_PREFIX[page.kind]}[{page.severity}] {page.system_title}: {page.title}"
    about = {"runbook": page.facts.get("runbook"), "dashboard": page.facts.get("dashboard")} | {**page.links}
    links, texts = _links(about)
    facts = [
        ("System", clean(f"{page.system_title} ({page.system})", FACT_LENGTH)),
        ("Severity", page.severity),
        ("Since", when(page.began_at, page.facts.get("timezone"))),
        *_measured(page.facts),
        *texts,
        *([("Seen", f"{page.signals} times")] if page.signals > 1 else []),
        ("For", clean(page.person.title, FACT_LENGTH)),
        *((_label(n), v) for n, v in safe_facts(page.facts).items() if n not in _SHOWN_ELSEWHERE),
    ]
    return View(
        headline=clean(head, TITLE_LENGTH),
        summary=clean(page.summary, TEXT_LENGTH),
        facts=tuple(facts[:MAX_FACTS]),
        links=links,
        answer=_ANSWER[page.kind],
    )


def _digest(digest: Digest) -> View:
    count = len(digest.warnings)
    counted = "1 warning" if count == 1 else f"{count} warnings"
    lines = [
        Warned(
            check=clean(one.check, FACT_LENGTH),
            summary=clean(one.summary, FACT_LENGTH),
            value=clean(one.value, 60),
            limit=clean(one.limit, 60),
            runbook=clean(one.runbook, FACT_LENGTH),
        )
        for one in digest.warnings[:MAX_LINES]
    ]
    links, texts = _links(digest.links)
    more = f"{count - MAX_LINES} more are in the report." if count > MAX_LINES else ""
    return View(
        headline=clean(f"{counted}: {digest.system_title}, {digest.routine_title}", TITLE_LENGTH),
        summary=more,
        facts=(("As of", when(digest.at)), *texts),
        links=links,
        answer="Nobody was paged for these.",
        lines=tuple(lines),
    )


def _note(note: Note) -> View:
    links, texts = _links(note.links)
    facts = [
        ("Run", clean(note.run_id, FACT_LENGTH)),
        ("Started by", clean(note.starter, FACT_LENGTH)),
        ("Findings", note.found),
        *([("Failed", clean(", ".join(note.failed), FACT_LENGTH))] if note.failed else []),
        *texts,
    ]
    head = f"{note.starter}, your run {note.outcome}: {note.system_title}, {note.routine_title}"
    pages = "It pages as a scheduled run does." if note.paging else "It pages nobody."
    return View(
        headline=clean(head, TITLE_LENGTH),
        summary="",
        facts=tuple(facts),
        links=links,
        answer=f"You are told because you started it by hand. {pages}",
    )


def _measured(facts: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the value against its limit."""
    value, unit = facts.get("value"), facts.get("unit")
    if isinstance(value, int | float) and not isinstance(value, bool):
        value = format_value(float(value), str(unit) if unit else None)
    shown = [] if value is None else [("Value", clean(value, FACT_LENGTH))]
    limit = facts.get("limit")
    return [*shown, *([] if limit is None else [("Limit", clean(limit, FACT_LENGTH))])]


def _links(named: Mapping[str, Any]) -> tuple[tuple[tuple[str, str], ...], list[tuple[str, str]]]:
    """Return what may be linked, the incident first, and what is only shown."""
    links, texts = [], []
    for name, target in sorted(named.items(), key=lambda one: (one[0] != "incident", one[0])):
        if not target:
            continue
        if _LINK.fullmatch(str(target)) and mask_secrets(str(target)) == target:
            links.append((_label(name), str(target)))
        else:
            texts.append((_label(name), clean(target, FACT_LENGTH)))
    return tuple(links), texts


def _label(name: str) -> str:
    shown = clean(name, 60)
    return _LABELS.get(shown, shown.replace("_", " ").capitalize())
