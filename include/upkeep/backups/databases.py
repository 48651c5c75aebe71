"""From a policy that dumps a database to what carries it out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from upkeep.backups.model import Method
from upkeep.backups.policy_of import PolicyOf
from upkeep.catalog.models.backups import DatabaseSource, S3Objects
from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from upkeep.backups.dumps.orders import DumpOrder
    from upkeep.catalog.models.jobs import DumpJob


def dumps(of: PolicyOf, location: S3Objects, source: DatabaseSource) -> Method:
    """Return what dumps a database: the worker, or a job in Kubernetes. Raises ConfigurationError."""
    from upkeep.backups.dumps.orders import DumpOrder

    database = of.system.resources.databases.get(source.name)
    if database is None:
        raise ConfigurationError(f"backups.{of.name}: the system has no database {source.name!r}")
    order = DumpOrder(
        engine="mysql" if database.engine == "mysql" else "postgres",
        bucket=location.bucket,
        prefix=location.prefix,
        encryption=of.way,
        smallest_bytes=of.policy.smallest_bytes or 1,
    )
    return _by_job(of, source.job, order) if source.job else order.method(of.clients)


def _by_job(of: PolicyOf, job: DumpJob, order: DumpOrder) -> Method:
    from upkeep.backups.dumps.jobs import DumpsByJob, JobOrder

    return DumpsByJob(
        dumps=order.method(of.clients),
        api=of.clients.kubernetes().api,
        order=JobOrder(
            namespace=of.namespace,
            image=job.image,
            secrets=job.secrets,
            arguments=order.arguments(of.system.connections),
            cpu=job.cpu,
            memory=job.memory,
            user=job.user,
            longest_seconds=job.longest_minutes * 60,
            service_account=job.service_account,
        ),
        start=of.start_job,
    )
