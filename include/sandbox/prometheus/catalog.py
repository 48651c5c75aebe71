"""The five systems' alerts, read from the catalog's files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ruamel.yaml import YAML

from upkeep.catalog import prometheus_rules
from upkeep.catalog.models import System

FOLDER = Path(__file__).parents[2] / "systems"


def systems() -> dict[str, System]:
    """Return all systems by id."""
    files = sorted(FOLDER.glob("*.yaml"))
    return {file.stem: System.model_validate(YAML(typ="safe").load(file)) for file in files}


def alert_labels(known: Mapping[str, System], system_id: str, alert: str) -> Mapping[str, str]:
    """Return the labels that the rule of an alert adds."""
    system = known[system_id]
    return prometheus_rules.alert_labels(system_id, system, system.alerts[alert])
