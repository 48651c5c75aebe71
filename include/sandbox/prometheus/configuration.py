"""What Prometheus and Alertmanager need to start: configuration, rules, history."""

from __future__ import annotations

import shutil
import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ruamel.yaml import YAML

from sandbox.programs import find
from sandbox.prometheus import catalog, history
from sandbox.prometheus.shapes import DAY
from sandbox.prometheus.state import STATE_FILE, State
from sandbox.prometheus.systems import APPLICATIONS
from upkeep.catalog.prometheus_rules import rule_groups, rules_yaml

SCRAPE_SECONDS = 5
NIGHT_SECONDS = 4 * 3600.0
"""Until 4:00 UTC a night's incidents may go on: whoever starts earlier has those of the night before."""
CONFIGURATION = "prometheus.yml"
DATA = "data"
ALERTMANAGER_CONFIGURATION = "alertmanager.yml"


def prepare(
    folder: Path, alertmanager_url: str | None, exporter_url: str, *, scrape_seconds: int = SCRAPE_SECONDS
) -> None:
    """Write `folder` anew: prometheus.yml, rules/, data/ with the history up to now, and state.json.

    The exporter (`--state-file folder/state.json`) continues the history's counters: start Prometheus at once
    after this. Takes a second or two; about ten on the first call of a day.

    Raises:
        PartMissing: promtool is not installed.
        PartFailed: promtool refused the history.

    """
    folder.mkdir(parents=True, exist_ok=True)
    for old in (folder / DATA, folder / "rules"):
        shutil.rmtree(old, ignore_errors=True)
    now = float(int(time.time()))
    anchor = anchor_of(now)
    State(anchor).save(folder / STATE_FILE)
    _write_rules(folder / "rules")
    _write_yaml(folder / CONFIGURATION, _prometheus(alertmanager_url, exporter_url, scrape_seconds))
    history.build(folder / DATA, anchor, now)


def anchor_of(now: float) -> float:
    """Return the last midnight (UTC) whose night is over: no incident of the past is still to come."""
    return float((now - NIGHT_SECONDS) // DAY * DAY)


def prometheus_arguments(folder: Path, port: int) -> list[str]:
    """Return the command that starts Prometheus on what `prepare` wrote."""
    return [
        str(find("prometheus")),
        f"--config.file={folder / CONFIGURATION}",
        f"--storage.tsdb.path={folder / DATA}",
        # The default of 15 days would delete the history.
        "--storage.tsdb.retention.time=120d",
        f"--web.listen-address=127.0.0.1:{port}",
        # Healing a fault deletes the minutes that would keep it in sight.
        "--web.enable-admin-api",
        "--log.level=warn",
    ]


def prepare_alertmanager(folder: Path, webhook_url: str | None) -> None:
    """Write alertmanager.yml: alerts folded by system and name, sent to `webhook_url` if there is one."""
    folder.mkdir(parents=True, exist_ok=True)
    receiver: dict[str, Any] = {"name": "capture"}
    if webhook_url:
        receiver["webhook_configs"] = [{"url": webhook_url, "send_resolved": True}]
    route = {
        "receiver": "capture",
        "group_by": ["system", "alertname"],
        "group_wait": "5s",
        "group_interval": "30s",
        "repeat_interval": "4h",
    }
    _write_yaml(folder / ALERTMANAGER_CONFIGURATION, {"route": route, "receivers": [receiver]})


def alertmanager_arguments(folder: Path, port: int) -> list[str]:
    """Return the command that starts Alertmanager alone, without a cluster."""
    return [
        str(find("prometheus-alertmanager")),
        f"--config.file={folder / ALERTMANAGER_CONFIGURATION}",
        f"--storage.path={folder / DATA}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--cluster.listen-address=",
        "--log.level=warn",
    ]


def _prometheus(alertmanager_url: str | None, exporter_url: str, scrape_seconds: int) -> dict[str, Any]:
    target = urlsplit(exporter_url).netloc
    applications = [
        {
            "job_name": job,
            "metrics_path": f"/metrics/{system}",
            "static_configs": [{"targets": [target], "labels": {"instance": instance}}],
        }
        for system, (job, instance) in APPLICATIONS.items()
    ]
    # Each series of this one names its own job and instance, as the many exporters it stands for would.
    estate = {
        "job_name": "estate",
        "metrics_path": "/metrics/estate",
        "honor_labels": True,
        "static_configs": [{"targets": [target]}],
    }
    written: dict[str, Any] = {
        "global": {
            "scrape_interval": f"{scrape_seconds}s",
            "scrape_timeout": f"{scrape_seconds}s",
            "evaluation_interval": f"{scrape_seconds}s",
        },
        "rule_files": ["rules/*.yml"],
        "scrape_configs": [*applications, estate],
    }
    if alertmanager_url:
        at = urlsplit(alertmanager_url)
        static = [{"targets": [at.netloc]}]
        written["alerting"] = {
            "alertmanagers": [{"scheme": at.scheme, "path_prefix": at.path or "/", "static_configs": static}]
        }
    return written


def _write_rules(folder: Path) -> None:
    folder.mkdir()
    for system_id, system in catalog.systems().items():
        groups = rule_groups(system_id, system)
        if groups:
            (folder / f"{system_id}.yml").write_text(rules_yaml(groups))


def _write_yaml(file: Path, content: dict[str, Any]) -> None:
    yaml = YAML()
    with file.open("w") as out:
        yaml.dump(content, out)
