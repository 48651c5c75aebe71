"""Replication of real servers: a replica that follows, one that is stopped, and the primary's view."""

from __future__ import annotations

import shutil
import socket
import subprocess
import tempfile
from contextlib import ExitStack, closing
from pathlib import Path

import pytest

from sandbox import process, programs
from sandbox.errors import PartMissing
from sandbox.paths import service_account
from upkeep.clients import mysql, postgres

pytestmark = pytest.mark.integration
PASSWORD = "of-the-test-only"


@pytest.fixture(scope="module")
def folder():
    """A folder that the servers' own user may write into."""
    path = Path(tempfile.mkdtemp(prefix="upkeep-replication-", dir="/var/tmp"))
    path.chmod(0o777)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def run(*command):
    done = subprocess.run(
        list(map(str, command)),
        capture_output=True,
        cwd="/",
        check=False,
        **process.run_as(service_account()),
    )
    assert done.returncode == 0, done.stderr.decode()[-1000:]


def accepts(port):
    with socket.create_connection(("127.0.0.1", port), 1):
        return True


def find_program(name):
    try:
        return programs.find(name)
    except PartMissing as e:
        pytest.skip(str(e))


class TestMariaDb:
    @pytest.fixture(scope="class")
    @classmethod
    def pair(cls, folder, run_server, port, eventually):
        """Connect to a primary and its replica."""
        server = find_program("mariadbd")
        users = [
            "SET sql_log_bin = 0;",
            f"CREATE USER 'sre'@'%' IDENTIFIED BY '{PASSWORD}';",
            "GRANT ALL ON *.* TO 'sre'@'%' WITH GRANT OPTION;",
        ]
        ports = [port(), port()]
        with ExitStack() as stack:
            for number, at in enumerate(ports, start=1):
                data = folder / f"mariadb-{number}"
                install = [find_program("mariadb-install-db"), "--no-defaults", f"--datadir={data}"]
                run(*install, "--skip-test-db", "--innodb-log-file-size=8M")
                initial = folder / f"initial-{number}.sql"
                initial.write_text("\n".join(users) + "\n")
                command = [
                    server, "--no-defaults", f"--datadir={data}", f"--socket={data}/s", f"--port={at}",
                    "--bind-address=127.0.0.1", "--skip-name-resolve", "--innodb-buffer-pool-size=16M",
                    "--log-bin", f"--server-id={number}", f"--init-file={initial}", f"--pid-file={data}/pid",
                ]  # fmt: skip
                options = {"cwd": "/", **process.run_as(service_account())}
                stack.enter_context(
                    run_server(list(map(str, command)), lambda at=at: accepts(at), folder, **options)
                )
            yield (
                [mysql.connector("127.0.0.1", at, "sre", PASSWORD, timeout_seconds=5) for at in ports],
                ports,
            )

    def test_a_replica_that_follows_and_one_that_is_stopped(self, pair, eventually):
        (primary, replica), ports = pair

        def execute(connect, *statements):
            with closing(connect()) as connection, closing(connection.cursor()) as cursor:
                for statement in statements:
                    cursor.execute(statement)
                connection.commit()

        execute(
            replica,
            f"CHANGE MASTER TO MASTER_HOST='127.0.0.1', MASTER_PORT={ports[0]}, MASTER_USER='sre', "
            f"MASTER_PASSWORD='{PASSWORD}', MASTER_CONNECT_RETRY=1, MASTER_USE_GTID=slave_pos",
            "START REPLICA",
        )
        execute(primary, "CREATE DATABASE shop", "CREATE TABLE shop.orders (n INT)")
        client = mysql.MySql(replica)

        def following():
            found = client.replication()
            return found if found and found[0].lag_seconds == 0 else None

        [found] = eventually(following, "the replica to follow")
        assert (found.receiving, found.applying, found.problem) == (True, True, None)
        assert found.source == f"127.0.0.1:{ports[0]}"
        assert mysql.MySql(primary).replication() == []
        eventually(lambda: "shop" in {d.name for d in client.database_sizes()}, "the table to arrive")

        execute(replica, "STOP REPLICA SQL_THREAD")
        [stopped] = client.replication()
        assert (stopped.lag_seconds, stopped.receiving, stopped.applying) == (None, True, False)
        assert "not running" in stopped.problem

        execute(replica, "DROP TABLE shop.orders", "START REPLICA SQL_THREAD")
        execute(primary, "INSERT INTO shop.orders VALUES (1)")
        broken = eventually(
            lambda: [r for r in client.replication() if "orders" in (r.problem or "")], "the error"
        )
        assert broken[0].lag_seconds is None


class TestPostgres:
    @pytest.fixture(scope="class")
    @classmethod
    def pair(cls, folder, run_server, port):
        """Connect to a primary and its standby."""
        try:
            binaries = programs.postgres_folder(folder / "programs")
        except PartMissing as e:
            pytest.skip(str(e))
        one, two, ports = folder / "primary", folder / "standby", [port(), port()]
        run(binaries / "initdb", "--pgdata", one, "--username", "sre", "--auth", "trust", "--no-sync")
        options = {"cwd": "/", **process.run_as(service_account())}

        def start(data, at):
            settings = {
                "port": at,
                "listen_addresses": "127.0.0.1",
                "unix_socket_directories": data,
                "fsync": "off",
            }
            command = [binaries / "postgres", "-D", data, *(f"--{k}={v}" for k, v in settings.items())]
            return run_server(list(map(str, command)), lambda: accepts(at), folder, **options)

        with start(one, ports[0]):
            address = f"host=127.0.0.1 port={ports[0]} user=sre application_name=standby-1"
            run(binaries / "pg_basebackup", "-D", two, "-R", "-d", address, "-c", "fast", "--no-sync")
            with start(two, ports[1]):
                yield [
                    postgres.connector("127.0.0.1", at, "sre", "", "postgres", timeout_seconds=5)
                    for at in ports
                ]

    def test_a_standby_that_follows_and_one_that_lags(self, pair, eventually):
        to_primary, to_standby = pair
        primary, standby = postgres.Postgres(to_primary), postgres.Postgres(to_standby)
        [replica] = eventually(
            lambda: [r for r in primary.replication().replicas if r.state == "streaming"], "streaming"
        )
        assert (replica.name, replica.sync_state) == ("standby-1", "async")
        assert replica.lag_seconds >= 0
        found = eventually(lambda: (r := standby.replication()).is_streaming and r, "the standby")
        assert (found.is_standby, found.lag_seconds, found.replicas) == (True, 0, ())
        assert not primary.replication().is_standby

        with closing(to_standby()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SELECT pg_wal_replay_pause()")
            connection.commit()
        with closing(to_primary()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("CREATE TABLE orders AS SELECT generate_series(1, 10000) AS n")
            connection.commit()
        [behind] = eventually(
            lambda: [r for r in primary.replication().replicas if (r.lag_bytes or 0) > 100_000],
            "the lag in bytes",
        )
        assert behind.lag_seconds >= 0
        lagging = eventually(
            lambda: (r := standby.replication()).lag_seconds != 0 and r, "the lag in seconds"
        )
        assert lagging.lag_seconds is None or lagging.lag_seconds > 0

        with closing(to_standby()) as connection, closing(connection.cursor()) as cursor:
            cursor.execute("SELECT pg_wal_replay_resume()")
            connection.commit()
        eventually(lambda: standby.replication().lag_seconds == 0, "the standby to catch up")
