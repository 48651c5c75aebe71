from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import mysql.connector
import psycopg2
import pytest
from confluent_kafka import Consumer, TopicPartition
from redis import Redis
from redis.exceptions import AuthenticationError

from sandbox.estate import Endpoint, Estate
from sandbox.parts.postgres_cluster import connection

pytestmark = pytest.mark.integration
Get = Callable[[str], Endpoint]


@pytest.mark.parametrize(
    ("database", "user", "tables"),
    [
        ("zetra", "zetra_admin", {"users", "tasks", "documents", "audit_logs", "sessions", "email_syncs"}),
        ("lessay", "lessay", {"lessons", "lesson_progress", "payments", "sessions"}),
        ("tapio", "tapio", {"events"}),
    ],
)
def test_postgres_has_the_guides_tables_filled(
    estate: Estate, part: Get, database: str, user: str, tables: set[str]
) -> None:
    port = part("postgres").port or 0
    with connection(port, user, estate.password("postgres", user), database) as db, db.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname, reltuples FROM pg_class AS c JOIN pg_stat_user_tables ON c.oid = relid"
        )
        found = dict(cursor.fetchall())
        assert found.keys() == tables
        assert min(found.values()) >= 200
        cursor.execute("SELECT datconnlimit FROM pg_database WHERE datname = current_database()")
        assert cursor.fetchone() == (25,)
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query IS NOT NULL")
        assert cursor.fetchone()[0] >= 1


def test_statement_statistics_are_there_where_the_server_brings_them(estate: Estate, part: Get) -> None:
    postgres = part("postgres")
    if not postgres.details["statement_statistics"]:
        pytest.skip(str(postgres.why))
    password = estate.password("postgres", "zetra_admin")
    with connection(postgres.port or 0, "zetra_admin", password, "zetra") as db, db.cursor() as cursor:
        cursor.execute("SELECT query, mean_exec_time, calls FROM pg_stat_statements ORDER BY 2 DESC LIMIT 10")
        assert cursor.fetchall()
        cursor.execute("SELECT count(*) FROM pg_stat_statements WHERE query ILIKE %s", ("%SCRAM-SHA-256$%",))
        known = cursor.fetchone()[0]
    assert known == 0


def test_postgres_refuses_a_wrong_password(part: Get) -> None:
    for name, user, database in (("postgres", "lessay", "lessay"), ("platform", "ledger", "ledger")):
        with (
            pytest.raises(psycopg2.OperationalError, match="password authentication failed"),
            connection(part(name).port or 0, user, "wrong", database),
        ):
            pass


def test_the_platform_is_a_cluster_of_its_own_and_durable(estate: Estate, part: Get) -> None:
    platform = part("platform")
    assert platform.port != part("postgres").port
    for database in ("airflow", "ledger"):
        password = estate.password("platform", database)
        with connection(platform.port or 0, database, password, database) as db, db.cursor() as cursor:
            cursor.execute("SHOW fsync")
            assert cursor.fetchone() == ("on",)
            cursor.execute("CREATE TABLE probe (n int)")
            cursor.execute("DROP TABLE probe")


@pytest.mark.parametrize(
    ("name", "tables"),
    [("mysql-quikapp", {"users", "messages"}), ("mysql-maintenance-api", {"tasks"})],
)
def test_mysql_has_its_database(estate: Estate, part: Get, name: str, tables: set[str]) -> None:
    server = part(name)
    user, database = server.details["user"], server.details["database"]
    with mysql.connector.connect(
        host=server.host, port=server.port, user=user, password=estate.password(name, user),
        database=database, use_pure=True,
    ) as db:  # fmt: skip
        cursor = db.cursor()
        cursor.execute("SHOW TABLES")
        assert {row[0] for row in cursor.fetchall()} == tables
        cursor.execute("SHOW GLOBAL STATUS LIKE 'Threads_connected'")
        assert int(cursor.fetchone()[1]) >= 1
        cursor.execute("SHOW FULL PROCESSLIST")
        assert cursor.fetchall()
        cursor.execute("SELECT sql_text FROM mysql.slow_log")
        assert cursor.fetchall()


def test_redis_wants_its_password_and_has_hits_and_misses(estate: Estate, part: Get) -> None:
    redis = part("redis")
    with Redis(host=redis.host, port=redis.port or 0) as nobody, pytest.raises(AuthenticationError):
        nobody.ping()
    with Redis(
        host=redis.host, port=redis.port or 0, password=estate.password("redis", "default"), db=1
    ) as client:
        stats = client.info("stats")
        assert client.dbsize() == 500
        assert 0.9 < stats["keyspace_hits"] / (stats["keyspace_hits"] + stats["keyspace_misses"]) < 1
        assert client.info("memory")["maxmemory"] > 0


def test_kafka_shows_the_groups_lag(part: Get) -> None:
    assert lag(part("kafka"), "messages") == 7_300
    assert lag(part("kafka"), "notifications") == 0


def lag(kafka: Endpoint, topic: str) -> int:
    consumer = Consumer(
        {
            "bootstrap.servers": f"{kafka.host}:{kafka.port}",
            "group.id": kafka.details["group"],
            "log_level": 3,
        }
    )
    try:
        partitions = consumer.list_topics(topic, timeout=10).topics[topic].partitions
        committed = consumer.committed([TopicPartition(topic, number) for number in partitions], timeout=10)
        ends = [consumer.get_watermark_offsets(one, timeout=10)[1] for one in committed]
        return sum(end - one.offset for end, one in zip(ends, committed, strict=True))
    finally:
        consumer.close()


def test_credentials_are_for_us_alone(estate: Estate) -> None:
    for part in estate.parts.values():
        if part.credentials_file:
            file = Path(part.credentials_file)
            assert file.stat().st_mode & 0o777 == 0o600
            assert json.loads(file.read_text())
