"""The paths by which the supervisor makes things happen, and the metrics that follow."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from kubernetes import client

MERGE = {"Content-Type": "application/merge-patch+json"}
API = {"namespace": "quikapp-live", "selector": "app=media-service"}


def _pods(http, query=API):
    path = f"/api/v1/namespaces/{query['namespace']}/pods"
    return http.get(path, params={"labelSelector": query["selector"]}).json()["items"]


def test_a_crash_loop_shows_everywhere_and_heals(http, wait_for):
    crash = {**API, "exit_code": 137, "reason": "OOMKilled", "restarts": 7, "log": ["panic: out of memory"]}
    number = http.post("/sandbox/crashes", json=crash).json()["id"]
    try:
        for pod in _pods(http):
            (status,) = pod["status"]["containerStatuses"]
            assert status["state"]["waiting"]["reason"] == "CrashLoopBackOff"
            assert status["lastState"]["terminated"]["exitCode"] == 137
            assert (status["restartCount"] >= 7, status["ready"]) == (True, False)
            path = f"/api/v1/namespaces/quikapp-live/pods/{pod['metadata']['name']}/log"
            assert http.get(path, params={"previous": "true"}).text == "panic: out of memory\n"
        deployment = "/apis/apps/v1/namespaces/quikapp-live/deployments/media-service"
        wait_for(lambda: http.get(deployment).json()["status"].get("availableReplicas", 0) == 0)
        endpoints = "/api/v1/namespaces/quikapp-live/endpoints/media-service"
        wait_for(lambda: "addresses" not in http.get(endpoints).json()["subsets"][0])
        assert str(number) in http.get("/sandbox/status").json()["crashes"]
    finally:
        http.delete(f"/sandbox/crashes/{number}").raise_for_status()
    wait_for(lambda: http.get(deployment).json()["status"].get("availableReplicas") == 2)
    assert http.delete(f"/sandbox/crashes/{number}").status_code == 404


def test_a_crash_of_one_image_ends_with_a_rollback(http, namespace, manifests, wait_for):
    root = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    http.post(root, json=manifests.deployment("web", image="registry.example/app:1", replicas=1))
    bad = {"namespace": namespace, "selector": "app=web", "image": "registry.example/app:2"}
    http.post("/sandbox/crashes", json=bad).raise_for_status()

    def state(image):
        containers = [{"name": "app", "image": image}]
        patch = {"spec": {"template": {"spec": {"containers": containers}}}}
        http.patch(f"{root}/web", json=patch, headers=MERGE).raise_for_status()
        return {"namespace": namespace, "selector": "app=web"}

    query = state("registry.example/app:2")

    def crashing():
        states = [p["status"].get("containerStatuses", [{}])[0].get("state", {}) for p in _pods(http, query)]
        return any(s.get("waiting", {}).get("reason") == "CrashLoopBackOff" for s in states)

    wait_for(crashing)
    state("registry.example/app:1")
    wait_for(
        lambda: not crashing() and http.get(f"{root}/web").json()["status"].get("availableReplicas") == 1
    )


def test_a_lost_image_cannot_be_pulled_until_it_is_back(http, namespace, manifests, wait_for):
    root = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    http.post("/sandbox/images", json={"image": "registry.example/lost:1", "pullable": False})
    http.post(root, json=manifests.deployment("web", image="registry.example/lost:1", replicas=1))
    wait_for(lambda: http.get(f"{root}/web").json()["status"].get("unavailableReplicas") == 1)
    http.post("/sandbox/images", json={"image": "registry.example/lost:1", "pullable": True})
    wait_for(lambda: http.get(f"{root}/web").json()["status"].get("availableReplicas") == 1)


def test_usage_is_what_it_was_set_to(http, api):
    query = {"namespace": "lessay", "selector": "app=lessay-web"}
    changed = http.post("/sandbox/usage", json={**query, "cpu": "900m", "memory": "700Mi"}).json()
    assert len(changed["pods"]) == 2
    metrics = client.CustomObjectsApi(api)
    where = ("metrics.k8s.io", "v1beta1")
    items = metrics.list_namespaced_custom_object(*where, "lessay", "pods", label_selector="app=lessay-web")
    usages = [item["containers"][0]["usage"] for item in items["items"]]
    assert usages == [{"cpu": "900000000n", "memory": f"{700 * 1024}Ki"}] * 2
    http.post("/sandbox/usage", json=query)
    one = changed["pods"][0]
    usage = metrics.get_namespaced_custom_object(*where, "lessay", "pods", one)["containers"][0]["usage"]
    assert usage["cpu"] != "900000000n"
    http.post("/sandbox/usage", json={"node": "worker-3", "cpu": "7.5"})
    nodes = metrics.list_cluster_custom_object(*where, "nodes")["items"]
    busy = {node["metadata"]["name"]: node["usage"]["cpu"] for node in nodes}
    assert busy["worker-3"] == "7500000000n"
    assert len(busy) == 4
    http.post("/sandbox/usage", json={"node": "worker-3"})


def test_finished_pods_have_no_metrics(http):
    names = {m["metadata"]["name"] for m in http.get("/apis/metrics.k8s.io/v1beta1/pods").json()["items"]}
    finished = [p for p in http.get("/api/v1/pods").json()["items"] if p["status"]["phase"] == "Succeeded"]
    assert finished
    assert not names & {p["metadata"]["name"] for p in finished}


def _remaining_days(http, path):
    import base64

    data = http.get(path).json()["data"]["tls.crt"]
    certificate = x509.load_pem_x509_certificate(base64.b64decode(data))
    return (certificate.not_valid_after_utc - datetime.now(UTC)) / timedelta(days=1)


def test_a_certificate_nears_its_end_and_is_renewed_when_asked(http, wait_for):
    body = {"namespace": "lessay", "name": "lessay-tls", "days_left": 3}
    http.post("/sandbox/certificates", json=body).raise_for_status()
    secret = "/api/v1/namespaces/lessay/secrets/lessay-tls"
    path = "/apis/cert-manager.io/v1/namespaces/lessay/certificates/lessay-tls"
    assert _remaining_days(http, secret) == pytest.approx(3, abs=0.1)
    old = http.get(path).json()
    assert old["status"]["renewalTime"] < old["status"]["notAfter"]
    issuing = {"type": "Issuing", "status": "True", "reason": "ManuallyTriggered", "message": ""}
    status = {"status": {"conditions": [*old["status"]["conditions"], issuing]}}
    http.patch(f"{path}/status", json=status, headers=MERGE).raise_for_status()
    wait_for(lambda: http.get(path).json()["status"]["revision"] > old["status"]["revision"])
    assert _remaining_days(http, secret) == pytest.approx(90, abs=0.1)
    assert [c["type"] for c in http.get(path).json()["status"]["conditions"]] == ["Ready"]
    http.delete(secret)
    wait_for(lambda: http.get(secret).status_code == 200)


def test_a_patched_image_is_scanned_and_clean(http, namespace, manifests, wait_for):
    root = f"/apis/apps/v1/namespaces/{namespace}/deployments"
    http.post(root, json=manifests.deployment("agent", image="tapio-agent:v1.2.3", replicas=1))
    reports = f"/apis/aquasecurity.github.io/v1alpha1/namespaces/{namespace}/vulnerabilityreports"

    def report(tag):
        items = http.get(reports).json()["items"]
        return next((r["report"] for r in items if r["report"]["artifact"]["tag"] == tag), None)

    first = wait_for(lambda: report("v1.2.3"))
    assert (
        first["summary"]["highCount"] == sum(v["severity"] == "HIGH" for v in first["vulnerabilities"]) == 1
    )
    (pod,) = wait_for(lambda: _pods(http, {"namespace": namespace, "selector": "app=agent"}))
    path = f"/api/v1/namespaces/{namespace}/pods/{pod['metadata']['name']}"
    running = wait_for(lambda: http.get(path).json()["status"]["containerStatuses"][0]["imageID"])
    assert running.endswith(first["artifact"]["digest"])
    containers = [{"name": "app", "image": "tapio-agent:v1.2.3-patch"}]
    patch = {"spec": {"template": {"spec": {"containers": containers}}}}
    http.patch(f"{root}/agent", json=patch, headers=MERGE)
    assert wait_for(lambda: report("v1.2.3-patch"))["vulnerabilities"] == []
    wait_for(lambda: report("v1.2.3") is None)


def test_ten_thousand_pods_are_made_and_read_in_pages(fresh_server):
    with fresh_server.http() as http:
        http.post("/api/v1/namespaces", json={"metadata": {"name": "crowd"}}).raise_for_status()
        began = time.monotonic()
        http.post("/sandbox/pods", json={"namespace": "crowd", "count": 10_000}).raise_for_status()
        assert time.monotonic() - began < 10
        seen, query = set(), {"limit": "500"}
        while True:
            page = http.get("/api/v1/namespaces/crowd/pods", params=query).json()
            assert len(page["items"]) == 500
            seen |= {p["metadata"]["uid"] for p in page["items"]}
            assert {p["status"]["phase"] for p in page["items"]} == {"Running"}
            if "continue" not in page["metadata"]:
                break
            query["continue"] = page["metadata"]["continue"]
        assert len(seen) == 10_000


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("/sandbox/usage", {"namespace": "lessay"}, 400),
        ("/sandbox/usage", {"node": "worker-1", "cpu": "much"}, 400),
        ("/sandbox/logs", {"namespace": "lessay", "selector": "a=b=c", "lines": []}, 400),
        ("/sandbox/pods", {"namespace": "nowhere", "count": 1}, 404),
        ("/sandbox/certificates", {"namespace": "lessay", "name": "x", "days_left": 1}, 404),
        ("/sandbox/nothing", {}, 404),
    ],
)
def test_unusable_requests(http, path, body, code):
    assert http.post(path, json=body).status_code == code
