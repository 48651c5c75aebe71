"""The daily procedures that read nodes, certificates, scans and the log archive's index, on each cluster."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from tests.conformance.both.api import Api, answered, gone, wait_for
from tests.conformance.both.manifests import ANYTHING, NOWHERE, definition, deployment, pod
from tests.servers.situation import ask, make_context, make_system, states

from upkeep.checks.context import CheckContext
from upkeep.clients.kubernetes import Kubernetes
from upkeep.findings import State

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"


@pytest.fixture
def context(cluster: Any, ns: str) -> Iterator[CheckContext]:
    """What a check of the test's namespace gets."""
    with cluster.api() as raw:
        now = datetime.now(UTC)
        system = make_system(workload={"namespace": ns})
        yield make_context(system, as_of=now, kubernetes=Kubernetes(raw))


def defined(api: Api, group: str, kind: str, version: str) -> Iterator[None]:
    """Define a kind for a test, unless the cluster knows it."""
    path = f"/apis/{group}/{version}/{kind.lower()}s"
    if api.get(path).status_code == 200:
        yield
        return
    body = definition(group, kind, ANYTHING, name=version, subresources={"status": {}})
    api.made(DEFINITIONS, body)
    wait_for(lambda: api.get(path).status_code == 200, path)
    yield
    answered(api.delete(f"{DEFINITIONS}/{body['metadata']['name']}"))
    gone(api, f"{DEFINITIONS}/{body['metadata']['name']}")


@pytest.fixture
def certificates(api: Api, ns: str) -> Iterator[str]:
    """The path of the namespace's cert-manager Certificates."""
    for _ in defined(api, "cert-manager.io", "Certificate", "v1"):
        yield f"/apis/cert-manager.io/v1/namespaces/{ns}/certificates"


@pytest.fixture
def reports(api: Api, ns: str) -> Iterator[str]:
    """The path of the namespace's vulnerability reports."""
    for _ in defined(api, "aquasecurity.github.io", "VulnerabilityReport", "v1alpha1"):
        yield f"/apis/aquasecurity.github.io/v1alpha1/namespaces/{ns}/vulnerabilityreports"


def certificate(api: Api, path: str, name: str, days: int, ready: str = "True") -> None:
    """Make a certificate that was issued by somebody, and its secret."""
    namespace = path.split("/")[-2]
    head = {"metadata": {"name": name}}
    api.made(f"/api/v1/namespaces/{namespace}/secrets", head)
    spec = {"secretName": name, "dnsNames": [f"{name}.example"], "issuerRef": {"name": "nobody"}}
    kinds = {"apiVersion": "cert-manager.io/v1", "kind": "Certificate"}
    made = api.made(path, head | kinds | {"spec": spec})
    now = datetime.now(UTC)
    status = {
        "notAfter": _stamp(now + timedelta(days=days)),
        "renewalTime": _stamp(now + timedelta(days=max(days - 1, 1))),
        "observedGeneration": made["metadata"]["generation"],
        "conditions": [{"type": "Ready", "status": ready, "reason": "Told", "message": "as told"}],
    }
    answered(api.patch(f"{path}/{name}/status", {"status": status}))


