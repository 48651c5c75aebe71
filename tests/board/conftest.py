"""One Airflow web application for the folder, and for each test a ledger and a catalog of its own."""

from __future__ import annotations

import json
import queue
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine
from tests.board.web import SECRET, Web
from tests.servers.ledger import ledger, postgres_server

__all__ = ["ledger", "postgres_server"]

PROJECT = Path(__file__).parents[2]
USERS = {"admin": "admin", "oncall": "user", "viewer": "viewer"}
CATALOG = """\
title: Shop
description: A shop
guide: none
owners:
  sre: {title: SRE, email: sre@example.com}
  lead: {title: The lead, email: lead@example.com}
connections: {prometheus: shop_prometheus}
workload: {namespace: shop-production}
metrics:
  error_ratio:
    title: Failed requests
    promql: shop_error_ratio
    unit: ratio
    critical: [{above: 1 %}]
alerts:
  ShopErrors:
    expr: shop_error_ratio > 0.01
    severity: P1
    label: critical
    summary: Many requests fail
runbooks:
  errors: {title: Failed requests, diagnosis: [Look at the log.], resolution: [Roll back.]}
escalation:
  severities:
    P2: {title: Minor, definition: Something, response_minutes: 30, resolution_minutes: 240}
  severity_words: {critical: P1, warning: P3}
  chains:
    main: {levels: [{owner: sre, wait_minutes: 15}, {owner: lead, wait_minutes: 30, channels: [email]}]}
  default_chain: main
duties:
  - {id: shop/daily/error-rates, what: Failed requests}
routines:
  - name: daily
    title: Daily review
    purpose: A look at the shop.
    cadence: daily
    schedule: "0 9 * * *"
    owner: sre
    deadline_minutes: 60
    procedures:
      - {id: shop/daily/error-rates, kind: metrics, parameters: {metrics: [error_ratio]}}
"""


@pytest.fixture(scope="session")
def airflow_app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("airflow")
    settings = {
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{folder}/airflow.db",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS": ",".join(
            f"{name}:{role}" for name, role in USERS.items()
        ),
        "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(folder / "passwords.json"),
        "AIRFLOW__API_AUTH__JWT_SECRET": "a-secret-of-the-tests" * 4,
        "AIRFLOW__API__SECRET_KEY": "another-secret-of-the-tests",
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        from airflow.api_fastapi.app import create_app, purge_cached_app
        from airflow.utils.db import initdb

        from airflow import settings as airflow_settings

        airflow_settings.configure_vars()
        airflow_settings.configure_orm()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Airflow's own, of its own set-up
            initdb()
            app = create_app(apps="core")
        yield app
        purge_cached_app()


@pytest.fixture
def web(airflow_app: Any, ledger: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    from airflow.api_fastapi.app import get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    from upkeep.board import waking
    from upkeep.operators.ledger import ledger_engine

    folder = tmp_path / "systems"
    folder.mkdir()
    (folder / "shop.yaml").write_text(CATALOG, encoding="utf-8")
    url = ledger.url
    connection = {"conn_type": "postgres", "host": url.host, "port": url.port, "login": url.username,
                  "password": str(url.password), "schema": url.database}  # fmt: skip
    for name, value in {
        "UPKEEP_SYSTEMS": str(folder),
        "UPKEEP_CACHE": str(tmp_path / "cache"),
        "AIRFLOW_CONN_UPKEEP_LEDGER": json.dumps(connection),
        "AIRFLOW_CONN_UPKEEP_PAGERDUTY_WEBHOOK": json.dumps({"conn_type": "generic", "password": SECRET}),
    }.items():
        monkeypatch.setenv(name, value)
    ledger_engine.cache_clear()
    woken: queue.Queue[str] = queue.Queue()
    monkeypatch.setattr(waking, "_wake", lambda: woken.put("woken"))
    tokens = {
        name: get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=role))
        for name, role in USERS.items()
    }
    yield Web(airflow_app, ledger, tokens, woken)
    ledger_engine().dispose()
    ledger_engine.cache_clear()
