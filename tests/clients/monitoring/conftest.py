"""A Prometheus that knows a past, and one that fires alerts at an Alertmanager."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

START = datetime(2025, 6, 10, tzinfo=UTC)

RULES = """
groups:
  - name: always
    interval: 1s
    rules:
      - alert: Flapping
        expr: vector(time()) % 8 < 3
        labels: {severity: warning, system: shop}
        annotations: {summary: comes and goes}
      - alert: Broken
        expr: vector(1)
        labels: {severity: critical, system: shop}
"""

CONFIG = """
global: {scrape_interval: 1s, evaluation_interval: 1s}
rule_files: [rules.yml]
alerting:
  alertmanagers: [{static_configs: [{targets: ["127.0.0.1:%d"]}]}]
"""


@dataclass(frozen=True)
class Alerting:
    """Where the two are."""

    prometheus: str
    alertmanager: str


@pytest.fixture(scope="session")
def past(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prometheus that knows four hours by the minute; its URL."""
    from servers.prometheus import prometheus

    def minute(at: datetime) -> int:
        return (at - START) // timedelta(minutes=1)

    series: dict[str, Callable[[datetime], float | None]] = {
        'requests_total{job="api",code="200"}': lambda at: minute(at) * 60.0,
        'requests_total{job="api",code="500"}': lambda at: minute(at) * 6.0,
        'minute{job="api"}': lambda at: float(minute(at)),
        'undefined{job="api"}': lambda at: float("nan"),
        'gap{job="api"}': lambda at: None if 60 <= minute(at) < 120 else 1.0,
        'ALERTS{alertname="Old",alertstate="firing",system="shop",pod="a"}': lambda at: (
            1.0 if 30 <= minute(at) <= 50 or minute(at) >= 200 else None
        ),
        'ALERTS{alertname="Old",alertstate="pending",system="shop",pod="a"}': lambda at: 1.0,
        'ALERTS{alertname="Old",alertstate="firing",system="other",pod="b"}': lambda at: 1.0,
    }
    folder = tmp_path_factory.mktemp("past")
    end = START + timedelta(hours=4)
    with prometheus(folder, series, start=START, end=end, step=timedelta(minutes=1)) as url:
        yield url


@pytest.fixture(scope="session")
def alerting(
    tmp_path_factory: pytest.TempPathFactory, run_server: Any, find: Any, port: Any
) -> Iterator[Alerting]:
    """A Prometheus with an alert that stays and one that flaps, and the Alertmanager it tells."""
    folder: Path = tmp_path_factory.mktemp("alerting")
    one, two = port(), port()
    (folder / "rules.yml").write_text(RULES)
    (folder / "prometheus.yml").write_text(CONFIG % two)
    (folder / "alertmanager.yml").write_text("route: {receiver: none}\nreceivers: [{name: none}]\n")
    prometheus = [
        find("prometheus"),
        f"--config.file={folder}/prometheus.yml",
        f"--storage.tsdb.path={folder}/data",
        "--rules.alert.resend-delay=1s",
        f"--web.listen-address=127.0.0.1:{one}",
    ]
    alertmanager = [
        find("prometheus-alertmanager", "alertmanager"),
        f"--config.file={folder}/alertmanager.yml",
        f"--storage.path={folder}/alertmanager",
        f"--web.listen-address=127.0.0.1:{two}",
        "--cluster.listen-address=",
    ]

    def ready(at: int) -> Callable[[], bool]:
        return lambda: httpx.get(f"http://127.0.0.1:{at}/-/ready", timeout=1, trust_env=False).is_success

    with run_server(alertmanager, ready(two), folder), run_server(prometheus, ready(one), folder):
        yield Alerting(f"http://127.0.0.1:{one}", f"http://127.0.0.1:{two}")
