"""Each fault of the sandbox's own servers is truly there, and gone after healing."""

from __future__ import annotations

import json
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import httpx
import mysql.connector
import pytest
from cryptography import x509

from sandbox import commands, process
from sandbox.errors import PartFailed
from sandbox.estate import Endpoint, Estate, PartState
from sandbox.faults import backups, databases, kafka, services, workloads
from sandbox.faults.model import Fault
from sandbox.faults.registry import all_faults, break_
from sandbox.parts.postgres_cluster import SUPERUSER, connection
from sandbox.seeds.backups import policy
from sandbox.servers.kafka import BEHIND

pytestmark = pytest.mark.integration
Get = Callable[[str], Endpoint]


@contextmanager
def broken(estate: Estate, fault: Fault) -> Iterator[None]:
    """Break twice and heal twice, for both may be repeated."""
    try:
        fault.break_(estate)
        fault.break_(estate)
        yield
    finally:
        fault.heal(estate)
        fault.heal(estate)


def needs(part: Get, fault: Fault) -> None:
    for name in fault.needs:
        part(name)


def aws(part: Get, service: str) -> Any:
    url = part("aws").url
    return boto3.client(
        service, endpoint_url=url, region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )


def snapshots(part: Get) -> dict[str, dict[str, Any]]:
    found = aws(part, "rds").describe_db_snapshots(DBInstanceIdentifier="quikapp-live")["DBSnapshots"]
    keys = ("SnapshotCreateTime", "AllocatedStorage", "Encrypted", "KmsKeyId")
    return {one["DBSnapshotIdentifier"]: {key: one.get(key) for key in keys} for one in found}


def objects(part: Get, bucket: str) -> dict[str, tuple[Any, ...]]:
    s3 = aws(part, "s3")
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    found = {one["Key"]: one for page in pages for one in page.get("Contents", ())}
    return {key: (one["LastModified"], one["Size"], one["ETag"]) for key, one in found.items()}


@pytest.mark.parametrize("condition", ["missing", "undersized", "unencrypted"])
def test_snapshots(estate: Estate, part: Get, condition: str) -> None:
    fault = backups.FAULTS[f"quikapp-{condition}-snapshot"]
    fault.heal(estate)  # and all that is due is there
    before = snapshots(part)
    newest = max(before)
    with broken(estate, fault):
        now = snapshots(part)
        if condition == "missing":
            assert newest not in now
            assert before.keys() - now.keys() <= set(sorted(before)[-2:])
        elif condition == "undersized":
            assert now[newest]["AllocatedStorage"] < 0.1 * before[newest]["AllocatedStorage"]
        else:
            assert not now[newest]["Encrypted"]
        changed = {name for name in now if now[name] != before[name]}
        assert changed <= {newest}
    assert snapshots(part) == before


@pytest.mark.parametrize("condition", ["missing", "undersized", "unencrypted"])
@pytest.mark.parametrize(("system", "name"), [(kind[0], kind[1]) for kind in backups.KINDS[1:]])
def test_backup_objects(estate: Estate, part: Get, system: str, name: str, condition: str) -> None:
    one = policy(name)
    prefix = one.names[0].partition("%")[0]
    fault = backups.FAULTS[f"{system}-{condition}-backup"]
    fault.heal(estate)  # and all that is due is there
    before = objects(part, one.bucket)
    newest = max(key for key in before if key.startswith(prefix))
    with broken(estate, fault):
        now = objects(part, one.bucket)
        if condition == "missing":
            assert newest not in now
            return
        assert before.keys() == now.keys()
        changed = [key for key in now if now[key] != before[key]]
        if condition == "undersized":
            assert len(changed) == 1
            assert now[changed[0]][1] < 0.15 * before[changed[0]][1]
        else:
            assert changed == []  # the content is the same
            heads = [
                aws(part, "s3").head_object(Bucket=one.bucket, Key=key)
                for key in sorted(k for k in now if k.startswith(prefix))[-5:]
            ]
            assert sum("ServerSideEncryption" not in head for head in heads) == 1
    assert objects(part, one.bucket) == before


@pytest.mark.parametrize("name", [n for n in services.FAULTS if n.endswith("certificate")])
def test_certificates(estate: Estate, part: Get, name: str) -> None:
    fault = services.FAULTS[name]
    host, _ = services.NAMES[fault.system]
    before = days_left(part("tls"), host)
    with broken(estate, fault):
        left = days_left(part("tls"), host)
        assert left < 0 if "expired" in name else 0 < left < 7
    assert days_left(part("tls"), host) == pytest.approx(before, abs=0.01)


