"""Certificates of real TLS end points: good, expiring, expired, not trusted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import trustme
from pydantic import ValidationError

from servers.bad import hanging, refusing, saying
from servers.situation import ask, checks_of, make_context, make_system
from servers.web import tls
from upkeep.checks.context import CheckContext
from upkeep.findings import Finding, State

pytestmark = pytest.mark.integration
HOST = "shop.example"


def context_of(port: int, ca_file: Path | None, **extra: Any) -> CheckContext:
    system = make_system(
        connections={"http": "shop_http"}, tls={"front": {"host": HOST, "connect_through": "front"}}
    )
    facts = {"tls_endpoints": {"front": f"127.0.0.1:{port}"}, "ca_file": str(ca_file) if ca_file else None}
    return make_context(system, as_of=datetime.now(UTC), http_extra=facts | extra)


def look(context: CheckContext, **parameters: Any) -> Finding:
    found: Mapping[str, Finding] = ask("certificates", context, **parameters)
    assert list(found) == ["certificate{endpoint=front}"]
    return found["certificate{endpoint=front}"]


@pytest.mark.parametrize(
    ("days", "state"),
    [(60, State.OK), (30.1, State.OK), (29.9, State.WARNING), (7.1, State.WARNING), (6.9, State.CRITICAL)],
)
def test_days_left(tmp_path: Path, days: float, state: State) -> None:
    with tls(tmp_path, HOST, days) as port:
        found = look(context_of(port, tmp_path / "ca.pem"))
    assert found.state is state
    assert found.value == pytest.approx(days * 86400, abs=60)
    assert HOST in found.evidence["names"]


def test_an_expired_certificate_is_reported_not_hidden(tmp_path: Path) -> None:
    with tls(tmp_path, HOST, -1) as port:
        found = look(context_of(port, tmp_path / "ca.pem"))
    assert found.state is State.CRITICAL
    assert found.value == pytest.approx(-86400, abs=60)
    assert "expired on" in found.summary


def test_a_certificate_that_clients_refuse_is_critical(tmp_path: Path) -> None:
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with tls(tmp_path, HOST, 60) as port:
        other = look(context_of(port, tmp_path / "other.pem"))
    with tls(tmp_path, "elsewhere.example", 60) as port:
        wrong = look(context_of(port, tmp_path / "ca.pem"))
    assert (other.state, wrong.state) == (State.CRITICAL, State.CRITICAL)
    assert "clients refuse it" in other.summary
    assert "mismatch" in wrong.summary.lower() or "not valid for" in wrong.summary.lower()


def test_the_days_are_parameters(tmp_path: Path) -> None:
    with tls(tmp_path, HOST, 60) as port:
        found = look(context_of(port, tmp_path / "ca.pem"), warn_days=90, critical_days=45)
    assert (found.state, found.limit) == (State.WARNING, "< 90 d")
    with pytest.raises(ValidationError, match="critical_days"):
        checks_of("certificates", context_of(1, None), warn_days=5, critical_days=10)


@pytest.mark.parametrize("fault", ["refuses", "hangs", "garbage"])
def test_what_cannot_be_seen_is_unknown(fault: str) -> None:
    server = {"refuses": refusing, "hangs": hanging}.get(fault) or (lambda: saying(b"220 mail ready\r\n"))
    with server() as port:
        context = context_of(port, None)
        found = ask("certificates", context, seconds=3)["certificate{endpoint=front}"]
    assert found.state is State.UNKNOWN
    assert found.reason
    assert found.temporary == (fault != "garbage")


def test_a_wrong_address_in_the_connection_is_a_mistake_that_names_it() -> None:
    found = look(context_of(1, None, tls_endpoints={"front": "nonsense"}))
    assert "host:port" in (found.reason or "")


def test_certificates_are_read_in_the_present_only() -> None:
    assert all(check.present for check in checks_of("certificates", context_of(1, None)))
