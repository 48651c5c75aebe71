"""What is kept of each Kubernetes object."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True)
class Container:
    """A container of a pod.

    image: as the pod asks for it. digest: `sha256:…` that runs, None before it was pulled.
    waiting: why it does not run (`CrashLoopBackOff`), None if it does not wait.
    last_exit: why it ended the last time (`OOMKilled`), None if it never did.
    """

    name: str
    image: str
    digest: str | None
    ready: bool
    restarts: int
    waiting: str | None
    last_exit: str | None


@dataclass(frozen=True)
class Pod:
    """A pod. reason: why it is in its phase (`Evicted`, `Unschedulable`), None if nothing is said."""

    namespace: str
    name: str
    labels: Mapping[str, str]
    phase: str
    reason: str | None
    ready: bool
    restarts: int
    containers: tuple[Container, ...]
    node: str | None
    owner: str | None
    created_at: datetime
    cpu_request_cores: float
    memory_request_bytes: float
    cpu_limit_cores: float | None
    memory_limit_bytes: float | None

    @property
    def waiting(self) -> tuple[str, ...]:
        """Why containers of it do not run, each reason once."""
        return tuple(dict.fromkeys(c.waiting for c in self.containers if c.waiting))


@dataclass(frozen=True)
class Deployment:
    """A deployment. current: its controller has seen its newest version."""

    namespace: str
    name: str
    desired: int
    updated: int
    ready: int
    available: int
    current: bool
    paused: bool
    conditions: Mapping[str, str]
    images: tuple[str, ...]


@dataclass(frozen=True)
class Job:
    """A job. complete: ended well. failure: why it failed, None if it did not. owner: its cron job."""

    namespace: str
    name: str
    active: int
    succeeded: int
    failed: int
    complete: bool
    failure: str | None
    created_at: datetime
    started_at: datetime | None
    completed_at: datetime | None
    owner: str | None


@dataclass(frozen=True)
class CronJob:
    """A cron job; its times are None if it never ran, or never ended well."""

    namespace: str
    name: str
    schedule: str
    time_zone: str | None
    suspended: bool
    active: int
    last_scheduled_at: datetime | None
    last_successful_at: datetime | None


@dataclass(frozen=True)
class Claim:
    """A persistent volume claim. capacity_bytes: None until it is bound."""

    namespace: str
    name: str
    phase: str
    storage_class: str | None
    volume: str | None
    requested_bytes: float
    capacity_bytes: float | None


@dataclass(frozen=True)
class Node:
    """A node. pressures: conditions that should not hold but do (`DiskPressure`)."""

    name: str
    ready: bool
    reason: str | None
    unschedulable: bool
    pressures: tuple[str, ...]
    allocatable_cores: float
    allocatable_bytes: float
    kubelet_version: str


@dataclass(frozen=True)
class Event:
    """An event, its message without secrets. at: when it was seen last. subject: `Pod/api-1`."""

    namespace: str
    at: datetime
    type: str
    reason: str
    subject: str
    message: str
    count: int


@dataclass(frozen=True)
class Usage:
    """CPU and memory in use by a pod (namespace set) or a node (namespace empty), over `window`."""

    namespace: str
    name: str
    cpu_cores: float
    memory_bytes: float
    at: datetime
    window: timedelta
