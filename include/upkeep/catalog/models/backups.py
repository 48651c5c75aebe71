"""What is backed up, how, how often, where to, how long it is kept, and how it is proven."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from upkeep.catalog.models.base import ConnectionId, Cron, Entry, Name
from upkeep.catalog.models.jobs import DumpJob


class Keep(Entry):
    """How long backups of one frequency are kept."""

    hourly_days: int | None = Field(default=None, gt=0)
    daily_days: int | None = Field(default=None, gt=0)
    weekly_weeks: int | None = Field(default=None, gt=0)
    monthly_months: int | None = Field(default=None, gt=0)


class RdsSnapshots(Entry):
    """Snapshots of an RDS instance."""

    kind: Literal["rds_snapshot"]
    connection: ConnectionId
    instance: str
    name_prefix: str | None = None


class S3Objects(Entry):
    """Objects under a prefix of a bucket, one or more a backup."""

    kind: Literal["s3_objects"]
    connection: ConnectionId
    bucket: str
    prefix: str = ""


class PgBackRestStanza(Entry):
    """A repository of pgBackRest: base backups of a PostgreSQL of ours and the archive of its WAL."""

    kind: Literal["pgbackrest"]
    connection: ConnectionId
    stanza: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]*$")
    full_days: int = Field(default=7, gt=0)
    """A full backup is made when the newest full one is this old; until then incremental ones."""


class GitExport(Entry):
    """Configuration kept in a Git repository."""

    kind: Literal["git"]
    repository: str


class Replica(Entry):
    """A replica that keeps up with its primary."""

    kind: Literal["replica"]
    metric: Name
    """The metric that says how far it lags."""


class DatabaseSource(Entry):
    """A database of the system, through its connection `mysql` or `postgres`."""

    kind: Literal["database"]
    name: Name = "main"
    """One of `resources.databases`."""
    job: DumpJob | None = None
    """The job that makes the dump; without it the worker does."""


class BinlogSource(Entry):
    """The binary log of a MariaDB or MySQL of the system, through its connection `mysql`."""

    kind: Literal["binlog"]
    name: Name = "main"
    """One of `resources.databases`."""
    dumps: Name
    """The policy of the dumps that it continues: what one of them needs is kept."""


class NamespaceSource(Entry):
    """The resources of the workload's namespace."""

    kind: Literal["namespace"]
    only: list[str] = []
    """Kinds, such as Certificate; by default all that must be restored."""


class VolumesSource(Entry):
    """Persistent volume claims of the workload's namespace."""

    kind: Literal["volumes"]
    selector: str = ""
    """Labels of the claims; by default all."""
    snapshot_class: str | None = None


class FolderSource(Entry):
    """A folder that the worker can read, below the path of the connection `files`."""

    kind: Literal["folder"]
    path: str


class GitSource(Entry):
    """All branches and tags of the repository of the connection `git`."""

    kind: Literal["git"]
    branch: str = "main"


class PartsSource(Entry):
    """Other policies, made together under one name."""

    kind: Literal["parts"]
    policies: list[Name] = Field(min_length=1)


Source = Annotated[
    DatabaseSource | BinlogSource | NamespaceSource | VolumesSource | FolderSource | GitSource | PartsSource,
    Field(discriminator="kind"),
]


class Assertion(Entry):
    """A question to a restored database, and the answer that it must give."""

    title: str
    sql: str
    """Returns one row with one value; runs read only."""
    expect: str
    """The value as text: `0`, `true`, `NULL`."""


class Proving(Entry):
    """What a restored backup must say, and how often one must be restored."""

    restore_every_days: int | None = Field(default=None, gt=0)
    """A policy whose newest proven restore is older than this is reported."""
    assertions: list[Assertion] = []
    newest: str | None = None
    """A question that answers the time of the newest record, which must not be older than `rpo_minutes`
    before the backup: `SELECT max(created_at) FROM tasks`."""


Location = Annotated[
    RdsSnapshots | S3Objects | PgBackRestStanza | GitExport | Replica, Field(discriminator="kind")
]


class BackupPolicy(Entry):
    """One thing that is backed up."""

    title: str
    what: str
    method: Literal[
        "rds_snapshot", "dump", "base_backup", "binlog", "file_incremental", "file_full", "kubernetes_export",
        "volume_snapshot", "git_export", "image", "replication",
    ]  # fmt: skip
    schedule: Cron | None = None
    """When it is made, in `timezone` of the system; none for replication."""
    location: Location
    source: Source | None = None
    """What is read; not needed for snapshots of an instance and for replication."""
    keep: Keep = Keep()
    encryption: Literal["aws:kms", "AES256", "age", "restic", "aes-256-cbc", "none"]
    grace_minutes: int = Field(default=60, gt=0)
    """How long after its time a backup may take to be there."""
    rpo_minutes: int | None = Field(default=None, gt=0)
    """The most data, in minutes of work, that may be lost (recovery point objective)."""
    smallest_bytes: int | None = Field(default=None, ge=0)
    """A backup smaller than this cannot be complete."""
    size_drop_ratio: float = Field(default=0.5, gt=0, lt=1)
    """A backup smaller than the median of the earlier ones by more than this share is not plausible."""
    proof: Proving = Proving()
    fact: str | None = None
    """The guide's own words, or why ours differ."""


def job_of(policy: BackupPolicy) -> DumpJob | None:
    """Return the job that makes the policy's copies, None where a worker makes them."""
    return policy.source.job if isinstance(policy.source, DatabaseSource) else None


class DisasterScenario(Entry):
    """A disaster that the guide plans for."""

    title: str
    steps: list[str]


class FailoverRecord(Entry):
    """A DNS record that leads to the first region and shall lead to the second."""

    zone: str
    """Id of the hosted zone."""
    name: str
    type: Literal["A", "AAAA", "CNAME"] = "CNAME"
    primary: list[str] = Field(min_length=1)
    """What the record leads to: host names or addresses, or the one name of an alias."""
    secondary: list[str] = Field(min_length=1)
    alias_zone: str | None = None
    """The hosted zone of the secondary's load balancer, for a simple alias."""
    drill: bool = False
    """A record that nobody uses: a drill switches it, and a failover leaves it alone."""


class RegionBackups(Entry):
    """Backups that must lie in the second region before one relies on it."""

    bucket: str
    prefix: str = ""
    oldest_hours: float = Field(gt=0)
    """How old the newest may be."""


class SecondRegion(Entry):
    """The region that takes over when the first is lost."""

    region: str
    """AWS's name of it, such as eu-west-1."""
    source: str
    """Identifier or ARN of the instance in the first region."""
    replica: str
    """Identifier of its read replica in the second region, which is promoted."""
    lag_metric: Name
    """The metric that says how far the replica is behind; its unit is seconds."""
    most_lag_seconds: float = Field(gt=0)
    """A replica that is further behind is not promoted."""
    dns: list[FailoverRecord] = []
    backups: list[RegionBackups] = []


class RecoveryTargets(Entry):
    """How quickly a system must be back, and how much may be lost."""

    rto_minutes: int = Field(gt=0)
    rpo_minutes: int = Field(gt=0)
    scenarios: dict[Name, DisasterScenario] = {}
    second_region: SecondRegion | None = None


class RecoveryProcedure(Entry):
    """A recovery as the guide orders it."""

    title: str
    steps: list[str]
    parameters: dict[str, str] = {}
