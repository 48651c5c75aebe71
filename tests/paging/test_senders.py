"""The real providers' hooks against real servers: what arrives, and what a failure is taken for."""

from __future__ import annotations

import hashlib
import hmac
import json
import socket
import threading
from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from tests.paging.conftest import TOKENS, Connect, Outside, page
from tests.servers.bad import hanging, http, refusing, saying

from upkeep.errors import ConfigurationError, PermanentError, TemporaryError
from upkeep.incidents.model import Channel
from upkeep.notifiers.senders import senders
from upkeep.paging.sender import Sent, TryLater

pytestmark = pytest.mark.integration
CONNECTIONS: dict[Channel, str] = {
    "slack": "upkeep_slack",
    "pagerduty": "upkeep_pagerduty",
    "email": "upkeep_smtp",
    "webhook": "upkeep_webhook",
}


def send(channel: Channel, system: str = "maintenance-api", **changes: Any) -> Sent:
    return senders(system, timeout_seconds=1)[channel].send(page(channel, **changes))


def test_slack_gets_a_message_in_the_persons_channel(connected: Outside) -> None:
    assert send("slack") == Sent("#alerts", "ts 1700000000.000100")
    (got,) = connected.captured("slack")
    assert got["path"] == "/slack/api/chat.postMessage"
    assert got["body"]["channel"] == "#alerts"
    assert got["body"]["text"] == "[P1] Maintenance API: errors above 5 %"
    assert got["body"]["metadata"]["event_payload"]["id"] == str(page().id)


def test_an_incoming_webhook_of_slack_serves_too(connected: Outside, connect: Connect) -> None:
    token = f"{connected.url}/slack/services/T0/B0/secret"
    connect("upkeep_slack", {"conn_type": "slackwebhook", "password": token})
    assert send("slack").receipt == "ok"
    (got,) = connected.captured("slack")
    assert "channel" not in got["body"]
    connected.behave("slack", status=200, body="<html>sign in</html>")
    with pytest.raises(TemporaryError, match="not Slack's"):
        send("slack")
    connected.behave("slack", status=403, body="action_prohibited")
    with pytest.raises(PermanentError, match="HTTP 403: action_prohibited"):
        send("slack")
    connected.behave("slack", status=429, headers={"Retry-After": "7"})
    with pytest.raises(TryLater) as error:
        send("slack")
    assert error.value.after_seconds == 7


def test_the_systems_own_connection_comes_first(connected: Outside, connect: Connect) -> None:
    own = {**connected.connections()["upkeep_slack"], "extra": {"base_url": f"{connected.url}/slack/own"}}
    connect("maintenance_api_slack", own)
    send("slack")
    send("slack", system="zetra")
    paths = [one["path"] for one in connected.captured("slack")]
    assert paths == ["/slack/own/chat.postMessage", "/slack/api/chat.postMessage"]


@pytest.mark.parametrize(
    ("kind", "action"),
    [
        ("page", "trigger"),
        ("reminder", "trigger"),
        ("acknowledged", "acknowledge"),
        ("resolved", "resolve"),
    ],
)
def test_pagerduty_gets_an_event_of_the_incident(connected: Outside, kind: str, action: str) -> None:
    sent = send("pagerduty", kind=kind)
    assert sent.receipt == "upkeep/1234"
    assert TOKENS["pagerduty"] not in sent.target
    (got,) = connected.captured("pagerduty")
    assert (got["body"]["event_action"], got["body"]["dedup_key"]) == (action, "upkeep/1234")
    assert got["body"]["routing_key"] == TOKENS["pagerduty"]
    assert ("payload" in got["body"]) == (action == "trigger")


def test_pagerduty_is_told_the_service_that_the_catalog_names(connected: Outside) -> None:
    send("pagerduty", person=replace(page().person, pagerduty_service="Shop Service"))
    (got,) = connected.captured("pagerduty")
    assert got["body"]["payload"]["custom_details"]["PagerDuty service"] == "Shop Service"


def test_mail_is_encrypted_and_threaded(connected: Outside) -> None:
    assert send("email").target == "team@company.com"
    (got,) = connected.mail()
    assert got["to"] == ["team@company.com"]
    assert got["from"] == "upkeep@company.com"
    assert got["subject"] == "[P1] Maintenance API: errors above 5 %"
    assert got["headers"]["Message-ID"] == f"<{page().id}@upkeep.invalid>"
    assert got["headers"]["References"] == f"<{page().incident_id}@upkeep.invalid>"
    assert "Limit: > 5 % for 5 min" in got["text"]
    assert "<td>&gt; 5 % for 5 min</td>" in got["html"]


