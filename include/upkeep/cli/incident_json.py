"""What `upkeep incidents --json` prints."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from upkeep.ledger.incident_tables import HistoryRow, Incident, PageRow

_FACTS = (
    "system", "severity", "issue_type", "symptom", "source", "title", "summary", "began_at", "opened_at",
    "signals", "last_signal_at", "acknowledged_at", "acknowledged_by", "resolved_at", "resolved_by", "level",
    "round", "exhausted", "snoozed_until", "quiet", "storm_id", "next_step_at",
)  # fmt: skip
_PAGE = ("level", "round", "kind", "owner", "person", "channel", "target", "state", "attempts", "error",
         "created_at", "sent_at")  # fmt: skip
_EVENT = ("at", "kind", "who", "channel", "text", "facts")


def incident_facts(row: Incident) -> dict[str, Any]:
    """Return an incident, with its whole id."""
    state = "resolved" if row.resolved_at else "acknowledged" if row.acknowledged_at else "open"
    return {"id": str(row.id), "state": state} | _plain(row, _FACTS)


def page_facts(page: PageRow) -> dict[str, Any]:
    """Return one message of an incident."""
    return {"id": str(page.id)} | _plain(page, _PAGE)


def event_facts(event: HistoryRow) -> dict[str, Any]:
    """Return one line of an incident's history."""
    return _plain(event, _EVENT)


def _plain(row: Any, names: Sequence[str]) -> dict[str, Any]:
    values = {name: getattr(row, name) for name in names}
    return {
        name: value if value is None or isinstance(value, (int, bool, dict)) else _text(value)
        for name, value in values.items()
    }


def _text(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)
