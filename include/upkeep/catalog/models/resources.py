"""What a system stands on outside its pods: databases, caches, buckets, queues, system units."""

from __future__ import annotations

from typing import Literal

from upkeep.catalog.models.base import Entry, Name


class Database(Entry):
    """A database and the names under which it is reached."""

    engine: Literal["mysql", "postgres"]
    name: str | None = None
    user: str | None = None
    host: str | None = None
    """Where it runs, such as RDS or a pod."""
    instance: str | None = None
    """The identifier of a managed instance."""
    tables: list[str] = []
    """The tables that the guide names."""


class Cache(Entry):
    """A cache."""

    engine: Literal["redis"]
    purpose: str


class Bucket(Entry):
    """A bucket of an object storage."""

    name: str
    purpose: str


class ConsumerGroup(Entry):
    """A Kafka consumer group whose lag counts."""

    name: str
    purpose: str


class Resources(Entry):
    """Everything a system stands on outside its pods."""

    databases: dict[Name, Database] = {}
    caches: dict[Name, Cache] = {}
    buckets: dict[Name, Bucket] = {}
    consumer_groups: dict[Name, ConsumerGroup] = {}
    systemd_units: list[str] = []
    paths: dict[Name, str] = {}
    """Folders that the guide names, such as where logs are archived."""
