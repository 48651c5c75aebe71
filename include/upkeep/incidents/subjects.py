"""The names by which signals fold into one incident, and of what must recover before it resolves itself."""

from __future__ import annotations

OWN_SYSTEM = "upkeep"
"""The system that the suite's own incidents belong to."""


def fold_key_of(system: str, dag_id: str) -> str:
    """Return the fold key of everything about one routine."""
    return f"{system}/{dag_id}"


def run_subject(dag_id: str) -> str:
    """Return the name of a routine as something that must recover."""
    return f"run/{dag_id}"


def check_subject(dag_id: str, check: str) -> str:
    """Return the name of a routine's check as something that must recover."""
    return f"check/{dag_id}/{check}"


def alert_subject(fingerprint: str) -> str:
    """Return the name of an alert as something that must recover."""
    return f"alert/{fingerprint}"


def catalog_subject(system: str) -> str:
    """Return the name of a system's file as something that must recover."""
    return f"catalog/{system}"


def connections_subject(system: str) -> str:
    """Return the name of a system's connections as something that must recover."""
    return f"connections/{system}"


def dag_subject(dag_id: str) -> str:
    """Return the name of a DAG that Airflow does not know as something that must recover."""
    return f"dag/{dag_id}"


def metric_key(system: str, metric: str) -> str:
    """Return the key that the findings and the alerts about one metric share."""
    return f"{system}/metric/{metric}"
