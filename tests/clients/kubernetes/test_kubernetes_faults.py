"""The Kubernetes client against an API server that misbehaves."""

from __future__ import annotations

import json
import time
from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from upkeep.clients.logs import pod_logs
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError

PODS = "/api/v1/pods"


def status(code, reason, **metadata):
    return json.dumps(
        {"kind": "Status", "code": code, "reason": reason, "message": "so it is", "metadata": metadata}
    )


@pytest.mark.parametrize(
    ("code", "reason", "error"),
    [
        (401, "Unauthorized", ConfigurationError),
        (403, "Forbidden", ConfigurationError),
        (400, "BadRequest", PermanentError),
        (409, "Conflict", PermanentError),
        (429, "TooManyRequests", TemporaryError),
        (500, "InternalError", TemporaryError),
        (503, "ServiceUnavailable", TemporaryError),
        (504, "Timeout", TemporaryError),
    ],
)
def test_statuses_are_told_apart(web, at, code, reason, error):
    web.says(PODS, status(code, reason), code)
    with pytest.raises(error, match=f"{reason}: so it is"):
        list(at(web.url).pods())
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    "body",
    [
        "<html>",
        "[]",
        "{}",
        '{"items": {}}',
        '{"items": [1]}',
        '{"items": [{}]}',
        '{"items": [{"metadata": {"creationTimestamp": "x"}}]}',
    ],
)
def test_garbage_is_a_bad_answer(web, at, body):
    web.says(PODS, body)
    with pytest.raises(BadAnswer):
        list(at(web.url).pods())


@pytest.mark.parametrize("kind", ["hangs", "drips"])
def test_a_server_that_never_finishes_is_left_in_time(web, at, kind):
    getattr(web, kind)(PODS)
    started = time.monotonic()
    with pytest.raises(TemporaryError, match="within"):
        list(at(web.url, 0.5).pods())
    assert time.monotonic() - started < 2


def test_no_http_at_all(at):
    from servers.bad import saying

    with saying(b"SSH-2.0-OpenSSH_9.2\r\n") as port, pytest.raises((BadAnswer, TemporaryError)):
        list(at(f"http://127.0.0.1:{port}").pods())


def test_an_answer_cut_short_is_temporary(web, at):
    web.breaks_off(PODS, b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"items": [')
    with pytest.raises(TemporaryError, match="connection"):
        list(at(web.url).pods())


def test_a_list_that_expires_without_a_way_on_is_temporary(web, at):
    def answer(handler):
        first = "continue" not in parse_qs(urlsplit(handler.path).query)
        body = (
            json.dumps({"items": [], "metadata": {"continue": "more"}}) if first else status(410, "Expired")
        )
        handler.send_response(200 if first else 410)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body.encode())

    web.answers[PODS] = answer
    with pytest.raises(TemporaryError, match="read it again"):
        list(at(web.url).pods())


def test_a_server_that_gives_the_same_page_for_ever_is_left(web, at):
    web.says(PODS, '{"items": [], "metadata": {"continue": "again"}}')
    with pytest.raises(BadAnswer, match="again and again"):
        list(at(web.url).pods())
    assert len(web.requests) == 2


def test_a_redirect_does_not_get_the_token(web, at):
    web.says(PODS, "", 302, Location="http://elsewhere.invalid/")
    with pytest.raises(ConfigurationError, match="redirects"):
        list(at(web.url).pods())


def test_log_lines_of_any_kind(web, at):
    start = datetime(2026, 3, 1, tzinfo=UTC)
    body = (
        b"2026-03-01T00:00:01.123456789Z first\n"
        b"    at com.example.Shop\n"
        b"2026-03-01T00:00:02Z \xff\xfe\n"
        b"2026-03-01T00:00:03Z " + b"x" * 200_000 + b"\n"
        b"2026-03-01T00:00:04Z last, no end of line"
    )
    web.says("/api/v1/namespaces/shop/pods/api-1/log", body)
    found = list(
        pod_logs(at(web.url), "shop", "api-1", "server", start=start, end=start + timedelta(hours=1))
    )
    assert [x.text[:25] for x in found] == [
        "first",
        "    at com.example.Shop",
        "��",
        "x" * 25,
        "last, no end of line",
    ]
    assert found[1].at == found[0].at == start + timedelta(seconds=1, microseconds=123456)
    assert max(len(x.text) for x in found) < 9000
    assert "sinceTime=2026-03-01T00%3A00%3A00Z" in web.requests[0]
    assert "container=server" in web.requests[0]


def test_a_container_that_has_not_started(web, at):
    now = datetime.now(UTC)
    web.says("/api/v1/namespaces/shop/pods/api-1/log", status(400, "BadRequest"), 400)
    with pytest.raises(PermanentError, match="so it is"):
        list(pod_logs(at(web.url), "shop", "api-1", start=now - timedelta(hours=1), end=now))
