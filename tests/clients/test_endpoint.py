"""HTTP faults, told apart by a real server that commits each of them."""

from __future__ import annotations

import contextlib
import gzip
import time

import pytest
import trustme
from hypothesis import given
from hypothesis import strategies as st

from upkeep.clients.answers import NotFoundError, parse_json
from upkeep.clients.endpoint import MAX_ANSWER_BYTES, Endpoint, fetch, get_json, make_client, status_error
from upkeep.errors import BadAnswer, ConfigurationError, PermanentError, TemporaryError


def get(web, path="/", **options):
    with make_client(
        Endpoint(web.url, timeout_seconds=options.pop("timeout_seconds", 5), **options)
    ) as client:
        return get_json(client, path)


def test_json_is_returned_and_the_connection_is_pooled(web):
    web.says("/a", '{"b": [1]}')
    with make_client(Endpoint(web.url)) as client:
        assert [get_json(client, "/a", {"q": "x y"}) for _ in range(2)] == [{"b": [1]}] * 2
    assert [request.replace("%20", "+") for request in web.requests] == ["/a?q=x+y"] * 2


def test_a_base_path_is_kept(web):
    web.says("/prefix/api/v1/query", "1")
    with make_client(Endpoint(f"{web.url}/prefix/")) as client:
        assert get_json(client, "/api/v1/query") == 1


def test_headers_and_user_are_sent(web):
    seen = {}

    def answer(handler):
        seen.update(handler.headers)
        handler.send_response(200)
        handler.send_header("Content-Length", "2")
        handler.end_headers()
        handler.wfile.write(b"{}")

    web.answers["/"] = answer
    get(web, headers={"X-Scope-OrgID": "shop"}, auth=("ann", "hunter2"))
    assert seen["X-Scope-OrgID"] == "shop"
    assert seen["Authorization"].startswith("Basic ")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (500, TemporaryError),
        (503, TemporaryError),
        (429, TemporaryError),
        (408, TemporaryError),
        (400, PermanentError),
        (401, ConfigurationError),
        (403, ConfigurationError),
        (404, NotFoundError),
        (302, ConfigurationError),
    ],
)
def test_statuses_are_told_apart(web, status, error):
    web.says("/", "no luck: token=abcdef", status)
    with pytest.raises(error, match=f"HTTP {status}.*no luck") as caught:
        get(web)
    assert "abcdef" not in str(caught.value)
    assert isinstance(caught.value, TemporaryError) is (error is TemporaryError)


def test_refused_is_temporary(closed_port):
    with (
        make_client(Endpoint(f"http://127.0.0.1:{closed_port}")) as client,
        pytest.raises(TemporaryError, match="cannot connect"),
    ):
        get_json(client, "/")


@pytest.mark.parametrize("kind", ["hangs", "drips"])
def test_a_server_that_never_finishes_is_left_within_the_timeout(web, kind):
    getattr(web, kind)("/")
    started = time.monotonic()
    with pytest.raises(TemporaryError, match=r"within 0\.5 s"):
        get(web, timeout_seconds=0.5)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize(
    ("raw", "error"),
    [
        (b"", TemporaryError),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{", TemporaryError),
        (b"SSH-2.0-OpenSSH_9.2\r\n\r\n", BadAnswer),
        (b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd", BadAnswer),
    ],
)
def test_answers_that_are_no_complete_http(web, raw, error):
    web.breaks_off("/", raw)
    with pytest.raises(error):
        get(web)


def test_what_cannot_be_decompressed_is_called_that(web):
    web.breaks_off("/", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd")
    with pytest.raises(BadAnswer, match="cannot be decompressed"):
        get(web)


@pytest.mark.parametrize("body", ["<html>Sign in</html>", "", '{"a":', "[" * 100_000, b"\xff\xfe\x00"])
def test_garbage_is_a_bad_answer(web, body):
    web.says("/", body)
    with pytest.raises(BadAnswer, match="not JSON"):
        get(web)


def test_a_huge_answer_is_not_read(web):
    web.says("/", gzip.compress(b" " * (MAX_ANSWER_BYTES + 1)), Content_Encoding="gzip")
    with pytest.raises(BadAnswer, match="longer than"):
        get(web, timeout_seconds=30)


def test_an_answer_as_long_as_allowed_is_taken(web):
    web.says("/", "x" * 1000)
    with make_client(Endpoint(web.url)) as client:
        assert len(fetch(client, "/", max_bytes=1000).body) == 1000
        with pytest.raises(BadAnswer):
            fetch(client, "/", max_bytes=999)


def test_a_certificate_that_is_not_trusted_is_a_configuration_error(tls_web, tmp_path):
    stranger = tmp_path / "stranger.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))
    with (
        make_client(Endpoint(tls_web.url, ca_file=str(stranger))) as client,
        pytest.raises(ConfigurationError, match="not trusted"),
    ):
        get_json(client, "/")


def test_a_private_authority_is_trusted_when_named(tls_web):
    with make_client(Endpoint(tls_web.url, ca_file=tls_web.ca_file)) as client:
        assert get_json(client, "/") == {"ok": True}


def test_an_authority_file_that_is_missing_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match="nowhere"):
        make_client(Endpoint("https://127.0.0.1", ca_file=str(tmp_path / "nowhere.pem")))


def test_the_repr_shows_no_secret():
    endpoint = Endpoint("https://prometheus", {"Authorization": "Bearer s3cr3t"}, ("ann", "hunter2"))
    assert "s3cr3t" not in repr(endpoint)
    assert "hunter2" not in repr(endpoint)
    assert "https://prometheus" in repr(endpoint)


@pytest.mark.parametrize(
    "url",
    ["", "prometheus:9090", "ftp://a", "http://", "http://ann:hunter2@a/", "http://a:port", "http://[::1"],
)
def test_urls_that_cannot_be_used_are_refused_without_their_secret(url):
    with pytest.raises(ConfigurationError) as caught:
        Endpoint(url)
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("seconds", [0, -1, float("nan")])
def test_a_timeout_must_be_above_zero(seconds):
    with pytest.raises(ConfigurationError):
        Endpoint("http://a", timeout_seconds=seconds)


@given(st.integers(100, 599))
def test_every_status_is_either_a_success_or_an_error(status):
    error = status_error(status, "GET x", b"")
    assert (error is None) is (200 <= status < 300)
    assert isinstance(error, TemporaryError) is (status >= 500 or status in {408, 429})


@given(st.one_of(st.text(), st.binary()))
def test_any_text_is_json_or_a_bad_answer(content):
    with contextlib.suppress(BadAnswer):
        parse_json(content, "here")
