"""The seeded estate: what the guides name is there, healthy, and as old as it should be."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.every import manage
from sandbox.kubernetes.seed import plant

DEPLOYMENTS = {
    "quikapp-live": {"api", "websocket", "message-consumers", "auth-service"},
    "maintenance-api": {"maintenance-api", "mysql"},
    "production": {"zetra-platform-blue", "zetra-platform-green", "redis"},
    "lessay": {"lessay-api", "lessay-auth", "lessay-payments"},
    "tapio-system": {
        "tapio-server",
        "tapio-dashboard",
        "log-archiver",
        "backup-manager",
        "maintenance-controller",
        "metrics-analyzer",
        "capacity-planner",
        "metrics-collector",
        "network-monitor",
    },
}


@pytest.mark.parametrize("namespace", DEPLOYMENTS)
def test_the_systems_are_there_and_healthy(http, namespace):
    items = http.get(f"/apis/apps/v1/namespaces/{namespace}/deployments").json()["items"]
    assert {d["metadata"]["name"] for d in items} >= DEPLOYMENTS[namespace]
    assert all(d["status"].get("availableReplicas", 0) == d["spec"]["replicas"] for d in items)
    policies = http.get(f"/apis/networking.k8s.io/v1/namespaces/{namespace}/networkpolicies").json()["items"]
    assert "default-deny" in {p["metadata"]["name"] for p in policies}
    for kind in ("certificates.cert-manager.io/v1", "vulnerabilityreports.aquasecurity.github.io/v1alpha1"):
        plural, _, group = kind.partition(".")
        assert http.get(f"/apis/{group}/namespaces/{namespace}/{plural}").json()["items"], kind


def test_zetra_s_active_colour_is_blue(http):
    service = http.get("/api/v1/namespaces/production/services/zetra-platform-active").json()
    assert service["spec"]["selector"]["slot"] == "blue"
    endpoints = http.get("/api/v1/namespaces/production/endpoints/zetra-platform-active").json()
    names = [a["targetRef"]["name"] for a in endpoints["subsets"][0]["addresses"]]
    assert len(names) == 3
    assert all(name.startswith("zetra-platform-blue-") for name in names)
    assert http.get(
        "/apis/networking.k8s.io/v1/namespaces/production/ingresses/zetra-platform-ingress"
    ).is_success
    assert http.get("/api/v1/namespaces/production/pods/postgres-0").is_success


def test_last_night_s_backup_has_its_date_and_is_complete(http):
    jobs = {
        j["metadata"]["name"]: j
        for j in http.get("/apis/batch/v1/namespaces/tapio-system/jobs").json()["items"]
    }
    today = datetime.now(UTC)
    job = jobs.get(f"backup-daily-{today:%Y%m%d}") or jobs[f"backup-daily-{today - timedelta(days=1):%Y%m%d}"]
    assert job["status"]["succeeded"] == 1
    assert job["status"]["startTime"] < job["status"]["completionTime"]
    assert "vulnerability-scan" in jobs
    mysql = http.get("/apis/batch/v1/namespaces/maintenance-api/jobs").json()["items"]
    assert all(re.fullmatch(r"mysql-backup-\d{8}", j["metadata"]["name"]) for j in mysql)


def _log(http, namespace, app, **query):
    pods = http.get(f"/api/v1/namespaces/{namespace}/pods", params={"labelSelector": f"app={app}"}).json()
    name = pods["items"][0]["metadata"]["name"]
    return http.get(f"/api/v1/namespaces/{namespace}/pods/{name}/log", params=query).text


def test_the_archive_of_yesterday_is_in_the_log_and_the_index(http):
    # A day that has just ended is archived within three minutes.
    day = (datetime.now(UTC) - timedelta(days=1, minutes=4)).date()
    index = http.get("/api/v1/namespaces/tapio-system/configmaps/log-archive-index").json()["data"]
    assert len(index) >= 30
    entry = json.loads(index[str(day)])
    assert entry["bytes"] == sum(file["bytes"] for file in entry["files"]) > 0
    lines = _log(http, "tapio-system", "log-archiver").splitlines()
    pattern = re.compile(r".* archived path=(\S+) bytes=(\d+) sha256=([0-9a-f]{64})")
    archived = {m[1]: (int(m[2]), m[3]) for line in lines if (m := pattern.fullmatch(line))}
    before = day - timedelta(days=1)
    for file in json.loads(index[str(before)])["files"]:
        assert archived[file["path"]] == (file["bytes"], file["sha256"])
        assert file["path"].startswith(f"/archive/{before:%Y/%m/%d}/")


def test_the_lines_that_tapio_s_guide_looks_for(http):
    server = _log(http, "tapio-system", "tapio-server")
    times = [float(line.split()[4]) for line in server.splitlines() if "response_time" in line]
    assert 20 < sum(times) / len(times) < 120
    for word in ("slow_query", "ERROR", "cache_hit_rate"):
        assert word in server
    assert "daily-tasks" in _log(http, "tapio-system", "maintenance-controller")
    assert "growth-rate" in _log(http, "tapio-system", "capacity-planner")
    assert "monthly-summary" in _log(http, "tapio-system", "metrics-collector")
    assert "scan completed" in _log(http, "tapio-system", "vulnerability-scan")


@pytest.mark.parametrize(
    ("namespace", "app"),
    [
        ("quikapp-live", "api"),
        ("quikapp-live", "auth-service"),
        ("maintenance-api", "maintenance-api"),
        ("production", "zetra-platform"),
        ("lessay", "lessay-payments"),
        ("tapio-system", "tapio-server"),
    ],
)
def test_a_day_s_log_has_a_few_errors_with_their_times(http, namespace, app):
    lines = _log(http, namespace, app, sinceSeconds=86_400).splitlines()
    errors = [line for line in lines if " ERROR " in line]
    assert 0 < len(errors) < len(lines) / 5
    stamps = [line.split()[0] for line in lines]
    assert stamps == sorted(stamps)


def test_logs_are_the_same_at_every_reading(http):
    first = _log(http, "quikapp-live", "websocket")
    assert _log(http, "quikapp-live", "websocket").startswith(first)


@settings(max_examples=8)
@given(st.datetimes(datetime(2025, 1, 1), datetime(2027, 12, 31), timezones=st.just(UTC)))  # noqa: DTZ001
def test_the_seed_is_healthy_whenever_it_is_planted(now):
    cluster = Cluster()
    manage(cluster)
    plant(cluster, now)
    assert all(p["status"]["phase"] in ("Running", "Succeeded") for p in cluster.all("pods"))
    for job in cluster.all("jobs.batch"):
        assert job["status"]["completionTime"] <= now.strftime("%Y-%m-%dT%H:%M:%SZ"), job["metadata"]["name"]
    yesterday = str((now - timedelta(days=1)).date())
    assert max(cluster.get("configmaps", ("tapio-system", "log-archive-index"))["data"]) == yesterday


def test_the_day_that_ends_is_archived():
    cluster = Cluster()
    manage(cluster)
    evening = datetime(2026, 3, 31, 23, 50, tzinfo=UTC)
    plant(cluster, evening)
    cluster.clock.freeze(evening)
    cluster.manager.settle(1200)
    index = cluster.get("configmaps", ("tapio-system", "log-archive-index"))["data"]
    assert json.loads(index["2026-03-31"])["finished_at"] == "2026-04-01T00:03:00Z"
    jobs = cluster.all("jobs.batch", "tapio-system")
    started = [j["status"]["startTime"] for j in jobs if j["metadata"]["name"].startswith("backup-daily")]
    assert max(started) == "2026-04-01T00:00:00Z", "the schedule goes on after the seeded past"
