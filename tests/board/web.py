"""Airflow's own web application with our plugin, as people and programs call it, over a real ledger."""

from __future__ import annotations

import queue
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from fastapi.testclient import TestClient
from sqlalchemy import Engine
from tests.board.shown import Page

from upkeep.catalog.compiled import Catalog
from upkeep.incidents.model import Signal
from upkeep.ledger import incident_reads
from upkeep.ledger.incident_tables import HistoryRow, Incident
from upkeep.paging.raising import raise_signal

HOST = "http://airflow.example.com"
NOW = datetime.now(UTC).replace(microsecond=0)
BEGAN = NOW - timedelta(minutes=5)
SECRET = "the-secret-of-the-webhook"


def signal(number: int = 1, **changes: Any) -> Signal:
    values: dict[str, Any] = {
        "event_id": f"failure/shop_daily/scheduled__{number}",
        "fold_key": f"shop/shop_daily/{number}",
        "system": "shop",
        "source": "failure",
        "issue_type": "maintenance_failed",
        "severity": "P2",
        "title": "shop_daily failed",
        "summary": "The run scheduled__1 failed: error_rates.",
        "began_at": BEGAN,
        "at": BEGAN,
        "facts": {"dag_id": "shop_daily", "run_id": "scheduled__1", "value": 0.031, "unit": "ratio",
                  "limit": "> 1 %", "runbook": "errors", "dashboard": "https://grafana.example.com/d/shop"},
    }  # fmt: skip
    return Signal(**values | changes)


@dataclass
class Web:
    """The application, its ledger, and its users by name."""

    app: Any
    ledger: Engine
    tokens: Mapping[str, str]
    woken: queue.Queue[str]

    def client(self, user: str | None = None) -> httpx.Client:
        """A browser: a signed-in user has Airflow's cookie."""
        cookies = {"_token": self.tokens[user]} if user else {}
        return TestClient(self.app, HOST, cookies=cookies, follow_redirects=False)

    def get(self, path: str, user: str | None = None, **headers: str) -> httpx.Response:
        return self.client(user).get(f"/upkeep/{path}", headers=headers)

    def post_json(
        self, path: str, body: Any = None, user: str | None = "oncall", **more: Any
    ) -> httpx.Response:
        """A program: it has a bearer token."""
        headers = {"Authorization": f"Bearer {self.tokens[user]}"} if user else {}
        headers |= more.pop("headers", {})
        return self.client().post(
            f"/upkeep/{path}", json={} if body is None else body, headers=headers, **more
        )

    def form_token(self, incident_id: UUID, user: str = "oncall") -> str:
        page = self.get(f"incidents/{incident_id}", user)
        return re.findall(r'name="token" value="([^"]+)"', page.text)[0]

    def post_form(
        self,
        incident_id: UUID,
        answer: str,
        fields: Mapping[str, str] | None = None,
        user: str | None = "oncall",
        headers: Mapping[str, str] | None = None,
    ) -> httpx.Response:
        """A person: the form of the incident's page, sent by a browser."""
        own = {"token": self.form_token(incident_id)} if user != "viewer" else {}
        return self.client(user).post(
            f"/upkeep/incidents/{incident_id}/{answer}",
            data={**own, **(fields or {})},
            headers={"Origin": HOST} if headers is None else headers,
        )

    def open(self, number: int = 1, *, now: datetime = BEGAN, **changes: Any) -> UUID:
        opened = raise_signal(self.ledger, signal(number, **changes), Catalog().system, now)
        return opened.incident_id

    def incident(self, incident_id: UUID) -> Incident:
        found = incident_reads.incident(self.ledger, incident_id)
        assert found is not None
        return found

    def history(self, incident_id: UUID) -> list[HistoryRow]:
        return list(incident_reads.history(self.ledger, incident_id))

    def kinds(self, incident_id: UUID) -> list[str]:
        return [line.kind for line in self.history(incident_id)]

    def page(self, incident_id: UUID, user: str = "oncall") -> Page:
        return Page(self.get(f"incidents/{incident_id}", user).text)
