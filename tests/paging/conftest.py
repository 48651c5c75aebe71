"""The outer side of the estate alone: Slack, PagerDuty, webhooks and mail that keep what they are sent."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_DNS, uuid5

import httpx
import pytest

from sandbox import certificates, process
from sandbox.parts import edge
from sandbox.parts.model import Context
from upkeep.incidents.model import Channel, Page, Person

TOKENS = {
    "slack": "xoxb-not-to-be-shown-1",
    "pagerduty": "integration-key-not-to-be-shown-2",
    "webhook": "not-to-be-shown-3",
}

PAGE = Page(
    id=uuid5(NAMESPACE_DNS, "page"),
    incident_id=uuid5(NAMESPACE_DNS, "incident"),
    dedup_key="upkeep/1234",
    level=0,
    round=0,
    person=Person(
        name="platform_team", title="Platform Team", email="team@company.com", slack_channel="#alerts"
    ),
    channels=("slack",),
    system="maintenance-api",
    system_title="Maintenance API",
    severity="P1",
    title="errors above 5 %",
    summary="7 % of the requests of the last 5 min failed.",
    began_at=datetime(2026, 1, 2, 23, 4, tzinfo=UTC),
    signals=3,
    facts={
        "value": 0.07,
        "unit": "ratio",
        "limit": "> 5 % for 5 min",
        "timezone": "Europe/Berlin",
        "dag_id": "maintenance_api_daily_review",
        "runbook": "https://runbooks.company.com/errors",
    },
    links={
        "incident": "https://airflow.company.com/upkeep/incidents/1234",
        "dashboard": "https://grafana.company.com/d/1",
    },
)


def page(*channels: Channel, **changes: Any) -> Page:
    """Return a page through these channels."""
    return replace(PAGE, channels=channels or PAGE.channels, **changes)


@dataclass(frozen=True)
class Outside:
    """The servers that stand for the services outside."""

    url: str
    https_url: str
    ca_file: str
    mail_port: int
    mailbox_url: str

    def captured(self, channel: Channel) -> list[dict[str, Any]]:
        """Return what a channel was sent, oldest first."""
        found: list[dict[str, Any]] = httpx.get(f"{self.url}/captured", params={"channel": channel}).json()
        return found

    def behave(self, channel: Channel, **behaviour: Any) -> None:
        """Make a channel answer otherwise."""
        httpx.put(f"{self.url}/behaviour/{channel}", json=behaviour).raise_for_status()

    def mail(self) -> list[dict[str, Any]]:
        """Return the mail that was received, oldest first."""
        found: list[dict[str, Any]] = httpx.get(self.mailbox_url).json()
        return found

    def behave_mail(self, **behaviour: Any) -> None:
        """Make the mail server answer otherwise to a recipient."""
        httpx.put(f"{self.mailbox_url}/behaviour", json=behaviour).raise_for_status()

    def forget(self) -> None:
        """Start afresh."""
        for channel in ("slack", "pagerduty", "webhook"):
            httpx.delete(f"{self.url}/behaviour/{channel}")
        for url in (f"{self.url}/captured", self.mailbox_url, f"{self.mailbox_url}/behaviour"):
            httpx.delete(url).raise_for_status()

    def connections(self) -> dict[str, Mapping[str, Any]]:
        """Return the connections of the suite that lead here."""
        mail = {"from_email": "upkeep@company.com", "disable_ssl": True, "ca_file": self.ca_file}
        slack_url = {"base_url": f"{self.url}/slack/api"}
        ca = {"ca_file": self.ca_file}
        return {
            "upkeep_slack": {"conn_type": "slack", "password": TOKENS["slack"], "extra": slack_url},
            "upkeep_pagerduty": {
                "conn_type": "pagerduty_events", "password": TOKENS["pagerduty"], "host": self.https_url,
                "extra": ca,
            },
            "upkeep_smtp": {"conn_type": "smtp", "host": "localhost", "port": self.mail_port, "extra": mail},
            "upkeep_webhook": {
                "conn_type": "http", "password": TOKENS["webhook"], "host": self.https_url,
                "extra": {**ca, "path": "/webhook/pages"},
            },
        }  # fmt: skip


@pytest.fixture(scope="session")
def servers() -> Iterator[Outside]:
    """The servers, started once."""
    folder = Path(tempfile.mkdtemp(prefix="upkeep-test-"))
    certificates.prepare(folder)
    endpoints = {one.name: one for one in edge.start(Context(folder=folder))}
    capture, mail = endpoints["capture"], endpoints["mail"]
    yield Outside(
        url=str(capture.url),
        https_url=capture.details["https_url"],
        ca_file=capture.details["ca_file"],
        mail_port=mail.port or 0,
        mailbox_url=mail.details["mailbox_url"],
    )
    for child in process.recorded(folder):
        process.stop(folder, child)
    shutil.rmtree(folder)


@pytest.fixture
def outside(servers: Outside) -> Outside:
    """The servers, with nothing received and nothing broken."""
    servers.forget()
    return servers


Connect = Callable[[str, Mapping[str, Any]], None]


@pytest.fixture
def connect(monkeypatch: pytest.MonkeyPatch) -> Connect:
    """Return a function that gives Airflow a connection."""

    def add(conn_id: str, connection: Mapping[str, Any]) -> None:
        monkeypatch.setenv(f"AIRFLOW_CONN_{conn_id.upper()}", json.dumps(connection))

    return add


@pytest.fixture
def connected(outside: Outside, connect: Connect) -> Outside:
    """The servers, with a connection to each in Airflow."""
    for conn_id, connection in outside.connections().items():
        connect(conn_id, connection)
    return outside
