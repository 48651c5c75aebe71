"""A second small system, which is changed: its database is backed up and restored, its files brought back."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import psycopg
from moto.s3.models import S3Backend
from tests.servers.aws import REGION, Aws
from tests.servers.ledger import Server

from sandbox.parts.postgres_cluster import SUPERUSER

BACKUPS, MEDIA = "depot-backups", "depot-media"
DATABASE, ROWS = "depot", 40

DEPOT = f"""\
title: Depot
description: A depot
guide: none
owners:
  sre: {{title: SRE, email: sre@example.com, slack_channel: "#depot"}}
channels: {{slack_channel: "#depot-all"}}
connections: {{aws: depot_aws, postgres: depot_postgres, restore: depot_restore}}
resources:
  databases:
    main: {{engine: postgres, name: {DATABASE}}}
  buckets:
    media: {{name: {MEDIA}, purpose: pictures}}
backups:
  database:
    title: The depot's database
    what: PostgreSQL
    method: dump
    schedule: "0 3 1 1 *"
    location: {{kind: s3_objects, connection: depot_aws, bucket: {BACKUPS}, prefix: database/}}
    source: {{kind: database, name: main}}
    keep: {{daily_days: 1}}
    encryption: none
    proof:
      assertions: [{{title: Nothing weighs less than nothing, sql: "{{question}}", expect: "0"}}]
recovery_targets: {{rto_minutes: 60, rpo_minutes: 60}}
escalation:
  severities: {{}}
  chains:
    main:
      levels:
        - {{owner: sre, wait_minutes: 60, channels: [slack]}}
  default_chain: main
duties:
  - {{id: depot/backup/database, what: The database is backed up}}
  - {{id: depot/recovery/database, what: The database is restored}}
  - {{id: depot/recovery/file, what: A file is restored}}
routines:
  - name: backup
    title: Backup of the database
    purpose: A dump.
    cadence: backup
    schedule: "0 3 1 1 *"
    owner: sre
    deadline_minutes: 60
    procedures:
      - {{id: depot/backup/database, kind: backup, parameters: {{policy: database}}}}
  - name: restore
    title: Restore of the database
    purpose: A dump comes back.
    cadence: recovery
    owner: sre
    deadline_minutes: 60
    procedures:
      - {{id: depot/recovery/database, kind: restore_dump, parameters: {{policy: database}}}}
  - name: file
    title: Restore of a file
    purpose: A version comes back.
    cadence: recovery
    owner: sre
    deadline_minutes: 60
    retry: {{retries: 2, delay_seconds: 1}}
    procedures:
      - {{id: depot/recovery/file, kind: restore_object_version, parameters: {{bucket: media}}}}
  - name: drill
    title: Rehearsal
    purpose: A dump is rehearsed.
    cadence: drill
    owner: sre
    deadline_minutes: 60
    procedures:
      - {{id: depot/recovery/database, kind: drill_dump, parameters: {{policy: database}}}}
""".replace("{question}", "SELECT count(*) FROM parcels WHERE weight < 0")


@dataclass
class Slow:
    """S3 that copies at once and answers late. copied: a copy is made. answer: set it to let S3 go on."""

    copied: threading.Event = field(default_factory=threading.Event)
    answer: threading.Event = field(default_factory=threading.Event)


@dataclass(frozen=True)
class Depot:
    """What the system stands on."""

    cloud: Aws
    server: Server

    def connections(self) -> dict[str, str]:
        """Return Airflow's connections to it."""
        keys = {"login": "test", "password": "test"}
        where = {"endpoint_url": self.cloud.url, "region_name": REGION}
        database = {
            "conn_type": "postgres",
            "host": "127.0.0.1",
            "port": self.server.port,
            "login": SUPERUSER,
            "password": self.server.password,
            "schema": DATABASE,
        }
        return {
            "depot_aws": json.dumps({"conn_type": "aws", **keys, "extra": where}),
            "depot_postgres": json.dumps(database),
            "depot_restore": json.dumps(database),
        }

    def fill(self) -> None:
        """Make its database and its buckets."""
        with self._connection("postgres") as connection:
            connection.execute(f"CREATE DATABASE {DATABASE}")
        with self._connection(DATABASE) as connection:
            connection.execute("CREATE TABLE parcels (id int PRIMARY KEY, weight int NOT NULL)")
            connection.execute(f"INSERT INTO parcels SELECT n, n FROM generate_series(1, {ROWS}) n")
        self.cloud.bucket(BACKUPS)
        self.cloud.bucket(MEDIA)
        self.s3.put_bucket_versioning(Bucket=MEDIA, VersioningConfiguration={"Status": "Enabled"})

    @property
    def s3(self) -> Any:
        """boto3's client."""
        return self.cloud["s3"]

    def ask(self, question: str, database: str = DATABASE) -> list[Any]:
        """Return the first column of what a statement answers."""
        with self._connection(database) as connection:
            done = connection.execute(question)
            return [row[0] for row in done] if done.description else []

    def databases(self) -> set[str]:
        """Return the names of the databases that restores have made."""
        return set(self.ask("SELECT datname FROM pg_database WHERE datname LIKE 'restored%'"))

    def dumps(self) -> set[str]:
        """Return the names of the backups that are there."""
        found = self.s3.list_objects_v2(Bucket=BACKUPS).get("Contents", [])
        return {one["Key"].removeprefix("database/").split(".")[0].split("/")[0] for one in found}

    def write(self, key: str, *texts: str) -> list[str]:
        """Write versions of a file, oldest first; return their ids."""
        return [self.s3.put_object(Bucket=MEDIA, Key=key, Body=text)["VersionId"] for text in texts]

    def read(self, key: str) -> str:
        """Return a file's current text."""
        return str(self.s3.get_object(Bucket=MEDIA, Key=key)["Body"].read().decode())

    def versions(self, prefix: str) -> int:
        """Return how many versions there are under a prefix."""
        return len(self.s3.list_object_versions(Bucket=MEDIA, Prefix=prefix).get("Versions", []))

    @contextmanager
    def slow(self) -> Iterator[Slow]:
        """Answer a copy only when the test says so."""
        gate, copy = Slow(), S3Backend.copy_object

        def late(*words: Any, **named: Any) -> Any:
            done = copy(*words, **named)
            gate.copied.set()
            gate.answer.wait(60)
            return done

        with patch.object(S3Backend, "copy_object", late):
            try:
                yield gate
            finally:
                gate.answer.set()

    def _connection(self, database: str) -> Any:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.server.port,
            user=SUPERUSER,
            password=self.server.password,
            dbname=database,
            autocommit=True,
        )
