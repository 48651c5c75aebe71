"""What the pages' receiver got."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import httpx


@dataclass(frozen=True)
class Receipt:
    """A message of the webhook: when it came, of which kind, and what it is about."""

    at: datetime
    kind: str
    incident_id: str
    page_id: str
    dedup_key: str
    level: int
    title: str


@dataclass(frozen=True)
class Captured:
    """The capture server at `url`."""

    url: str

    def pages(self) -> list[Receipt]:
        """Return the pages and reminders that were received, oldest first."""
        return [one for one in self.receipts() if one.kind in ("page", "reminder")]

    def receipts(self) -> list[Receipt]:
        """Return everything that the webhook received, oldest first."""
        found = httpx.get(f"{self.url}/captured", params={"channel": "webhook"}, timeout=30).json()
        return [_receipt(one["at"], one["body"]) for one in found if isinstance(one["body"], dict)]

    def forget(self) -> None:
        """Start afresh."""
        httpx.delete(f"{self.url}/captured").raise_for_status()


def under_two_keys(pages: Sequence[Receipt]) -> list[str]:
    """Return what was paged under more than one id: an incident's level, each named with its ids.

    The same page twice under its own id is no fault: whoever receives it sees that it is the same.
    """
    ids: dict[tuple[str, str, int], set[tuple[str, str]]] = {}
    for page in pages:
        ids.setdefault((page.incident_id, page.kind, page.level), set()).add((page.page_id, page.dedup_key))
    return [
        f"{incident_id} level {level}: {sorted(found)}"
        for (incident_id, _, level), found in ids.items()
        if len(found) > 1
    ]


def _receipt(at: str, body: dict[str, object]) -> Receipt:
    return Receipt(
        at=datetime.fromisoformat(at),
        kind=str(body["kind"]),
        incident_id=str(body["incident_id"]),
        page_id=str(body["page_id"]),
        dedup_key=str(body["dedup_key"]),
        level=int(str(body["level"])),
        title=str(body["title"]),
    )
