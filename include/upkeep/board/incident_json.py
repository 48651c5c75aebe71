"""An incident as REST answers it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from upkeep.board.incident_words import state

if TYPE_CHECKING:
    from upkeep.ledger.incident_tables import HistoryRow, Incident, PageRow

_PLAIN = (
    "system",
    "issue_type",
    "symptom",
    "severity",
    "source",
    "title",
    "summary",
    "signals",
    "acknowledged_by",
    "resolved_by",
    "exhausted",
    "quiet",
    "facts",
)
_TIMES = (
    "began_at",
    "opened_at",
    "last_signal_at",
    "acknowledged_at",
    "resolved_at",
    "snoozed_until",
    "next_step_at",
)


def incident_json(row: Incident, now: datetime) -> dict[str, Any]:
    """Return an incident without its pages and history. Levels count from 1; times are ISO 8601."""
    plain = {name: getattr(row, name) for name in _PLAIN}
    times = {name: _iso(getattr(row, name)) for name in _TIMES}
    targets = {
        "acknowledge_by": _iso(row.counted_from + timedelta(seconds=float(row.chain["response_seconds"]))),
        "resolve_by": _iso(row.counted_from + timedelta(seconds=float(row.chain["resolution_seconds"]))),
    }
    levels = [
        {"level": number, "owner": level["owner"], "channels": level["channels"], "ends_at": level["ends_at"]}
        for number, level in enumerate(row.chain["levels"], start=1)
    ]
    return {
        "id": str(row.id),
        "state": state(row, now),
        **plain,
        **times,
        **targets,
        "storm_id": str(row.storm_id) if row.storm_id else None,
        "level": row.level + 1 if row.level >= 0 else None,
        "levels": levels,
    }


def details_json(
    row: Incident, pages: Sequence[PageRow], history: Sequence[HistoryRow], now: datetime
) -> dict[str, Any]:
    """Return an incident with its pages and its history."""
    return {
        **incident_json(row, now),
        "pages": [_page(page) for page in pages],
        "history": [
            {
                "at": _iso(line.at),
                "kind": line.kind,
                "who": line.who,
                "channel": line.channel,
                "text": line.text,
            }
            for line in history
        ],
    }


def _page(page: PageRow) -> dict[str, Any]:
    return {
        "id": str(page.id),
        "kind": page.kind,
        "level": page.level + 1,
        "owner": page.owner,
        "person": page.person,
        "channel": page.channel,
        "state": page.state,
        "attempts": page.attempts,
        "error": page.error,
        "created_at": _iso(page.created_at),
        "sent_at": _iso(page.sent_at),
    }


def _iso(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
