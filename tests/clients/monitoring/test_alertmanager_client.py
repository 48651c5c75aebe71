"""The Alertmanager client against a real Alertmanager that a real Prometheus tells."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
import pytest

from upkeep.clients.alertmanager import Alertmanager
from upkeep.clients.endpoint import Endpoint
from upkeep.errors import BadAnswer, ConfigurationError, TemporaryError


@pytest.mark.integration
def test_alerts_and_silences(alerting, eventually):
    with Alertmanager(Endpoint(alerting.alertmanager)) as client:
        [alert] = eventually(lambda: client.alerts(['alertname="Broken"']), "the alert")
        assert (alert.name, alert.state) == ("Broken", "active")
        assert dict(alert.labels) == {"severity": "critical", "system": "shop"}
        assert alert.starts_at <= datetime.now(UTC) < alert.ends_at
        assert client.alerts(['alertname="Broken"', 'severity="warning"']) == []
        assert client.silences() == []

        until = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
        matchers = [
            {"name": "alertname", "value": "Broken|Gone", "isRegex": True, "isEqual": True},
            {"name": "system", "value": "other", "isRegex": False, "isEqual": False},
        ]
        silence = {
            "matchers": matchers,
            "startsAt": datetime.now(UTC).isoformat(),
            "endsAt": until.isoformat(),
            "createdBy": "sre",
            "comment": "known",
        }
        made = httpx.post(f"{alerting.alertmanager}/api/v2/silences", json=silence, trust_env=False).json()
        silenced = eventually(
            lambda: client.alerts(['alertname="Broken"'], active=False, inhibited=False), "the silence"
        )
        assert [(a.state, a.silenced_by) for a in silenced] == [("suppressed", (made["silenceID"],))]
        assert client.alerts(['alertname="Broken"'], silenced=False) == []
        [found] = client.silences()
        assert (found.state, found.ends_at, found.comment) == ("active", until, "known")
        assert found.matchers == ('alertname=~"Broken|Gone"', 'system!="other"')

        with pytest.raises(ConfigurationError, match="filter"):
            client.alerts(["not a filter ="])


@pytest.mark.parametrize(
    "body",
    [
        "{}",
        "[1]",
        '[{"labels": {"a": 1}}]',
        '[{"labels": {}, "status": {"state": "odd"}}]',
        '[{"labels": {}, "status": {"state": "active"}, "startsAt": "now"}]',
    ],
)
def test_garbage_is_a_bad_answer(web, body):
    web.says("/api/v2/alerts", body)
    with Alertmanager(Endpoint(web.url)) as client, pytest.raises(BadAnswer):
        client.alerts()


def test_refused_is_temporary(closed_port):
    with Alertmanager(Endpoint(f"http://127.0.0.1:{closed_port}")) as client, pytest.raises(TemporaryError):
        client.alerts()
