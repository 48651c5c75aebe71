from __future__ import annotations

import smtplib
import socket
import ssl
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from typing import Any

import httpx
import pytest
from cryptography import x509

from sandbox.certificates import DAYS_VALID
from sandbox.estate import Endpoint, Estate

pytestmark = pytest.mark.integration
Get = Callable[[str], Endpoint]


def shown_certificate(tls: Endpoint, name: str) -> x509.Certificate:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((tls.host, tls.port or 0), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=name) as secure,
    ):
        shown = secure.getpeercert(binary_form=True)
    assert shown
    return x509.load_der_x509_certificate(shown)


@pytest.mark.parametrize("name", sorted(DAYS_VALID))
def test_each_name_shows_a_certificate_with_its_date(part: Get, name: str) -> None:
    left = shown_certificate(part("tls"), name).not_valid_after_utc - datetime.now(UTC)
    assert abs(left - timedelta(days=DAYS_VALID[name])) < timedelta(hours=2)


def test_clients_that_know_the_authority_trust_it_unless_it_expired(part: Get) -> None:
    tls = part("tls")
    context = ssl.create_default_context(cafile=tls.details["ca_file"])

    def connect(name: str) -> None:
        with (
            socket.create_connection((tls.host, tls.port or 0), timeout=5) as plain,
            context.wrap_socket(plain, server_hostname=name),
        ):
            pass

    for name, days in DAYS_VALID.items():
        if days > 0:
            connect(name)
        else:
            with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
                connect(name)
    with pytest.raises(ssl.SSLError):
        connect("unknown.example")


@pytest.mark.parametrize(
    ("system", "path"),
    [
        ("quikapp", "/actuator/health"),
        ("quikapp", "/metrics"),
        ("quikapp", "/dashboard"),
        ("maintenance-api", "/health/ready"),
        ("maintenance-api", "/health/live"),
        ("zetra", "/api/health"),
        ("zetra", "/api/health/db"),
        ("lessay", "/health"),
        ("tapio", "/healthz"),
        ("identity-provider", "/"),
        ("payment-provider", "/"),
    ],
)
def test_health_end_points_answer_200(part: Get, system: str, path: str) -> None:
    url = part("health").details["urls"][system]
    assert httpx.get(url + path).status_code == 200
    assert httpx.get(f"{url}/no-such-path").status_code == 404


def test_an_answer_can_be_changed_and_restored(part: Get) -> None:
    health = part("health")
    url, admin = health.details["urls"]["maintenance-api"], f"{health.url}/endpoints/maintenance-api"
    change = {"path": "/health/ready", "status": 503, "body": {"status": "starting"}, "delay_seconds": 0.3}
    assert httpx.put(admin, json=change).status_code == 200
    began = time.monotonic()
    answer = httpx.get(f"{url}/health/ready")
    assert (answer.status_code, answer.json()) == (503, {"status": "starting"})
    assert time.monotonic() - began >= 0.3
    assert httpx.get(f"{url}/health/live").status_code == 200
    assert httpx.delete(admin).status_code == 204
    assert httpx.get(f"{url}/health/ready").status_code == 200


@pytest.mark.parametrize("body", [{"status": 700}, {"delay_seconds": -1}, {"colour": "red"}, [1]])
def test_a_change_that_makes_no_sense_is_refused(part: Get, body: object) -> None:
    assert httpx.put(f"{part('health').url}/endpoints/zetra", json=body).status_code == 400
    assert httpx.put(f"{part('health').url}/endpoints/nobody", json={}).status_code == 404


def test_mail_is_kept(part: Get) -> None:
    mail = part("mail")
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "upkeep@x.example", "sre@quikapp.com", "Prüfung"
    message.set_content("Alles gut.\n")
    httpx.delete(mail.details["mailbox_url"])
    with smtplib.SMTP(mail.host, mail.port or 0, timeout=5) as client:
        client.send_message(message)
    (kept,) = httpx.get(mail.details["mailbox_url"]).json()
    assert (kept["to"], kept["subject"], kept["text"].strip()) == (
        ["sre@quikapp.com"],
        "Prüfung",
        "Alles gut.",
    )


def test_messages_are_captured_and_answered_as_the_real_services_do(part: Get) -> None:
    capture = part("capture")
    httpx.delete(f"{capture.url}/captured")
    slack = httpx.post(
        f"{capture.url}/slack/api/chat.postMessage",
        json={"channel": "#a", "text": "hello"},
        headers={"Authorization": "Bearer not-to-be-kept"},
    )
    assert slack.json()["ok"] is True
    context = ssl.create_default_context(cafile=capture.details["ca_file"])
    event = {"event_action": "trigger", "dedup_key": "k1"}
    paged = httpx.post(f"{capture.details['https_url']}/v2/enqueue", json=event, verify=context)
    assert (paged.status_code, paged.json()["dedup_key"]) == (202, "k1")
    page = httpx.post(f"{capture.url}/statuspage/v1/pages/p/incidents", json={"incident": {"name": "x"}})
    assert (page.status_code, page.json()["name"]) == (201, "x")
    captured = httpx.get(f"{capture.url}/captured").json()
    assert [one["channel"] for one in captured] == ["slack", "pagerduty", "statuspage"]
    assert "not-to-be-kept" not in str(captured)
    assert len(httpx.get(f"{capture.url}/captured", params={"channel": "slack"}).json()) == 1


def test_a_channel_can_fail(part: Get) -> None:
    capture = part("capture")
    httpx.put(f"{capture.url}/behaviour/slack", json={"status": 500})
    assert httpx.post(f"{capture.url}/slack/services/x", json={}).status_code == 500
    httpx.delete(f"{capture.url}/behaviour/slack")
    assert httpx.post(f"{capture.url}/slack/services/x", json={}).text == "ok"


def test_prometheus_sends_its_alerts_to_alertmanager(
    estate: Estate, part: Get, wait_for: Callable[..., Any]
) -> None:
    url = part("prometheus").url
    part("alertmanager")

    def active() -> list[str]:
        found = httpx.get(f"{url}/api/v1/alertmanagers").json()["data"]["activeAlertmanagers"]
        return [one["url"] for one in found]

    assert wait_for(active, "an Alertmanager") == [f"{estate.url('alertmanager')}/api/v2/alerts"]


def test_kubernetes_has_the_systems_namespaces(part: Get) -> None:
    kubernetes = part("kubernetes")
    with open(kubernetes.details["token_file"]) as file:
        token = file.read().strip()
    context = ssl.create_default_context(cafile=kubernetes.details["ca_file"])
    with httpx.Client(base_url=kubernetes.url or "", verify=context) as client:
        assert client.get("/api/v1/namespaces").status_code == 401
        answer = client.get("/api/v1/namespaces", headers={"Authorization": f"Bearer {token}"})
    names = {item["metadata"]["name"] for item in answer.json()["items"]}
    assert set(kubernetes.details["namespaces"].values()) <= names
