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
import pytest
from moto.s3.models import S3Backend
from tests.airflow.dues import YEARLY
from tests.airflow.heading import heading
from tests.servers.aws import REGION, Aws, aws
from tests.servers.ledger import Server

from sandbox.parts.postgres_cluster import SUPERUSER
from upkeep.backups.dumps.marks import databases
from upkeep.backups.dumps.server import DatabaseServer

BACKUPS, MEDIA = "depot-backups", "depot-media"
DATABASE, ROWS = "depot", 40
NO_RESTORE = "depot holds restores"

DEPOT = f"""{heading("depot")}\
connections: {{aws: depot_aws, postgres: depot_postgres, restore: depot_postgres}}
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
    schedule: "{YEARLY}"
    location: {{kind: s3_objects, connection: depot_aws, bucket: {BACKUPS}, prefix: database/}}
    source: {{kind: database, name: main}}
    keep: {{daily_days: 1}}
    encryption: none
recovery_targets: {{rto_minutes: 60, rpo_minutes: 60}}
duties:
  - {{id: depot/backup/database, what: The database is backed up}}
  - {{id: depot/recovery/database, what: The database is restored}}
  - {{id: depot/recovery/file, what: A file is restored}}
routines:
  - {{name: backup, title: Backup of the database, purpose: A dump., cadence: backup, schedule: "{YEARLY}",
     owner: sre, deadline_minutes: 60,
     procedures: [{{id: depot/backup/database, kind: backup, parameters: {{policy: database}}}}]}}
  - {{name: restore, title: Restore of the database, purpose: A dump comes back., cadence: recovery,
     owner: sre, deadline_minutes: 60,
     procedures: [{{id: depot/recovery/database, kind: restore_dump, parameters: {{policy: database}}}}]}}
  - {{name: file, title: Restore of a file, purpose: A version comes back., cadence: recovery,
     owner: sre, deadline_minutes: 60,
     procedures: [{{id: depot/recovery/file, kind: restore_object_version, parameters: {{bucket: media}}}}]}}
  - {{name: careful, title: Restore of a file that two must approve, purpose: A version comes back.,
     cadence: recovery, owner: sre, deadline_minutes: 60,
     procedures: [{{id: depot/recovery/file, kind: restore_object_version,
                   parameters: {{bucket: media, approvals: 2}}}}]}}
  - {{name: drill, title: Rehearsal, purpose: A dump is rehearsed., cadence: drill,
     owner: sre, deadline_minutes: 60,
     procedures: [{{id: depot/recovery/database, kind: drill_dump, parameters: {{policy: database}}}}]}}
"""

# The index of a restored table is made only when nobody holds restores: a program is then half way.
TABLES = f"""
CREATE TABLE parcels (id int PRIMARY KEY, weight int NOT NULL);
INSERT INTO parcels SELECT n, n FROM generate_series(1, {ROWS}) n;
CREATE FUNCTION unhurried(weight int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  WHILE EXISTS (SELECT FROM pg_catalog.pg_stat_activity WHERE application_name = '{NO_RESTORE}') LOOP
    PERFORM pg_catalog.pg_sleep(0.1);
    PERFORM pg_catalog.pg_stat_clear_snapshot();
  END LOOP;
  RETURN weight;
END $$;
CREATE INDEX heavy ON parcels (unhurried(weight));
"""


@dataclass
class Gate:
    """A call to S3 that is answered late. reached: the call has come. open: set it to let S3 go on."""

    reached: threading.Event = field(default_factory=threading.Event)
    open: threading.Event = field(default_factory=threading.Event)


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
        }

    def fill(self) -> None:
        """Make its database and its buckets."""
        self.ask(f"CREATE DATABASE {DATABASE}", "postgres")
        self.ask(TABLES)
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

    def restored(self) -> set[str]:
        """Return the names of the databases that restores have made."""
        return set(self.ask("SELECT datname FROM pg_database WHERE datname LIKE 'restored%'"))

    def mark(self, database: str) -> str | None:
        """Return how far the restore of a database has come, None where there is no such database."""
        where = DatabaseServer(
            "postgres", "127.0.0.1", self.server.port, SUPERUSER, self.server.password, database
        )
        found = databases(where).mark(database)
        return found.state if found else None

    def indexing(self, database: str) -> bool:
        """Return whether a database is being restored and has its tables already."""
        indexes = f"SELECT 1 FROM pg_stat_progress_create_index WHERE datname = '{database}'"
        return bool(self.ask(indexes))

    def rows(self, database: str) -> int:
        """Return how many parcels a database has."""
        [count] = self.ask("SELECT count(*) FROM parcels", database)
        return int(count)

    def backups(self) -> list[str]:
        """Return the keys of all that is in the bucket of backups."""
        return [one["Key"] for one in self.s3.list_objects_v2(Bucket=BACKUPS).get("Contents", [])]

    def uploads(self) -> int:
        """Return how many uploads were begun and not ended."""
        return len(self.s3.list_multipart_uploads(Bucket=BACKUPS).get("Uploads", []))

    @contextmanager
    def damaged(self, key: str) -> Iterator[None]:
        """Turn over the last bits of a backup, and turn them back."""
        body = self.s3.get_object(Bucket=BACKUPS, Key=key)["Body"].read()
        wrong = body[:-100] + bytes(byte ^ 0xFF for byte in body[-100:])
        self.s3.put_object(Bucket=BACKUPS, Key=key, Body=wrong)
        try:
            yield
        finally:
            self.s3.put_object(Bucket=BACKUPS, Key=key, Body=body)

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
    def slow_upload(self) -> Iterator[Gate]:
        """Take the parts of an upload, and answer only when the test says so."""
        gate, upload = Gate(), S3Backend.upload_part

        def late(*words: Any, **named: Any) -> Any:
            done = upload(*words, **named)
            gate.reached.set()
            gate.open.wait(60)
            return done

        with patch.object(S3Backend, "upload_part", late):
            try:
                yield gate
            finally:
                gate.open.set()

    @contextmanager
    def slow_restore(self) -> Iterator[None]:
        """Let no restore come further than its last index."""
        with self._connection("postgres", application_name=NO_RESTORE):
            yield

    def _connection(self, database: str, **more: str) -> Any:
        return psycopg.connect(
            host="127.0.0.1",
            port=self.server.port,
            user=SUPERUSER,
            password=self.server.password,
            dbname=database,
            autocommit=True,
            **more,
        )


@pytest.fixture(scope="session")
def depot(postgres_server: Server) -> Iterator[Depot]:
    """A depot on an S3 and a server of its own."""
    with aws() as cloud:
        made = Depot(cloud, postgres_server)
        made.fill()
        yield made