def test_a_webhook_is_signed_as_documented(connected: Outside) -> None:
    send("webhook")
    (got,) = connected.captured("webhook")
    # What the documentation tells a receiver to do. Its body is what was parsed: made the same way again.
    body = json.dumps(got["body"], ensure_ascii=False)
    sent_at, shown = (part.partition("=")[2] for part in got["headers"]["X-Upkeep-Signature"].split(","))
    signed = hmac.new(TOKENS["webhook"].encode(), f"{sent_at}.{body}".encode(), hashlib.sha256).hexdigest()
    assert hmac.compare_digest(signed, shown)
    assert got["headers"]["Idempotency-Key"] == got["body"]["page_id"] == str(page().id)
    assert got["body"]["dedup_key"] == "upkeep/1234"


@pytest.mark.parametrize("channel", ["slack", "pagerduty", "webhook"])
@pytest.mark.parametrize(
    ("behaviour", "error"),
    [
        ({"status": 500}, TemporaryError),
        ({"status": 503, "body": "<html>down</html>"}, TemporaryError),
        ({"drop": True}, TemporaryError),
        ({"delay_seconds": 3}, TemporaryError),
        ({"status": 429, "headers": {"Retry-After": "4"}}, TryLater),
        ({"status": 429}, TemporaryError),
        ({"status": 400, "body": {"status": "invalid event"}}, PermanentError),
        ({"status": 404, "body": "nothing here"}, PermanentError),
    ],
)
def test_what_passes_is_told_from_what_does_not(
    connected: Outside, channel: Channel, behaviour: dict[str, Any], error: type[Exception]
) -> None:
    connected.behave(channel, **behaviour)
    with pytest.raises(error) as raised:
        send(channel)
    # Once: repeating is delivery's business, and no hook or client may do it on its own.
    assert len(connected.captured(channel)) <= 1
    if isinstance(raised.value, TryLater):
        assert raised.value.after_seconds == 4


@pytest.mark.parametrize("channel", ["slack", "pagerduty"])
@pytest.mark.parametrize("body", ["<html>sign in</html>", {"surprise": True}])
def test_a_success_that_is_not_the_services_own_is_none(
    connected: Outside, channel: Channel, body: object
) -> None:
    connected.behave(channel, status=200, body=body)
    with pytest.raises(TemporaryError, match="the answer is not"):
        send(channel)


@pytest.mark.parametrize(
    ("reason", "error"),
    [
        ("channel_not_found", PermanentError),
        ("invalid_auth", PermanentError),
        ("not_in_channel", PermanentError),
        ("ratelimited", TemporaryError),
        ("internal_error", TemporaryError),
    ],
)
def test_slack_refuses_with_200(connected: Outside, reason: str, error: type[Exception]) -> None:
    connected.behave("slack", status=200, body={"ok": False, "error": reason})
    with pytest.raises(error, match=reason):
        send("slack")


@pytest.mark.parametrize(
    ("code", "error"),
    [(451, TemporaryError), (421, TemporaryError), (550, PermanentError), (554, PermanentError)],
)
def test_mail_is_refused_for_now_or_for_good(connected: Outside, code: int, error: type[Exception]) -> None:
    connected.behave_mail(code=code, text="4.7.1 not so fast", times=10)
    with pytest.raises(error, match=str(code)):
        send("email")
    connected.behave_mail(code=code, times=1)
    with pytest.raises(error):
        send("email")
    send("email")  # one attempt alone was made, so the next one is taken
    assert len(connected.mail()) == 1


def test_a_mail_server_that_hangs_up_is_called_once(connected: Outside, connect: Connect) -> None:
    """The hook would call six times in a row."""
    calls: list[str] = []

    def hang_up(server: socket.socket) -> None:
        with suppress(OSError):
            while True:
                connection, _ = server.accept()
                calls.append("call")
                connection.close()

    with socket.create_server(("127.0.0.1", 0)) as server:
        answering = threading.Thread(target=hang_up, args=(server,), daemon=True)
        answering.start()
        connect("upkeep_smtp", elsewhere(connected.connections()["upkeep_smtp"], server.getsockname()[1]))
        with pytest.raises(TemporaryError, match="hung up"):
            send("email")
        server.shutdown(socket.SHUT_RDWR)
        answering.join(timeout=5)
    assert calls == ["call"]


@pytest.mark.parametrize("channel", CONNECTIONS)
def test_a_server_that_is_away_may_come_back(connected: Outside, connect: Connect, channel: Channel) -> None:
    conn_id = CONNECTIONS[channel]
    for server in (refusing, hanging, lambda: saying(b"garbage\r\n"), lambda: saying(http(502, b""))):
        with server() as port:
            connect(conn_id, elsewhere(connected.connections()[conn_id], port))
            with pytest.raises(TemporaryError):
                send(channel)


