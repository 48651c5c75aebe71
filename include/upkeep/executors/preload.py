"""The heavy modules that a worker imports once, so that its tasks, which are forks of it, need not.

Cold, each in its own process, they cost from 0.2 s (httpx) to 5.5 s (the Kubernetes hook).
"""

from __future__ import annotations

import gc
import importlib
import inspect
import logging
import pkgutil
from collections.abc import Iterator
from itertools import islice

import upkeep

log = logging.getLogger(__name__)

HEAVY = (
    "airflow.dag_processing.bundles.local",
    "airflow.providers.amazon.aws.hooks.base_aws",
    "airflow.providers.cncf.kubernetes.hooks.kubernetes",
    "airflow.providers.mysql.hooks.mysql",
    "airflow.providers.postgres.hooks.postgres",
    "airflow.providers.redis.hooks.redis",
    "airflow.providers.slack.hooks.slack",
    "airflow.providers.slack.hooks.slack_webhook",
    "airflow.sdk.definitions.asset.metadata",
    "airflow.sdk.definitions.dag",
    "airflow.sdk.execution_time.timeout",
    "boto3.s3.inject",
    "boto3.s3.transfer",
    "confluent_kafka",
    "cryptography.x509",
    "httpx",
    "jinja2.ext",
    "kubernetes.client",
    "mysql.connector",
    "promql_parser",
    "psycopg",
    "pyrage",
    "redis",
    "sqlalchemy.dialects.postgresql.psycopg",
)
NOT_OF_TASKS = ("board", "cli", "executors")
"""What no task imports of ours. All the rest is imported: a task needs little of it, but any may be next."""


def preload() -> None:
    """Import what tasks need; what cannot be imported is logged, and the task that needs it will say why."""
    for module in (*HEAVY, *_modules()):
        try:
            importlib.import_module(module)
        except Exception:
            log.warning("could not preload %s", module, exc_info=True)
    try:
        _fill_caches()
    except Exception:
        log.warning("could not prepare what tasks share", exc_info=True)
    _rehearse()
    # A task's collector would go through all that was imported, and so copy its memory: 0.3 s more.
    gc.collect()
    gc.freeze()


def _fill_caches() -> None:
    """Work out once what each task would work out again."""
    from sqlalchemy.orm import configure_mappers

    from upkeep.clients.endpoint import tls_context
    from upkeep.executors.aws_sessions import read_services, ready_session
    from upkeep.reports.build import templates

    configure_mappers()  # the ledger's, and with them all of Airflow's: 60 to 300 ms at the first query
    for name in ("report.html.j2", "report.css"):
        templates(html=True).get_template(name)  # compiled: 80 ms with the next
    templates(html=False).get_template("report.md.j2")
    read_services()  # 150 ms at a task's first client of AWS
    ready_session()
    tls_context(None)  # reads the public authorities: 20 ms
    # Amazon's hook asks for its caller's name; the first who asks looks up every module's path: 0.2 s.
    # Asked for a file that no module has, `inspect` looks them all up.
    inspect.getmodule(compile("", "<no module>", "exec"))


def _rehearse() -> None:
    from upkeep.executors.rehearsal import rehearse_questions

    for what in (_read_systems, _rehearse_start, rehearse_questions, _rehearse_ledger):
        try:
            what()
        except Exception as e:
            log.info("%s: %s; tasks will be a little slower", what.__name__, e)


def _read_systems() -> None:
    from upkeep.catalog.compiled import SYSTEMS_KEPT, Catalog

    catalog = Catalog()
    for system_id in islice(catalog.system_ids(), SYSTEMS_KEPT):
        catalog.system(system_id)


def _rehearse_start() -> None:
    from upkeep.catalog.compiled import Catalog
    from upkeep.executors.rehearsal import ROUNDS, rehearse_start

    catalog = Catalog()
    for plan in islice(catalog.plans(), ROUNDS):
        rehearse_start(catalog, plan.dag_id)


def _rehearse_ledger() -> None:
    # Where only Airflow's API server knows the connection, a worker outside its tasks cannot ask for it.
    from upkeep.executors.rehearsal import rehearse_run
    from upkeep.operators.ledger import ledger_engine

    rehearse_run(ledger_engine())


def _modules() -> Iterator[str]:
    for found in pkgutil.walk_packages(upkeep.__path__, "upkeep."):
        if found.name.split(".")[1] not in NOT_OF_TASKS:
            yield found.name