def _stamp(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def test_certificates(api: Api, context: CheckContext, certificates: str) -> None:
    for name, days, ready in (
        ("good", 60, "True"),
        ("soon", 20, "True"),
        ("late", 3, "True"),
        ("bad", 60, "False"),
    ):
        certificate(api, certificates, name, days, ready)
    found = ask("certificates", context, kubernetes=True)
    assert states(found) == {
        "certificate{certificate=good}": State.OK,
        "certificate{certificate=soon}": State.WARNING,
        "certificate{certificate=late}": State.CRITICAL,
        "certificate{certificate=bad}": State.WARNING,
    }
    assert found["certificate{certificate=soon}"].value == pytest.approx(20 * 86400, abs=120)
    assert "as told" in found["certificate{certificate=bad}"].summary + str(
        found["certificate{certificate=bad}"]
    )


def test_no_certificate_is_unknown(context: CheckContext, certificates: str) -> None:
    assert states(ask("certificates", context, kubernetes=True)) == {"certificates": State.UNKNOWN}


def test_scans_of_what_runs(api: Api, ns: str, context: CheckContext, reports: str) -> None:
    digest = f"sha256:{'0' * 64}"
    pods = f"/api/v1/namespaces/{ns}/pods"
    api.made(pods, pod("shop", nodeSelector=NOWHERE))
    running = {"name": "app", "image": "shop:1", "ready": True, "restartCount": 0}
    running |= {"imageID": f"example.com/shop@{digest}", "state": {"running": {}}}
    answered(
        api.patch(f"{pods}/shop/status", {"status": {"phase": "Running", "containerStatuses": [running]}})
    )
    found = ask("vulnerabilities", context, source="kubernetes")
    assert set(states(found).values()) == {State.UNKNOWN}, "what runs was never scanned"
    hole = {
        "vulnerabilityID": "CVE-2026-0001",
        "severity": "CRITICAL",
        "resource": "openssl",
        "installedVersion": "3.0.1",
        "fixedVersion": "3.0.2",
        "title": "a hole",
    }
    report = {
        "updateTimestamp": _stamp(datetime.now(UTC)),
        "scanner": {"name": "Trivy", "vendor": "Aqua Security", "version": "0.58.1"},
        "registry": {"server": "example.com"},
        "artifact": {"repository": "shop", "tag": "1", "digest": digest},
        "summary": {"criticalCount": 1, "highCount": 0, "mediumCount": 0, "lowCount": 0, "unknownCount": 0},
        "vulnerabilities": [hole],
    }
    kinds = {"apiVersion": "aquasecurity.github.io/v1alpha1", "kind": "VulnerabilityReport"}
    api.made(reports, kinds | {"metadata": {"name": "pod-shop-app"}, "report": report})
    found = ask("vulnerabilities", context, source="kubernetes")
    critical = found["vulnerabilities{severity=critical}"]
    assert (critical.state, critical.value) == (State.CRITICAL, 1)
    assert critical.evidence["top"][0]["id"] == "CVE-2026-0001"
    assert {one.state for name, one in found.items() if name.startswith("scan{")} == {State.OK}


def test_the_log_archive(api: Api, ns: str, maps: str, deployments: str, context: CheckContext) -> None:
    ended = (context.as_of - timedelta(days=1)).date()
    finished = {"finished_at": context.as_of.isoformat()}
    data = {
        (ended - timedelta(days=age)).isoformat(): json.dumps({"files": 3, "bytes": 1000, **finished})
        for age in range(4)
    }
    api.made(maps, {"metadata": {"name": "log-archive-index"}, "data": data})
    api.made(deployments, deployment("log-archiver", 1))
    path = f"{deployments}/log-archiver"
    wait_for(lambda: answered(api.get(path))["status"].get("readyReplicas") == 1, "the archiver")
    assert states(ask("log_archive", context)) == {"log_archive": State.OK, "log_archiver": State.OK}
    small = {ended.isoformat(): json.dumps({"files": 3, "bytes": 10, **finished})}
    answered(api.patch(f"{maps}/log-archive-index", {"data": small}))
    answered(api.patch(f"{path}/scale", {"spec": {"replicas": 0}}))
    pods = f"/api/v1/namespaces/{ns}/pods"
    wait_for(lambda: not answered(api.get(pods))["items"], "its end")
    assert states(ask("log_archive", context)) == {
        "log_archive": State.WARNING,
        "log_archiver": State.CRITICAL,
    }


def test_no_archiver_and_no_index(context: CheckContext) -> None:
    found = ask("log_archive", context)
    assert states(found) == {"log_archive": State.UNKNOWN, "log_archiver": State.CRITICAL}
    assert "log-archive-index" in (found["log_archive"].reason or "")


def test_nodes(api: Api, context: CheckContext) -> None:
    count = len(answered(api.get("/api/v1/nodes"))["items"])
    found = ask("health", context, nodes=True)
    assert {name: (one.state, one.summary) for name, one in found.items()} == {
        "nodes_not_ready": (State.OK, f"0 of {count} nodes are not ready"),
        "nodes_under_pressure": (State.OK, f"0 of {count} nodes are short of something"),
    }


def test_a_node_under_pressure(cluster: Any, api: Api, context: CheckContext) -> None:
    if cluster.name == "given":
        pytest.skip("nothing outside our own namespaces is touched on a cluster that was given")
    name = f"node-{uuid4().hex[:8]}"
    taint = {"key": "example.com/test", "effect": "NoSchedule"}
    api.made("/api/v1/nodes", {"metadata": {"name": name}, "spec": {"taints": [taint]}})
    path = f"/api/v1/nodes/{name}"
    try:
        told = [{"type": kind, "status": "True", "reason": "Told"} for kind in ("Ready", "DiskPressure")]

        def under_pressure() -> Any:
            # Again each time: kwok may just be writing what it holds of a node that it has not seen before.
            answered(api.patch(f"{path}/status", {"status": {"conditions": told}}, "strategic"))
            found = ask("health", context, nodes=True)["nodes_under_pressure"]
            return found if "examples" in found.evidence else None

        found = wait_for(under_pressure, "the node under pressure")
    finally:
        answered(api.delete(path))
    (example,) = found.evidence["examples"]
    assert (found.state, example) == (State.WARNING, {"node": name, "conditions": ["DiskPressure"]})
