"""The heavy modules that a worker imports once, so that its tasks, which are forks of it, need not.

Cold, each in its own process, they cost from 0.2 s (httpx) to 5.5 s (the Kubernetes hook).
"""

from __future__ import annotations

import importlib
import logging

log = logging.getLogger(__name__)

HEAVY = (
    "airflow.providers.amazon.aws.hooks.base_aws",
    "airflow.providers.cncf.kubernetes.hooks.kubernetes",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.sdk.definitions.dag",
    "boto3",
    "confluent_kafka",
    "httpx",
    "kubernetes.client",
    "mysql.connector",
    "redis",
    "sqlalchemy.dialects.postgresql",
    "upkeep.catalog.models",
    "upkeep.checks.kinds",
    "upkeep.ledger.writes",
    "upkeep.operators.clients",
    "upkeep.operators.checks",
    "upkeep.procedures.factory",
    "upkeep.reports",
)


def preload() -> None:
    """Import what tasks need; what cannot be imported is logged, and the task that needs it will say why."""
    for module in HEAVY:
        try:
            importlib.import_module(module)
        except Exception:
            log.warning("could not preload %s", module, exc_info=True)