def days_left(tls: Endpoint, host: str) -> float:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    with (
        socket.create_connection((tls.host, tls.port or 0), timeout=5) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        shown = secure.getpeercert(binary_form=True)
    assert shown
    ends = x509.load_der_x509_certificate(shown).not_valid_after_utc
    return (ends - datetime.now(UTC)).total_seconds() / 86_400


@pytest.mark.parametrize(
    ("system", "path"),
    [("quikapp", "/actuator/health"), ("maintenance-api", "/health/live"), ("zetra", "/api/health/db"),
     ("lessay", "/health"), ("tapio", "/healthz")],
)  # fmt: skip
def test_a_service_that_is_down(estate: Estate, part: Get, system: str, path: str) -> None:
    url = part("health").details["urls"][system] + path
    with broken(estate, services.FAULTS[f"{system}-down"]):
        assert httpx.get(url).status_code == 503
    assert httpx.get(url).status_code == 200


def test_a_service_that_is_slow(estate: Estate, part: Get) -> None:
    url = part("health").details["urls"]["zetra"]
    with broken(estate, services.FAULTS["zetra-slow-health"]):
        began = time.monotonic()
        assert httpx.get(f"{url}/api/health", timeout=10).status_code == 200
        assert time.monotonic() - began > 2
        assert httpx.get(f"{url}/api/health/db").elapsed.total_seconds() < 1


@pytest.mark.parametrize("system", ["zetra", "lessay"])
def test_an_exhausted_postgres_pool(estate: Estate, part: Get, system: str) -> None:
    port = part("postgres").port or 0

    def connections(database: str) -> int:
        password = estate.password("postgres", SUPERUSER)
        with connection(port, SUPERUSER, password, "postgres") as db, db.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE datname = %s", (database,))
            return int(cursor.fetchone()[0])

    other = {"zetra": "lessay", "lessay": "zetra"}[system]
    with broken(estate, databases.FAULTS[f"{system}-pool"]):
        assert connections(system) == databases.POOLS[system].size - databases.LEFT_FREE
        assert connections(other) == 0
        user = databases.POOLS[system].user
        with (
            connection(port, user, estate.password("postgres", user), system) as still,
            still.cursor() as cursor,
        ):
            cursor.execute("SELECT 1")
    deadline = time.monotonic() + 10
    while connections(system):
        assert time.monotonic() < deadline
        time.sleep(0.1)


@pytest.mark.parametrize("system", ["quikapp", "maintenance-api"])
def test_an_exhausted_mysql_pool(estate: Estate, part: Get, system: str) -> None:
    fault, pool = databases.FAULTS[f"{system}-pool"], databases.POOLS[system]
    needs(part, fault)

    def connected() -> int:
        with mysql.connector.connect(
            host="127.0.0.1", port=part(pool.part).port, user=pool.user,
            password=estate.password(pool.part, pool.user), use_pure=True,
        ) as db:  # fmt: skip
            cursor = db.cursor()
            cursor.execute("SHOW GLOBAL STATUS LIKE 'Threads_connected'")
            return int(cursor.fetchone()[1])

    with broken(estate, fault):
        assert connected() == pool.size - databases.LEFT_FREE + 1  # our own
        if system == "quikapp":
            said = httpx.get(f"{part('health').details['urls']['quikapp']}/actuator/health").json()
            assert said["components"]["db"]["details"]["pool"]["idle"] == 0
    deadline = time.monotonic() + 10
    while connected() > 2:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_the_process_that_holds_connections_is_one_that_down_stops(estate: Estate, part: Get) -> None:
    part("postgres")
    with broken(estate, databases.FAULTS["zetra-pool"]):
        assert "fault-pool-postgres-zetra" in [child.name for child in process.recorded(estate.folder)]


def test_payments_that_fail(estate: Estate, part: Get) -> None:
    port = part("postgres").port or 0

    def failed() -> int:
        password = estate.password("postgres", "lessay")
        with connection(port, "lessay", password, "lessay") as db, db.cursor() as cursor:
            recent = "status = 'failed' AND created_at > now() - interval '40 minutes'"
            cursor.execute(f"SELECT count(*) FROM payments WHERE {recent}")
            return int(cursor.fetchone()[0])

    before = failed()
    provider = part("health").details["urls"]["payment-provider"]
    with broken(estate, databases.FAULTS["lessay-payments"]):
        assert failed() == before + 400
        assert httpx.get(provider).status_code == 503
    assert failed() <= before
    assert httpx.get(provider).status_code == 200


def test_consumers_that_fall_behind(estate: Estate, part: Get) -> None:
    from confluent_kafka import Consumer, TopicPartition

    broker = part("kafka")

    def lag() -> int:
        consumer = Consumer(
            {
                "bootstrap.servers": f"{broker.host}:{broker.port}",
                "group.id": "message-consumers",
                "log_level": 3,
            }
        )
        try:
            partitions = consumer.list_topics("messages", timeout=10).topics["messages"].partitions
            known = consumer.committed([TopicPartition("messages", n) for n in partitions], timeout=10)
            return sum(consumer.get_watermark_offsets(one, timeout=10)[1] - one.offset for one in known)
        finally:
            consumer.close()

    fault = kafka.FAULTS["quikapp-kafka-lag"]
    fault.break_(estate)
    assert lag() == BEHIND["messages"] + kafka.MESSAGES
    fault.heal(estate)
    assert lag() == BEHIND["messages"]


@pytest.mark.parametrize("name", sorted(workloads.FAULTS))
def test_pods_that_crash(estate: Estate, part: Get, wait_for: Callable[..., Any], name: str) -> None:
    fault = workloads.FAULTS[name]
    namespace = part("kubernetes").details["namespaces"][fault.system]
    selector, _ = workloads.CRASHES[fault.system]

    def waiting() -> list[str]:
        path = f"/api/v1/namespaces/{namespace}/pods?labelSelector={selector.replace('=', '%3D')}"
        pods = kubernetes(part("kubernetes"), path)["items"]
        assert pods
        states = [status["state"] for pod in pods for status in pod["status"].get("containerStatuses", ())]
        return [state["waiting"]["reason"] for state in states if "waiting" in state]

    assert waiting() == []
    with broken(estate, fault):
        wait_for(lambda: "CrashLoopBackOff" in waiting(), "the crash loop")
    wait_for(lambda: waiting() == [], "the pods being well again")


def kubernetes(endpoint: Endpoint, path: str) -> Any:
    token = Path(endpoint.details["token_file"]).read_text().strip()
    request = urllib.request.Request(f"{endpoint.url}{path}", headers={"Authorization": f"Bearer {token}"})
    context = ssl.create_default_context(cafile=endpoint.details["ca_file"])
    with urllib.request.urlopen(request, timeout=10, context=context) as answer:
        return json.loads(answer.read())


def test_a_fault_of_several_sources_breaks_all_of_them(estate: Estate, part: Get) -> None:
    url = part("health").details["urls"]["tapio"]
    prometheus = part("prometheus").url
    assert set(all_faults()["tapio-down"].needs) == {"health", "prometheus"}

    def up() -> str:
        found = httpx.get(f"{prometheus}/api/v1/query", params={"query": 'up{job="tapio-server"}'}).json()
        return str(found["data"]["result"][0]["value"][1])

    assert "tapio-server answers no scrape" in commands.fault("tapio-down")
    try:
        assert (up(), httpx.get(f"{url}/healthz").status_code) == ("0", 503)
    finally:
        commands.heal("tapio-down")
    assert (up(), httpx.get(f"{url}/healthz").status_code) == ("1", 200)


def test_a_fault_whose_part_does_not_run_breaks_nothing(estate: Estate) -> None:
    parts = {
        **estate.parts,
        "prometheus": Endpoint(name="prometheus", state=PartState.MISSING, why="not here"),
    }
    lacking = Estate(folder=estate.folder, state=PartState.UP, parts=parts)
    with pytest.raises(PartFailed, match="prometheus is not available: not here"):
        break_("tapio-down", lacking)
    assert httpx.get(f"{estate.parts['health'].details['urls']['tapio']}/healthz").status_code == 200


def test_healing_one_fault_leaves_the_other_of_the_same_service(estate: Estate, part: Get) -> None:
    url = part("health").details["urls"]["zetra"]
    slow, down = services.FAULTS["zetra-slow-health"], services.FAULTS["zetra-down"]
    with broken(estate, slow):
        with broken(estate, down):
            assert httpx.get(f"{url}/api/health").status_code == 503
        assert httpx.get(f"{url}/api/health", timeout=10).elapsed.total_seconds() > 2
    assert httpx.get(f"{url}/api/health").elapsed.total_seconds() < 1
