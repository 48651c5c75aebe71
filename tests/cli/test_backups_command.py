"""`upkeep backups list` on a real ledger."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine
from tests.airflow.shop import SHOP
from tests.servers.known_shop import known_shop
from typer.testing import CliRunner

from upkeep.backups.model import Copy, Level, Proof
from upkeep.cli import app
from upkeep.ledger.backups import backup_id, record_backup, record_proofs

AT = datetime(2026, 11, 21, 2, tzinfo=UTC)
LONG = "database-of-the-shop-with-a-long-name-20261121t020000z-1a2b3c4d-in-all-its-length-on-a-line"
BACKED_UP = f"""{SHOP.replace("http: shop_http", "http: shop_http, aws: shop_aws")}
backups:
  database:
    title: Database
    what: PostgreSQL
    method: dump
    encryption: none
    location: {{kind: s3_objects, connection: shop_aws, bucket: shop-backups}}
"""
RUN = ("shop_backup", "scheduled__1")


@pytest.fixture
def shown(ledger: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is shown on 80 columns of a policy with two backups, one of them broken."""
    monkeypatch.setenv("UPKEEP_LEDGER_URL", ledger.url.render_as_string(hide_password=False))
    monkeypatch.setenv("COLUMNS", "80")
    for name, size in ((LONG, None), ("short", 12_000)):
        copy = Copy(name, f"s3://shop/{name}", AT, AT, size, sha256="0" * 64, encryption="age")
        record_backup(ledger, "shop", "database", copy, RUN)
    proofs = [Proof(Level.EXISTS, AT), Proof(Level.CHECKSUMS, AT)]
    record_proofs(ledger, backup_id("shop", "database", LONG), proofs, RUN)
    damaged = [Proof(Level.CHECKSUMS, AT, ["its bytes were changed"])]
    record_proofs(ledger, backup_id("shop", "database", "short"), damaged, RUN)
    with known_shop(BACKED_UP, ledger, tmp_path, monkeypatch):
        done = CliRunner().invoke(app, ["backups", "list"])
    assert done.exit_code == 0, done.exception
    return done.stdout.splitlines()


def test_a_long_name_is_never_folded(shown: list[str]) -> None:
    assert shown[0] == "shop database"
    [line] = [line for line in shown if LONG in line]
    assert line.split() == [LONG, "2026-11-21", "02:00", "unknown", "checksums"]


def test_what_is_broken_says_why(shown: list[str]) -> None:
    [line] = [line for line in shown if "short" in line]
    assert line.endswith("BROKEN: its bytes were changed")
