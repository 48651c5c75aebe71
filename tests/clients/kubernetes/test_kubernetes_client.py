"""The Kubernetes client against the sandbox's API server, which has the real API's semantics."""

from __future__ import annotations

import tracemalloc
from datetime import UTC, datetime, timedelta
from itertools import islice

import pytest

from upkeep.clients.answers import NotFoundError
from upkeep.clients.kubernetes import Kubernetes
from upkeep.clients.logs import pod_logs
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

pytestmark = pytest.mark.integration
NAMESPACE = "client-tests"


@pytest.fixture(scope="module", autouse=True)
def namespace(cluster):
    cluster.api("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})


def make(cluster, path, name, spec, **metadata):
    cluster.api("POST", path, {"metadata": {"name": name, **metadata}, "spec": spec})


def template(name, image="registry.example/shop:1.0.0", **container):
    return {
        "metadata": {"labels": {"app": name}},
        "spec": {"containers": [{"name": "server", "image": image, **container}]},
    }


def deploy(cluster, name, replicas=1, **container):
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": name}},
        "template": template(name, **container),
    }
    make(cluster, f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", name, spec)


@pytest.fixture(scope="module")
def shop(cluster, kubernetes, eventually):
    """A deployment of two ready pods."""
    resources = {"requests": {"cpu": "250m", "memory": "64Mi"}, "limits": {"memory": "1Gi"}}
    deploy(cluster, "shop", 2, resources=resources)

    def ready():
        found = [d for d in kubernetes.deployments(NAMESPACE) if d.name == "shop"]
        return found and found[0].ready == 2

    eventually(ready, "the deployment")
    return "shop"


class TestLists:
    @pytest.fixture(scope="class", autouse=True)
    @classmethod
    def many(cls, cluster):
        cluster.api("POST", "/api/v1/namespaces", {"metadata": {"name": "many"}})
        cluster.admin("pods", namespace="many", name="many", count=25)

    @pytest.mark.parametrize("page", [1, 7, 25, 500])
    def test_every_object_comes_once_whatever_the_page(self, kubernetes, page):
        names = [item["metadata"]["name"] for item in kubernetes.iterate("pods", "many", page=page)]
        assert sorted(names) == sorted(f"many-{n}" for n in range(1, 26))

    def test_selectors(self, kubernetes):
        assert len(list(kubernetes.iterate("pods", "many", "app=many"))) == 25
        assert list(kubernetes.iterate("pods", "many", "app=few")) == []
        [one] = kubernetes.iterate("pods", "many", field_selector="metadata.name=many-7")
        assert one["metadata"]["name"] == "many-7"

    def test_without_a_namespace_all_namespaces_are_read(self, kubernetes):
        assert {"many", "zetra"} & {pod.namespace for pod in kubernetes.pods()} >= {"many"}

    def test_a_list_that_expires_goes_on_and_repeats_nothing(self, cluster, kubernetes):
        items = kubernetes.iterate("pods", "many", page=10)
        names = [item["metadata"]["name"] for item in islice(items, 10)]
        cluster.admin("expire")
        names += [item["metadata"]["name"] for item in items]
        assert sorted(names) == sorted(f"many-{n}" for n in range(1, 26))

    def test_a_namespace_that_does_not_exist_is_empty(self, kubernetes):
        assert list(kubernetes.pods("nowhere")) == []

    def test_an_unknown_kind_is_named(self, kubernetes):
        with pytest.raises(ConfigurationError, match="unknown kind 'podz'"):
            kubernetes.iterate("podz")


def test_memory_stays_flat(cluster, kubernetes):
    """The peak with 20 pages is that of one page."""
    cluster.api("POST", "/api/v1/namespaces", {"metadata": {"name": "crowd"}})

    def peak():
        tracemalloc.start()
        try:
            count = sum(1 for _ in kubernetes.pods("crowd"))
            return count, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    cluster.admin("pods", namespace="crowd", name="a", count=500)
    peak()
    few, small = peak()
    cluster.admin("pods", namespace="crowd", name="b", count=4500)
    many, large = peak()
    assert (few, many) == (500, 5000)
    assert large <= 1.3 * small


def test_pods(kubernetes, shop):
    pods = list(kubernetes.pods(NAMESPACE, "app=shop"))
    assert len(pods) == 2
    for pod in pods:
        assert (pod.phase, pod.ready, pod.restarts, pod.waiting) == ("Running", True, 0, ())
        assert pod.owner.startswith("ReplicaSet/shop-")
        assert (pod.cpu_request_cores, pod.memory_request_bytes) == (0.25, 64 * 2**20)
        assert (pod.cpu_limit_cores, pod.memory_limit_bytes) == (None, 2**30)
        assert pod.containers[0].image == "registry.example/shop:1.0.0"
        assert pod.containers[0].digest.startswith("sha256:")
        assert pod.labels["app"] == "shop"
        assert pod.created_at <= datetime.now(UTC)


def test_a_pod_that_crashes_says_so(cluster, kubernetes, eventually):
    crash = {"namespace": NAMESPACE, "selector": "app=crashing", "exit_code": 137, "reason": "OOMKilled"}
    cluster.admin("crashes", **crash, restarts=4)
    deploy(cluster, "crashing")

    def crashing():
        return [p for p in kubernetes.pods(NAMESPACE, "app=crashing") if p.waiting == ("CrashLoopBackOff",)]

    [pod] = eventually(crashing, "the crash")
    assert pod.restarts >= 4
    assert pod.containers[0].last_exit == "OOMKilled"
    assert not pod.ready


def test_deployments(kubernetes, shop):
    [found] = [d for d in kubernetes.deployments(NAMESPACE) if d.name == "shop"]
    assert (found.desired, found.ready, found.available, found.updated) == (2, 2, 2, 2)
    assert found.current
    assert not found.paused
    assert found.conditions["Available"] == "True"
    assert found.images == ("registry.example/shop:1.0.0",)


def test_jobs_and_cron_jobs(cluster, kubernetes, eventually):
    pod = template("job")
    pod["spec"]["restartPolicy"] = "Never"
    make(cluster, f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs", "once", {"template": pod})
    cron = {
        "schedule": "0 2 * * *",
        "timeZone": "UTC",
        "suspend": True,
        "jobTemplate": {"spec": {"template": pod}},
    }
    make(cluster, f"/apis/batch/v1/namespaces/{NAMESPACE}/cronjobs", "nightly", cron)

    def ended():
        found = [j for j in kubernetes.jobs(NAMESPACE) if j.name == "once"]
        return [j for j in found if j.complete]

    [job] = eventually(ended, "the job")
    assert (job.succeeded, job.failure, job.owner) == (1, None, None)
    assert job.started_at <= job.completed_at
    [nightly] = kubernetes.cron_jobs(NAMESPACE)
    assert (nightly.schedule, nightly.time_zone, nightly.suspended) == ("0 2 * * *", "UTC", True)
    assert nightly.last_successful_at is None


def test_claims(cluster, kubernetes, eventually):
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "10Gi"}}}
    make(cluster, f"/api/v1/namespaces/{NAMESPACE}/persistentvolumeclaims", "data", spec)

    def bound():
        return [c for c in kubernetes.claims(NAMESPACE) if c.phase == "Bound"]

    [claim] = eventually(bound, "the claim")
    assert (claim.name, claim.requested_bytes, claim.capacity_bytes) == ("data", 10 * 2**30, 10 * 2**30)
    assert claim.volume


