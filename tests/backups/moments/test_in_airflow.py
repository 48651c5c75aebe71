"""Through a real Airflow: its connection, its form, and servers that outlive the tasks that start them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from tests.airflow.acting import Run
from tests.airflow.dues import YEARLY
from tests.airflow.waiting import wait_for_system
from tests.backups.physical.conftest import PASS_PHRASE, Source
from tests.servers.airflow import RunningAirflow, airflow
from tests.servers.moments import ids, recoveries, source_of_a_shop

MILL = """\
title: Mill
description: A mill
guide: none
owners:
  sre: {title: SRE, email: sre@example.com}
connections: {postgres: mill_postgres, pgbackrest: mill_pgbackrest}
resources:
  databases:
    main: {engine: postgres}
backups:
  wal:
    title: WAL
    what: PostgreSQL with its WAL
    method: base_backup
    location: {kind: pgbackrest, connection: mill_pgbackrest, stanza: main}
    source: {kind: database}
    keep: {daily_days: 7}
    encryption: aes-256-cbc
recovery_targets: {rto_minutes: 60, rpo_minutes: 60}
escalation:
  severities: {}
  chains:
    main: {levels: [{owner: sre, wait_minutes: 60}]}
  default_chain: main
duties:
  - {id: mill/backup/wal, what: The database is backed up}
  - {id: mill/recovery/moment, what: The database is as it was}
routines:
  - {name: backup, title: Backup, purpose: A base backup., cadence: backup, schedule: "0 3 1 1 *", owner: sre,
     deadline_minutes: 60, procedures: [{id: mill/backup/wal, kind: backup, parameters: {policy: wal}}]}
  - {name: restore, title: Restore, purpose: A moment comes back., cadence: recovery, owner: sre,
     deadline_minutes: 60,
     procedures: [{id: mill/recovery/moment, kind: restore_moment, parameters: {policy: wal}}]}
  - {name: drill, title: Rehearsal, purpose: A moment is rehearsed., cadence: drill, owner: sre,
     deadline_minutes: 60,
     procedures: [{id: mill/recovery/moment, kind: drill_moment, parameters: {policy: wal}}]}
""".replace("0 3 1 1 *", YEARLY)


@dataclass(frozen=True)
class Mill:
    """Airflow, the real server, and the folder of recoveries."""

    airflow: RunningAirflow
    source: Source
    folder: Path

    def run(self, routine: str, run_id: str, **form: Any) -> Run:
        task = "wal" if routine == "backup" else "moment"
        return Run(self.airflow, None, f"mill_{routine}", run_id, task).start(**form)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def mill(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mill]:
    systems = tmp_path_factory.mktemp("systems")
    (systems / "mill.yaml").write_text(MILL)
    with source_of_a_shop() as source, recoveries() as folder:
        said = [line.partition("=") for line in source.stanza.config.read_text().splitlines()]
        options = {name: value for name, sign, value in said if sign and "cipher" not in name}
        extra = {
            "options": options,
            "programs": str(source.stanza.programs),
            "folder": str(folder),
            "user": source.stanza.user,
        }
        database = {"conn_type": "postgres", "host": "127.0.0.1", "login": "postgres", "schema": "postgres"}
        connections = {
            "mill_postgres": json.dumps(database),
            "mill_pgbackrest": json.dumps({"conn_type": "generic", "password": PASS_PHRASE, "extra": extra}),
        }
        with airflow(systems, connections) as running:
            wait_for_system(running, "mill", "drill")
            yield Mill(running, source, folder)


def test_backed_up_then_restored_to_a_moment_then_rehearsed(mill: Mill) -> None:
    assert mill.run("backup", "first").ended() == "success"
    mill.source.sql("INSERT INTO t VALUES (1)")
    mill.source.now("one")
    mill.source.sql("INSERT INTO t VALUES (2)")
    mill.source.archived()
    moment = mill.source.moments["one"].isoformat()

    dry = mill.run("restore", "dry", dry_run="yes", moment=moment)
    assert (dry.ended(), list(mill.folder.iterdir())) == ("success", [])
    assert f"Restore WAL to {moment}" in dry.report()

    asked = mill.run("restore", "asked")
    assert asked.ended() == "success"
    assert "on timeline 1 from" in asked.log("plan")
    assert asked.tasks()["restore"] == "skipped"

    real = mill.run("restore", "real", moment=moment, target="kept")
    assert real.ended() == "success", real.report()
    # All tasks have ended, and what was restored is there.
    assert ids(mill.folder / "kept") == [1]
    assert real.recovery().data_as_of == mill.source.moments["one"]

    drill = mill.run("drill", "rehearsed")
    assert drill.ended() == "success", drill.report()
    assert {one.name.removeprefix(".").partition(".")[0] for one in mill.folder.iterdir()} == {"kept"}
    every = [path.read_text(errors="replace") for path in mill.airflow.state.rglob("*.log")]
    assert not any(PASS_PHRASE in text for text in every)
