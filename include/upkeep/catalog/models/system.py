"""A system: everything one operations guide says, in one file."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from upkeep.catalog.models.backups import BackupPolicy, RecoveryProcedure, RecoveryTargets
from upkeep.catalog.models.base import ConnectionId, Entry, Name, TimeZone
from upkeep.catalog.models.capacity import Capacity
from upkeep.catalog.models.escalation import Escalation
from upkeep.catalog.models.metrics import AlertRule, Dashboard, Metric, Slo
from upkeep.catalog.models.operations import (
    Calendar,
    Change,
    DataRule,
    Document,
    Duty,
    HealthEndpoint,
    Kpi,
    Runbook,
    SecurityPractice,
    Test,
    TlsEndpoint,
    Training,
)
from upkeep.catalog.models.people import Channels, Owner, Rotation, SupportTier, Vendor
from upkeep.catalog.models.resources import Resources
from upkeep.catalog.models.routines import Routine

ConnectionRole = Literal[
    "prometheus",
    "alertmanager",
    "kubernetes",
    "aws",
    "mysql",
    "postgres",
    "redis",
    "kafka",
    "http",
    "loki",
    "restore",
    "backup_key",
    "git",
    "files",
    "pgbackrest",
]


class Workload(Entry):
    """Where a system runs in Kubernetes."""

    namespace: str
    deployments: list[str] = []
    daemonsets: list[str] = []
    statefulsets: list[str] = []
    services: list[str] = []
    jobs: list[str] = []
    images: dict[str, str] = {}
    """Container → image, as the guide names it."""


class System(Entry):
    """One production system under maintenance; its id is its file's stem."""

    title: str
    description: str
    guide: str
    """Which operations guide the facts come from, and its version."""
    timezone: TimeZone = "UTC"
    owners: dict[Name, Owner] = Field(min_length=1)
    vendors: dict[Name, Vendor] = {}
    tiers: dict[Name, SupportTier] = {}
    rotations: dict[Name, Rotation] = {}
    channels: Channels = Channels()
    connections: dict[ConnectionRole, ConnectionId] = {}
    workload: Workload | None = None
    resources: Resources = Resources()
    health: dict[Name, HealthEndpoint] = {}
    tls: dict[Name, TlsEndpoint] = {}
    dashboards: dict[Name, Dashboard] = {}
    metrics: dict[Name, Metric] = {}
    slos: dict[Name, Slo] = {}
    alerts: dict[str, AlertRule] = {}
    backups: dict[Name, BackupPolicy] = {}
    recovery_targets: RecoveryTargets | None = None
    recoveries: dict[Name, RecoveryProcedure] = {}
    capacity: Capacity = Capacity()
    escalation: Escalation
    calendar: Calendar = Calendar()
    runbooks: dict[Name, Runbook] = {}
    changes: dict[Name, Change] = {}
    data: dict[Name, DataRule] = {}
    tests: dict[Name, Test] = {}
    security: dict[Name, SecurityPractice] = {}
    documents: dict[Name, Document] = {}
    training: dict[Name, Training] = {}
    kpis: dict[Name, Kpi] = {}
    incident_steps: dict[Name, list[str]] = {}
    """The guide's incident response, phase by phase."""
    duties: list[Duty] = []
    routines: list[Routine] = []