def test_nodes_and_usage(kubernetes, shop):
    nodes = {node.name: node for node in kubernetes.nodes()}
    assert nodes
    assert all(node.ready and node.reason is None and node.allocatable_cores > 0 for node in nodes.values())
    used = {one.name: one for one in kubernetes.node_usage()}
    assert set(used) == set(nodes)
    assert all(used[n].cpu_cores > 0 and used[n].memory_bytes > 0 for n in nodes)
    pods = list(kubernetes.pod_usage(NAMESPACE, "app=shop"))
    assert len(pods) == 2
    assert all(p.cpu_cores > 0 and p.memory_bytes > 0 and p.namespace == NAMESPACE for p in pods)
    assert all(p.window > timedelta(0) and p.at.tzinfo for p in pods)


def test_events(kubernetes, shop):
    events = list(kubernetes.events(NAMESPACE))
    assert events
    assert all(e.at.tzinfo and e.reason and "/" in e.subject and e.count >= 1 for e in events)


def test_config_maps(cluster, kubernetes):
    body = {"metadata": {"name": "settings"}, "data": {"cache-size": "1Gi"}}
    cluster.api("POST", f"/api/v1/namespaces/{NAMESPACE}/configmaps", body)
    assert kubernetes.config_map(NAMESPACE, "settings") == {"cache-size": "1Gi"}
    with pytest.raises(NotFoundError, match="nothing"):
        kubernetes.config_map(NAMESPACE, "nothing")