@pytest.mark.parametrize("channel", ["pagerduty", "email", "webhook"])
def test_a_certificate_of_nobody_knows_whom_is_refused(
    connected: Outside, connect: Connect, channel: Channel
) -> None:
    conn_id = CONNECTIONS[channel]
    given = dict(connected.connections()[conn_id])
    extra = {name: value for name, value in given["extra"].items() if name != "ca_file"}
    connect(conn_id, {**given, "extra": extra})
    with pytest.raises(ConfigurationError, match="certificate is not trusted"):
        send(channel)
    assert connected.mail() == connected.captured("pagerduty") == connected.captured("webhook") == []


@pytest.mark.parametrize(
    ("channel", "change", "said"),
    [
        ("pagerduty", {"host": "http://events.pagerduty.com"}, "https"),
        ("pagerduty", {"password": ""}, "no integration key"),
        ("slack", {"password": ""}, "does not contain password"),
        ("webhook", {"password": ""}, "no password to sign with"),
        ("webhook", {"host": "ftp://receiver.example"}, "not an http"),
        ("email", {"extra": {"disable_ssl": True}}, "from_email"),
        ("email", {"extra": {"from_email": "a@b.example"}}, "TLS twice"),
        ("webhook", {"extra": {"notifier": "os.path.join"}}, "no notifier"),
        ("webhook", {"extra": {"notifier": "no.such.Notifier"}}, "no notifier"),
    ],
)
def test_a_connection_that_cannot_work_says_why(
    connected: Outside, connect: Connect, channel: Channel, change: dict[str, Any], said: str
) -> None:
    conn_id = CONNECTIONS[channel]
    connect(conn_id, {**connected.connections()[conn_id], **change})
    with pytest.raises(ConfigurationError, match=said):
        send(channel)


@pytest.mark.parametrize("channel", CONNECTIONS)
def test_without_a_connection_the_outcome_names_it(outside: Outside, channel: Channel) -> None:
    with pytest.raises(ConfigurationError, match=r"no connection maintenance_api_\w+ or upkeep_\w+: create"):
        send(channel)


def test_without_an_address_the_person_is_named(connected: Outside) -> None:
    from upkeep.incidents.model import Person

    nobody = Person(name="cto", title="VP/CTO")
    for channel in ("slack", "email"):
        with pytest.raises(PermanentError, match="VP/CTO has no"):
            send(channel, person=nobody)
    hostile = Person(name="eve", title="Eve", email="eve@x.example\r\nBcc: all@x.example")
    with pytest.raises(PermanentError, match="not an email address"):
        send("email", person=hostile)


def test_any_standard_notifier_drops_in(connected: Outside, connect: Connect) -> None:
    """The provider's own notifier for Slack's webhooks stands for all of them."""
    connect("plain_slack", {"conn_type": "slackwebhook", "password": f"{connected.url}/slack/services/x"})
    notifier = "airflow.providers.slack.notifications.slack_webhook.SlackWebhookNotifier"
    arguments = {"slack_webhook_conn_id": "plain_slack", "text": "{{ headline }} for {{ person.title }}"}
    extra = {"notifier": notifier, "arguments": arguments}
    connect("upkeep_webhook", {"conn_type": "generic", "extra": extra})
    found = senders("zetra")["webhook"]
    found.send(page())
    assert found.send(page(kind="resolved", title="{{ 1 + 1 }}")) == Sent("SlackWebhookNotifier")
    texts = [one["body"]["text"] for one in connected.captured("slack")]
    assert texts == [
        "[P1] Maintenance API: errors above 5 % for Platform Team",
        "Resolved: [P1] Maintenance API: {{ 1 + 1 }} for Platform Team",
    ]
    connected.behave("slack", status=404, body="no_service")
    with pytest.raises(TemporaryError, match="no_service"):
        found.send(page())


def elsewhere(connection: Any, port: int) -> dict[str, Any]:
    """Return a connection that leads to another port of the loopback, in the clear but for PagerDuty."""
    moved = dict(connection)
    if moved["conn_type"] == "slack":
        return {**moved, "extra": {"base_url": f"http://127.0.0.1:{port}/slack/api"}}
    if moved["conn_type"] == "smtp":
        return {**moved, "port": port}
    scheme = "https" if moved["conn_type"] == "pagerduty_events" else "http"
    return {**moved, "host": f"{scheme}://127.0.0.1:{port}"}
