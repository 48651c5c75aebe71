"""From a policy that backs up a database to what carries it out."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from upkeep.backups.model import Method
from upkeep.backups.policy_of import PolicyOf
from upkeep.catalog.models.backups import (
    BackupPolicy,
    BinlogSource,
    DatabaseSource,
    PgBackRestStanza,
    S3Objects,
)
from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from upkeep.backups.dumps.orders import DumpOrder
    from upkeep.backups.physical.binlog_backups import BinlogBackups
    from upkeep.catalog.models import System
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
        binlog=database.engine == "mysql" and of.name in _continued(of.system),
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
        start=of.provider.start_job,
    )


def dumps_of(of: PolicyOf, source: BinlogSource) -> tuple[BackupPolicy, Method]:
    """Return the policy of the dumps that a binary log continues, with its method."""
    policy = of.system.backups.get(source.dumps)
    if policy and isinstance(policy.location, S3Objects) and isinstance(policy.source, DatabaseSource):
        return policy, dumps(replace(of, name=source.dumps, policy=policy), policy.location, policy.source)
    raise ConfigurationError(f"backups.{of.name}: {source.dumps!r} is no policy that dumps a database to S3")


def binlogs(of: PolicyOf, location: S3Objects, source: BinlogSource) -> BinlogBackups:
    """Return the archive of the binary log of a MariaDB or MySQL."""
    from upkeep.backups.physical.binlog_backups import BinlogBackups

    if of.way == "age":
        raise ConfigurationError(f"backups.{of.name}: binary logs are encrypted by the bucket, not with age")
    return BinlogBackups(
        server=of.clients.database("mysql"),
        client=of.clients.aws("s3"),
        bucket=location.bucket,
        prefix=location.prefix,
        options=of.options,
        dumps=dumps_of(of, source)[1],
    )


def _continued(system: System) -> set[str]:
    """Return the policies of dumps that a binary log continues: these note where it was."""
    sources = (policy.source for policy in system.backups.values())
    return {source.dumps for source in sources if isinstance(source, BinlogSource)}


def base_backups(of: PolicyOf, location: PgBackRestStanza) -> Method:
    """Return base backups of a PostgreSQL of ours."""
    from upkeep.backups.physical.pgbackrest import PgBackRest

    return PgBackRest(
        stanza=of.clients.pgbackrest(location.stanza).stanza,
        full_every=timedelta(days=location.full_days),
        encryption=of.policy.encryption,
    )