def test_custom_objects(kubernetes):
    reports = list(kubernetes.custom_objects("aquasecurity.github.io", "v1alpha1", "vulnerabilityreports"))
    assert all(report["kind"] == "VulnerabilityReport" for report in reports)
    with pytest.raises(PermanentError):
        list(kubernetes.custom_objects("nobody.example", "v1", "things"))


class TestLogs:
    @pytest.fixture(scope="class")
    @classmethod
    def log(cls, cluster, kubernetes, shop):
        pod = next(iter(kubernetes.pods(NAMESPACE, "app=shop"))).name
        start = datetime.now(UTC).replace(microsecond=0) - timedelta(hours=1)
        lines = [
            {"time": (start + timedelta(minutes=m)).isoformat().replace("+00:00", "Z"), "text": f"line {m}"}
            for m in range(-5, 30)
        ]
        cluster.admin("logs", namespace=NAMESPACE, selector=f"pod={pod}", lines=lines, replace=True)
        return pod, start

    def test_lines_of_the_period(self, kubernetes, log):
        pod, start = log
        end = start + timedelta(minutes=10)
        found = list(pod_logs(kubernetes, NAMESPACE, pod, start=start, end=end))
        assert [x.text for x in found] == [f"line {m}" for m in range(10)]
        assert found[3].at == start + timedelta(minutes=3)
        assert found[0].source == f"{NAMESPACE}/{pod}"

    def test_the_newest_lines_only(self, kubernetes, log):
        pod, start = log
        later = start + timedelta(hours=2)
        found = list(pod_logs(kubernetes, NAMESPACE, pod, "server", start=start, end=later, max_lines=3))
        assert [x.text for x in found] == ["line 27", "line 28", "line 29"]

    def test_reading_may_stop_early(self, kubernetes, log):
        pod, start = log
        lines = pod_logs(kubernetes, NAMESPACE, pod, start=start, end=start + timedelta(hours=1))
        assert next(lines).text == "line 0"
        lines.close()
        assert len(list(kubernetes.pods(NAMESPACE, "app=shop"))) == 2

    def test_a_pod_that_is_gone(self, kubernetes):
        now = datetime.now(UTC)
        with pytest.raises(NotFoundError, match="gone"):
            list(pod_logs(kubernetes, NAMESPACE, "gone", start=now - timedelta(hours=1), end=now))


def test_a_wrong_token_is_a_configuration_error(cluster, at):
    with pytest.raises(ConfigurationError, match="credentials") as caught:
        list(at(cluster.url).pods())
    assert "s3cr3t" not in str(caught.value)


def test_refused_is_temporary(at, closed_port):
    with pytest.raises(TemporaryError, match="cannot connect"):
        list(at(f"http://127.0.0.1:{closed_port}").nodes())


def test_the_repr_names_the_server(kubernetes):
    assert "127.0.0.1" in repr(kubernetes)
    assert isinstance(kubernetes, Kubernetes)
