"""Events for PagerDuty's Events API v2."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC
from typing import Any, Literal

from upkeep.incidents.model import Page
from upkeep.paging.view import FACT_LENGTH, clean, view

MAX_SUMMARY = 1024
MAX_KEY = 255
_SEVERITIES = {"P0": "critical", "P1": "error", "P2": "warning", "P3": "info"}
_ACTIONS: dict[str, Literal["trigger", "acknowledge", "resolve"]] = {
    "page": "trigger",
    "reminder": "trigger",
    "acknowledged": "acknowledge",
    "resolved": "resolve",
}


@dataclass(frozen=True)
class Event:
    """One event: its action, its incident's key, and, of a trigger, what it says."""

    action: Literal["trigger", "acknowledge", "resolve"]
    dedup_key: str
    properties: dict[str, Any]


def pagerduty_event(page: Page) -> Event:
    """Return the event for a page. PagerDuty folds all events of one key into one incident of its own."""
    action = _ACTIONS[page.kind]
    said = _said(page) if action == "trigger" else {}
    return Event(action, page.dedup_key[:MAX_KEY], said)


def _said(page: Page) -> dict[str, Any]:
    shown = view(page)
    incident, service = page.links.get("incident"), page.person.pagerduty_service
    payload = {
        "summary": clean(shown.headline, MAX_SUMMARY),
        "source": page.system,
        "severity": _SEVERITIES.get(page.severity, "error"),
        "timestamp": page.began_at.astimezone(UTC).isoformat(),
        "group": page.system,
        "component": clean(page.facts.get("dag_id") or page.system, FACT_LENGTH),
        "custom_details": {
            "Summary": shown.summary,
            **dict(shown.facts),
            **({"PagerDuty service": clean(service, FACT_LENGTH)} if service else {}),
            "How to answer": shown.answer,
        },
    }
    links = [{"href": url, "text": label} for label, url in shown.links]
    client = {"client": "Upkeep", "client_url": incident} if ("Incident", incident) in shown.links else {}
    return {"payload": payload, "links": links, **client}
