"""`upkeep backups dump`, as a container runs it: with its connections in the environment alone."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import pyrage
import pytest
from tests.airflow.depot import BACKUPS
from tests.backups.jobs.world import NAME, World, words
from tests.servers.databases import mysql

from upkeep.backups.dumps.orders import DumpOrder, order_of
from upkeep.errors import ConfigurationError

UPKEEP = Path(sys.executable).with_name("upkeep")


@contextmanager
def program(arguments: list[str], environment: Mapping[str, str]) -> Iterator[subprocess.Popen[str]]:
    """Run the program as a pod does."""
    inherited = {"PATH": os.environ["PATH"], "HOME": os.environ["HOME"]}
    with subprocess.Popen(
        [UPKEEP, *arguments],
        env=inherited | dict(environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def run(world: World, environment: Mapping[str, str], *more: str) -> tuple[int, str]:
    """Run it to its end; return the status and all that it says."""
    with program([*world.order.arguments, *more, NAME], environment) as process:
        said, _ = process.communicate(timeout=120)
        return process.returncode, said


def test_it_dumps_and_says_nothing_secret(world: World, tmp_path: Path) -> None:
    environment = world.environment(tmp_path)

    with world.depot.slow_upload() as slow, program([*world.order.arguments, NAME], environment) as process:
        assert slow.reached.wait(60)
        shown = words(process.pid)
        slow.open.set()
        said, _ = process.communicate(timeout=60)

    assert process.returncode == 0, said
    assert f"s3://{BACKUPS}/database/{NAME}.dump is there" in said
    for secret in (world.depot.server.password, *environment.values()):
        assert secret not in shown
        assert secret not in said
    assert world.method().find(NAME) is not None
    assert run(world, environment)[0] == 0
    assert len(world.depot.backups()) == 2


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_it_is_killed_and_repeated(world: World, tmp_path: Path, number: signal.Signals) -> None:
    environment = world.environment(tmp_path)
    with world.depot.slow_upload() as slow, program([*world.order.arguments, NAME], environment) as process:
        assert slow.reached.wait(60)
        process.send_signal(number)
        if number == signal.SIGTERM:
            slow.open.set()
        assert process.wait(60) == (-9 if number == signal.SIGKILL else 143)
    assert world.depot.backups() == []
    assert world.depot.uploads() == (1 if number == signal.SIGKILL else 0)

    assert run(world, environment)[0] == 0

    copy = world.method().find(NAME)
    assert copy is not None
    assert all(proof.holds for proof in world.method().check(copy))
    assert (len(world.depot.backups()), world.depot.uploads()) == (2, 0)


def test_it_dumps_a_mariadb(world: World, tmp_path: Path) -> None:
    with mysql() as database:
        connection = {
            "conn_type": "mysql", "host": "127.0.0.1", "port": database.port, "login": database.user,
            "password": database.password, "schema": database.name,
        }  # fmt: skip
        environment = world.environment(tmp_path) | {"AIRFLOW_CONN_DEPOT_MYSQL": json.dumps(connection)}
        order = DumpOrder("mysql", BACKUPS, "database/", "none")
        arguments = order.arguments({"mysql": "depot_mysql", "aws": "depot_aws"})

        with program([*arguments, NAME], environment) as process:
            said, _ = process.communicate(timeout=60)

    assert process.returncode == 0, said
    assert f"s3://{BACKUPS}/database/{NAME}.sql.zst is there" in said
    assert database.password not in said
    assert f"database/{NAME}.sql.zst.manifest.json" in world.depot.backups()


def test_a_job_notes_where_the_binary_log_is(world: World, tmp_path: Path) -> None:
    """A server without one is refused, so what the job was told has come as far as the program that dumps."""
    with mysql() as database:
        connection = {
            "conn_type": "mysql", "host": "127.0.0.1", "port": database.port, "login": database.user,
            "password": database.password, "schema": database.name,
        }  # fmt: skip
        environment = world.environment(tmp_path) | {"AIRFLOW_CONN_DEPOT_MYSQL": json.dumps(connection)}
        order = DumpOrder("mysql", BACKUPS, "database/", "none", binlog=True)
        arguments = order.arguments({"mysql": "depot_mysql", "aws": "depot_aws"})

        with program([*arguments, NAME], environment) as process:
            said, _ = process.communicate(timeout=60)

    assert process.returncode != 0
    assert "You are not using binary logging" in said
    assert world.depot.backups() == []


def test_a_pod_that_seals_needs_only_the_public_key(world: World, tmp_path: Path) -> None:
    key = pyrage.x25519.Identity.generate()
    order = DumpOrder("postgres", BACKUPS, "database/", "age")
    arguments = order.arguments({"postgres": "depot_postgres", "aws": "depot_aws", "backup_key": "depot_key"})
    public = f'{{"conn_type": "generic", "login": "{key.to_public()}"}}'
    environment = world.environment(tmp_path) | {"AIRFLOW_CONN_DEPOT_KEY": public}

    with program([*arguments, NAME], environment) as process:
        said, _ = process.communicate(timeout=60)

    assert process.returncode == 0, said
    copy = world.method().find(NAME)
    assert copy is not None
    assert copy.encryption == "age"
    body = world.depot.s3.get_object(Bucket=BACKUPS, Key=f"database/{NAME}.dump.age")["Body"].read()
    assert body.startswith(b"age-encryption.org/v1")


def test_what_is_missing_is_named(world: World, tmp_path: Path) -> None:
    environment = world.environment(tmp_path)
    del environment["AIRFLOW_CONN_DEPOT_POSTGRES"]

    status, said = run(world, environment)

    assert status == 1
    assert "upkeep: Airflow has no connection 'depot_postgres' (postgres of the dump" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("to", "encryption", "connections", "said"),
    [
        ("bucket/prefix", "none", {"mysql": "a", "aws": "b"}, "no place for a dump; write s3://BUCKET"),
        ("s3://b/p/", "rot13", {"mysql": "a", "aws": "b"}, "'rot13' is none of aws:kms"),
        ("s3://b/p/", "none", {"aws": "b"}, "one connection of the role mysql or postgres"),
        ("s3://b/p/", "none", {"aws": "b", "mysql": "a", "postgres": "c"}, "one connection of the role"),
        ("s3://b/p/", "age", {"aws": "b", "mysql": "a"}, "lacks the connection backup_key"),
    ],
)
def test_arguments_that_make_no_dump(
    to: str, encryption: str, connections: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigurationError, match=said):
        order_of(to, encryption, connections, 1)
