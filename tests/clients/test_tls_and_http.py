"""Certificates and health end points, shown by real servers."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
import trustme

from upkeep.clients.http import probe
from upkeep.clients.tls import fetch_certificate
from upkeep.errors import BadAnswer, ConfigurationError, TemporaryError

NOW = datetime.now(UTC).replace(microsecond=0)


def test_a_good_certificate_is_read_and_verified(tls_web):
    found = fetch_certificate("127.0.0.1", tls_web.port, ca_file=tls_web.ca_file)
    assert found.chain_valid
    assert found.problem is None
    assert set(found.names) == {"127.0.0.1", "localhost"}
    assert found.not_before < NOW < found.not_after
    assert len(found.fingerprint) == 64


def test_an_expired_certificate_is_still_read(serve_tls):
    expired = NOW - timedelta(days=3)
    server = serve_tls("127.0.0.1", not_before=NOW - timedelta(days=90), not_after=expired)
    found = fetch_certificate("127.0.0.1", server.port, ca_file=server.ca_file)
    assert found.not_after == expired
    assert not found.chain_valid
    assert "expired" in found.problem


def test_an_expiring_certificate_is_valid_and_says_when(serve_tls):
    soon = NOW + timedelta(days=5)
    server = serve_tls("127.0.0.1", not_after=soon)
    found = fetch_certificate("127.0.0.1", server.port, ca_file=server.ca_file)
    assert (found.not_after, found.chain_valid) == (soon, True)


def test_a_certificate_of_a_stranger_is_read_and_reported(tls_web, tmp_path):
    stranger = tmp_path / "ca.pem"
    trustme.CA().cert_pem.write_to_path(str(stranger))
    for ca_file in (str(stranger), None):
        found = fetch_certificate("127.0.0.1", tls_web.port, ca_file=ca_file)
        assert not found.chain_valid
        assert "certificate" in found.problem
        assert found.names


def test_a_certificate_for_another_name_is_reported(tls_web):
    found = fetch_certificate("127.0.0.1", tls_web.port, "shop.example.com", tls_web.ca_file)
    assert not found.chain_valid
    assert "shop.example.com" in found.problem


def test_no_tls_is_a_bad_answer(web):
    with pytest.raises(BadAnswer, match="handshake"):
        fetch_certificate("127.0.0.1", int(web.url.rsplit(":", 1)[1]), timeout_seconds=5)


def test_refused_and_hanging_are_temporary(closed_port, hanging_port):
    with pytest.raises(TemporaryError, match="cannot connect"):
        fetch_certificate("127.0.0.1", closed_port)
    started = time.monotonic()
    with pytest.raises(TemporaryError, match="within"):
        fetch_certificate("127.0.0.1", hanging_port, timeout_seconds=0.3)
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("host", ["", "a" * 70 + ".example", "no such host.invalid"])
def test_a_host_that_does_not_exist_is_said(host):
    with pytest.raises((ConfigurationError, TemporaryError), match="TLS"):
        fetch_certificate(host, 1, "localhost", timeout_seconds=2)


def test_a_healthy_end_point(web):
    web.says("/health", '{"status": "up"}')
    found = probe(f"{web.url}/health?deep=1")
    assert (found.status, found.as_expected, found.json) == (200, True, {"status": "up"})
    assert 0 < found.elapsed_seconds < 5
    assert web.requests == ["/health?deep=1"]


def test_a_bad_status_is_an_answer(web):
    web.says("/health", "db password=hunter2 refused", 503)
    found = probe(f"{web.url}/health")
    assert (found.status, found.as_expected, found.json) == (503, False, None)
    assert "hunter2" not in found.body_excerpt
    assert probe(f"{web.url}/health", expect_status=503).as_expected


def test_a_redirect_is_not_followed(web):
    web.says("/health", "", 301, Location="/elsewhere")
    assert probe(f"{web.url}/health").status == 301
    assert web.requests == ["/health"]


def test_a_huge_health_page_is_refused(web):
    web.says("/health", "x" * (2 * 1024 * 1024))
    with pytest.raises(BadAnswer, match="longer"):
        probe(f"{web.url}/health")


def test_a_probe_that_hangs_ends_in_time(web):
    web.hangs("/health")
    with pytest.raises(TemporaryError, match="no answer"):
        probe(f"{web.url}/health", timeout_seconds=0.3)


def test_a_probe_verifies_tls(tls_web):
    assert probe(f"{tls_web.url}/", ca_file=tls_web.ca_file).json == {"ok": True}
    with pytest.raises(ConfigurationError, match="not trusted"):
        probe(f"{tls_web.url}/")


def test_the_url_of_a_probe_carries_no_credentials():
    with pytest.raises(ConfigurationError) as caught:
        probe("http://ann:hunter2@127.0.0.1/health")
    assert "hunter2" not in str(caught.value)
