"""The kinds that read Kubernetes, against the sandbox's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from servers.bad import hanging, http, refusing, saying
from servers.cluster import Cluster, api_client, cluster, until
from servers.situation import Remembered, ask, checks_of, make_context, make_system, states
from upkeep.checks.context import CheckContext, Measurement
from upkeep.clients.kubernetes import Kubernetes
from upkeep.findings import State

pytestmark = pytest.mark.integration
NAMESPACE = "shop"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("kubernetes")) as running:
        yield running


@pytest.fixture(scope="module")
def client(server: Cluster) -> Iterator[Kubernetes]:
    with server.client() as opened:
        yield Kubernetes(opened)


@pytest.fixture
def shop(server: Cluster) -> Iterator[Cluster]:
    """An empty namespace for the test alone."""
    server.api("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
    yield server
    server.api("DELETE", f"/api/v1/namespaces/{NAMESPACE}")
    names = "/api/v1/namespaces"
    until(
        lambda: NAMESPACE not in [n["metadata"]["name"] for n in server.api("GET", names)["items"]],
        "no namespace",
    )


def context_of(client: Any, namespace: str = NAMESPACE, **workload: Any) -> CheckContext:
    now = datetime.now(UTC)
    system = make_system(workload={"namespace": namespace, **workload})
    return make_context(system, as_of=now, since=now - timedelta(days=1), kubernetes=client)


def deploy(server: Cluster, name: str, replicas: int, image: str = "shop/api:1.0", **more: Any) -> None:
    labels = {"app": name}
    pod = {
        "metadata": {"labels": labels, "annotations": more.get("annotations", {})},
        "spec": {
            "containers": [
                {"name": "main", "image": image, "resources": {"limits": {"cpu": "1", "memory": "1Gi"}}}
            ]
        },
    }
    spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": pod}
    body = {"metadata": {"name": name}, "spec": spec}
    server.api("POST", f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments", body)


def settled(client: Kubernetes, count: int, phase: str = "Running") -> None:
    def enough() -> bool:
        return sum(pod.phase == phase for pod in client.pods(NAMESPACE)) >= count

    until(enough, f"{count} pods {phase}")


def test_a_planted_system_is_well(client: Kubernetes) -> None:
    context = context_of(
        client,
        "tapio-system",
        deployments=["tapio-server", "log-archiver"],
        daemonsets=["tapio-agent"],
    )
    found = ask("health", context, workload=True, nodes=True)
    assert set(states(found).values()) == {State.OK}
    assert {"deployment{name=tapio-server}", "daemonset{name=tapio-agent}", "nodes_not_ready"} <= set(found)


def test_stateful_sets_count_too(client: Kubernetes) -> None:
    found = ask("health", context_of(client, "production", statefulsets=["postgres"]), workload=True)
    assert found["statefulset{name=postgres}"].state is State.OK


def test_rollouts(client: Kubernetes, shop: Cluster) -> None:
    deploy(shop, "good", 2)
    deploy(shop, "idle", 0)
    deploy(shop, "unready", 2, annotations={"sandbox.upkeep/never-ready": "true"})
    settled(client, 4)
    names = ["good", "idle", "unready", "gone"]
    found = ask("health", context_of(client, deployments=names), workload=True)
    assert {name: found[f"deployment{{name={name}}}"].state for name in names} == {
        "good": State.OK,
        "idle": State.OK,
        "unready": State.CRITICAL,
        "gone": State.CRITICAL,
    }
    assert "does not exist" in found["deployment{name=gone}"].summary
    idle = ask("health", context_of(client, deployments=["idle"]), workload=True)
    assert idle["deployment{name=idle}"].state is State.CRITICAL


def test_a_crash_loop_names_its_containers(client: Kubernetes, shop: Cluster) -> None:
    deploy(shop, "api", 2)
    settled(client, 2)
    rule = shop.admin("crashes", namespace=NAMESPACE, selector="app=api", reason="OOMKilled", exit_code=137)
    until(lambda: all(pod.waiting for pod in client.pods(NAMESPACE)), "the crash")
    found = ask("health", context_of(client, deployments=["api"]), workload=True)["pods_crashing"]
    shop.api("DELETE", f"/sandbox/crashes/{rule['id']}")
    assert (found.state, found.value) == (State.CRITICAL, 2)
    container = found.evidence["examples"][0]["containers"][0]
    assert (container["why"], container["last_exit"]) == ("CrashLoopBackOff", "OOMKilled")


def test_an_image_that_cannot_be_pulled(client: Kubernetes, shop: Cluster) -> None:
    deploy(shop, "api", 1, image="shop/does-not-exist:1")
    until(lambda: any("Pull" in str(pod.waiting) for pod in client.pods(NAMESPACE)), "the pull to fail")
    found = ask("health", context_of(client), workload=True)
    assert found["pods_crashing"].state is State.CRITICAL


def job(server: Cluster, name: str, exit_code: int) -> None:
    annotations = {"sandbox.upkeep/exit-code": str(exit_code), "sandbox.upkeep/run-seconds": "0"}
    container = {"name": "main", "image": "shop/job:1"}
    template = {
        "metadata": {"annotations": annotations},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    body = {"metadata": {"name": name}, "spec": {"backoffLimit": 0, "template": template}}
    server.api("POST", f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs", body)


def test_failed_jobs_since_the_last_review(client: Kubernetes, shop: Cluster) -> None:
    job(shop, "fine", 0)
    job(shop, "broken", 3)
    until(lambda: any(one.failure for one in client.jobs(NAMESPACE)), "the job to fail")
    found = ask("health", context_of(client), workload=True)
    assert (found["failed_jobs"].state, found["failed_jobs"].value) == (State.WARNING, 1)
    assert found["failed_jobs"].evidence["examples"][0]["job"] == "broken"
    # Its pod is the job's, and speaks of nothing else.
    assert found["pods_crashing"].state is State.UNKNOWN


def test_a_node_that_is_not_ready(client: Kubernetes, server: Cluster) -> None:
    name = next(iter(client.nodes())).name
    path = f"/api/v1/nodes/{name}"
    node = server.api("GET", path)
    bad = [
        {"type": "Ready", "status": "False", "reason": "KubeletDown"},
        {"type": "DiskPressure", "status": "True"},
    ]
    server.api("PUT", f"{path}/status", node | {"status": node["status"] | {"conditions": bad}})
    found = ask("health", context_of(client), nodes=True)
    now = server.api("GET", path)
    server.api("PUT", f"{path}/status", now | {"status": node["status"]})
    assert states(found) == {"nodes_not_ready": State.CRITICAL, "nodes_under_pressure": State.WARNING}
    assert found["nodes_not_ready"].evidence["examples"][0]["node"] == name
    assert found["nodes_under_pressure"].evidence["examples"][0]["conditions"] == ["DiskPressure"]


@pytest.mark.parametrize(
    ("cpu", "memory", "expected"),
    [
        ("100m", "100Mi", (State.OK, State.OK)),
        ("850m", "850Mi", (State.WARNING, State.WARNING)),
        ("850m", "1000Mi", (State.WARNING, State.CRITICAL)),
    ],
)
def test_usage_of_pods(
    client: Kubernetes, shop: Cluster, cpu: str, memory: str, expected: tuple[State, State]
) -> None:
    deploy(shop, "api", 2)
    settled(client, 2)
    pod = next(iter(client.pods(NAMESPACE))).name
    shop.admin("usage", namespace=NAMESPACE, selector=f"pod={pod}", cpu=cpu, memory=memory)
    found = ask("resource_usage", context_of(client), pods=True)
    assert (found["pods_cpu_share"].state, found["pods_memory_share"].state) == expected
    if expected[1] is not State.OK:
        assert found["pods_memory_share"].evidence["most"][0][0] == pod
    assert found["pods_memory_share"].evidence["compared"] == 2


def test_usage_of_nodes(client: Kubernetes, server: Cluster) -> None:
    node = next(iter(client.nodes()))
    server.admin("usage", node=node.name, memory=str(round(node.allocatable_bytes * 0.95)))
    found = ask("resource_usage", context_of(client), nodes=True)
    server.admin("usage", node=node.name)
    assert found["nodes_memory_share"].state is State.CRITICAL
    assert node.name in found["nodes_memory_share"].summary
    assert found["nodes_memory_share"].value == pytest.approx(0.95, abs=0.01)


def test_nothing_to_compare_is_unknown(client: Kubernetes, shop: Cluster) -> None:
    found = ask("resource_usage", context_of(client), pods=True)
    assert set(states(found).values()) == {State.UNKNOWN}
    empty = ask("health", context_of(client), workload=True)
    assert empty["pods_crashing"].state is State.UNKNOWN
    assert "no pod" in (empty["pods_crashing"].reason or "")


def certificate(server: Cluster, name: str) -> None:
    spec = {
        "secretName": name,
        "dnsNames": [f"{name}.example"],
        "issuerRef": {"name": "letsencrypt", "kind": "ClusterIssuer"},
    }
    path = f"/apis/cert-manager.io/v1/namespaces/{NAMESPACE}/certificates"
    server.api("POST", path, {"metadata": {"name": name}, "spec": spec})


def test_certificates_of_cert_manager(client: Kubernetes, shop: Cluster) -> None:
    for name, days in {"good": 60, "soon": 20, "very-soon": 3}.items():
        certificate(shop, name)
        shop.admin("certificates", namespace=NAMESPACE, name=name, days_left=days)
    found = ask("certificates", context_of(client), kubernetes=True)
    assert found["certificate{certificate=good}"].state is State.OK
    assert found["certificate{certificate=very-soon}"].state is State.CRITICAL
    assert found["certificate{certificate=soon}"].state is State.WARNING
    assert found["certificate{certificate=soon}"].value == pytest.approx(20 * 86400, abs=120)


def test_no_certificate_is_unknown(client: Kubernetes, shop: Cluster) -> None:
    assert states(ask("certificates", context_of(client), kubernetes=True)) == {"certificates": State.UNKNOWN}


def test_scans_of_what_runs(client: Kubernetes) -> None:
    found = ask("vulnerabilities", context_of(client, "tapio-system"), source="kubernetes", oldest_hours=200)
    assert found["scan{image=tapio-agent}"].state is State.OK
    assert found["vulnerabilities{severity=critical}"].state is State.OK
    assert found["vulnerabilities{severity=high}"].value == 1
    assert found["vulnerabilities{severity=high}"].evidence["top"][0]["id"] == "CVE-2023-39325"


def test_a_limit_on_high_ones_and_the_last_count(client: Kubernetes) -> None:
    context = context_of(client, "tapio-system")
    name = "vulnerabilities{severity=high}"
    yesterday = Measurement(context.as_of - timedelta(days=1), 3)
    later = make_context(
        context.system,
        as_of=context.as_of,
        history=Remembered({name: [yesterday]}),
        kubernetes=client,
    )
    found = ask("vulnerabilities", later, source="kubernetes", oldest_hours=200, high_above=0)[name]
    assert found.state is State.WARNING
    assert found.summary.endswith("2 fewer than at the last review")


def test_stale_scans_are_unknown(client: Kubernetes) -> None:
    context = context_of(client, "tapio-system")
    later = make_context(context.system, as_of=context.as_of + timedelta(days=3), kubernetes=client)
    found = ask("vulnerabilities", later, source="kubernetes")
    assert set(states(found).values()) == {State.UNKNOWN}
    assert "old" in (found["scan{image=tapio-agent}"].reason or "")


def test_no_scan_and_nothing_that_runs_is_unknown(client: Kubernetes, shop: Cluster) -> None:
    found = ask("vulnerabilities", context_of(client), source="kubernetes")
    assert set(states(found).values()) == {State.UNKNOWN}


def test_the_log_archive_of_the_day_that_ended(client: Kubernetes) -> None:
    context = context_of(client, "tapio-system")
    found = ask("log_archive", context, oldest_hours=30)
    assert states(found) == {"log_archive": State.OK, "log_archiver": State.OK}
    later = make_context(context.system, as_of=context.as_of + timedelta(days=3), kubernetes=client)
    assert ask("log_archive", later)["log_archive"].temporary


def test_no_archiver_and_no_index(client: Kubernetes, shop: Cluster) -> None:
    found = ask("log_archive", context_of(client))
    assert states(found) == {"log_archive": State.UNKNOWN, "log_archiver": State.CRITICAL}
    assert "log-archive-index" in (found["log_archive"].reason or "")


KINDS: list[tuple[str, dict[str, Any]]] = [
    ("health", {"workload": True, "nodes": True}),
    ("resource_usage", {"pods": True, "nodes": True}),
    ("certificates", {"kubernetes": True}),
    ("vulnerabilities", {"source": "kubernetes"}),
    ("log_archive", {}),
]


@pytest.mark.parametrize(("name", "parameters"), KINDS)
def test_all_of_them_read_the_present(name: str, parameters: dict[str, Any]) -> None:
    assert all(check.present for check in checks_of(name, context_of(None), **parameters))


@pytest.mark.parametrize(("name", "parameters"), KINDS)
@pytest.mark.parametrize("fault", ["refuses", "hangs", "garbage", "error", "nonsense", "forbidden"])
def test_a_bad_api_makes_everything_unknown(name: str, parameters: dict[str, Any], fault: str) -> None:
    answers = {
        "garbage": b"\x00\x01 not http at all\r\n\r\n",
        "error": http(500, b"oh no"),
        "nonsense": http(200, b'{"items": [{"metadata": 7, "spec": 7, "status": []}], "data": 7}'),
        "forbidden": http(403, b'{"kind": "Status", "reason": "Forbidden", "message": "you may not"}'),
    }
    servers: dict[str, Callable[[], Any]] = {"refuses": refusing, "hangs": hanging}
    server = servers.get(fault) or (lambda: saying(answers[fault]))
    with server() as port, api_client(f"http://127.0.0.1:{port}") as raw:
        context = context_of(Kubernetes(raw, timeout_seconds=1), deployments=["api"])
        found = ask(name, context, seconds=10, **parameters)
    assert set(states(found).values()) == {State.UNKNOWN}
    assert all(finding.reason and "unexpected" not in finding.reason for finding in found.values())
    if fault != "garbage":
        temporary = fault in ("refuses", "hangs", "error")
        assert all(finding.temporary == temporary for finding in found.values())
