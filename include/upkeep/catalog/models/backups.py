"""What is backed up, how, how often, where to, how long it is kept, and how it is proven."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from upkeep.catalog.models.base import ConnectionId, Cron, Entry, Name


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


class GitExport(Entry):
    """Configuration kept in a Git repository."""

    kind: Literal["git"]
    repository: str


class Replica(Entry):
    """A replica that keeps up with its primary."""

    kind: Literal["replica"]
    metric: Name
    """The metric that says how far it lags."""


Location = Annotated[RdsSnapshots | S3Objects | GitExport | Replica, Field(discriminator="kind")]


class BackupPolicy(Entry):
    """One thing that is backed up."""

    title: str
    what: str
    method: Literal[
        "rds_snapshot", "dump", "base_backup", "file_incremental", "file_full", "kubernetes_export",
        "volume_snapshot", "git_export", "image", "replication",
    ]  # fmt: skip
    schedule: Cron | None = None
    """When it is made, in `timezone` of the system; none for replication."""
    location: Location
    keep: Keep = Keep()
    encryption: Literal["aws:kms", "AES256", "age", "restic", "none"]
    grace_minutes: int = Field(default=60, gt=0)
    """How long after its time a backup may take to be there."""
    rpo_minutes: int | None = Field(default=None, gt=0)
    """The most data, in minutes of work, that may be lost (recovery point objective)."""
    smallest_bytes: int | None = Field(default=None, ge=0)
    """A backup smaller than this cannot be complete."""
    size_drop_ratio: float = Field(default=0.5, gt=0, lt=1)
    """A backup smaller than the median of the earlier ones by more than this share is not plausible."""
    fact: str | None = None
    """The guide's own words, or why ours differ."""


class DisasterScenario(Entry):
    """A disaster that the guide plans for."""

    title: str
    steps: list[str]


class RecoveryTargets(Entry):
    """How quickly a system must be back, and how much may be lost."""

    rto_minutes: int = Field(gt=0)
    rpo_minutes: int = Field(gt=0)
    scenarios: dict[Name, DisasterScenario] = {}


class RecoveryProcedure(Entry):
    """A recovery as the guide orders it."""

    title: str
    steps: list[str]
    parameters: dict[str, str] = {}
