"""Deployments, daemon sets and stateful sets: rollouts, failures, undo."""

from __future__ import annotations

import pytest

MERGE = {"Content-Type": "application/merge-patch+json"}


@pytest.fixture
def apps(namespace):
    return f"/apis/apps/v1/namespaces/{namespace}"


def _condition(obj, kind):
    found = (c for c in obj.get("status", {}).get("conditions", []) if c["type"] == kind)
    return next(found, {})


def _rolled_out(http, path):
    def done():
        obj = http.get(path).json()
        status, wanted = obj["status"], obj["spec"]["replicas"]
        fresh = status.get("observedGeneration") == obj["metadata"]["generation"]
        counts = [status.get(k, 0) for k in ("replicas", "updatedReplicas", "availableReplicas")]
        return fresh and counts == [wanted] * 3 and obj

    return done


def _image(http, path, image):
    container = {"name": "app", "image": image}
    patch = {"spec": {"template": {"spec": {"containers": [container]}}}}
    return http.patch(path, json=patch, headers={"Content-Type": "application/strategic-merge-patch+json"})


def _pods(http, namespace, app):
    items = http.get(f"/api/v1/namespaces/{namespace}/pods", params={"labelSelector": f"app={app}"}).json()
    return [p for p in items["items"] if "deletionTimestamp" not in p["metadata"]]


def test_a_rollout_replaces_the_pods_within_its_bounds(http, apps, namespace, manifests, wait_for):
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}
    http.post(f"{apps}/deployments", json=manifests.deployment("web", replicas=4, strategy=strategy))
    path = f"{apps}/deployments/web"
    made = wait_for(_rolled_out(http, path))
    assert _condition(made, "Available")["status"] == "True"
    assert _condition(made, "Progressing")["reason"] == "NewReplicaSetAvailable"
    assert made["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    _image(http, path, "registry.example/app:2")

    counts = []

    def finished():
        status = http.get(path).json()["status"]
        counts.append((status.get("replicas", 0), status.get("availableReplicas", 0)))
        return _rolled_out(http, path)()

    done = wait_for(finished)
    assert all(replicas <= 5 and available >= 4 for replicas, available in counts)
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    assert {p["spec"]["containers"][0]["image"] for p in _pods(http, namespace, "web")} == {
        "registry.example/app:2"
    }


def test_a_bad_image_stops_the_rollout_and_undo_mends_it(http, apps, namespace, manifests, wait_for):
    body = manifests.deployment("web", replicas=2, progressDeadlineSeconds=1)
    http.post(f"{apps}/deployments", json=body)
    path = f"{apps}/deployments/web"
    good = wait_for(_rolled_out(http, path))
    _image(http, path, "registry.example/app:does-not-exist")

    def stuck():
        found = http.get(path).json()
        return _condition(found, "Progressing").get("reason") == "ProgressDeadlineExceeded" and found

    failed = wait_for(stuck)
    assert _condition(failed, "Progressing")["status"] == "False"
    assert failed["status"]["availableReplicas"] == 2, "the old pods go on serving"

    def reasons():
        pending = [p for p in _pods(http, namespace, "web") if p["status"]["phase"] == "Pending"]
        return [p["status"]["containerStatuses"][0]["state"]["waiting"]["reason"] for p in pending]

    wait_for(lambda: reasons() == ["ImagePullBackOff"])
    sets = http.get(f"{apps}/replicasets", params={"labelSelector": "app=web"}).json()["items"]
    assert len(sets) == 2
    undo = http.put(path, json={**failed, "spec": good["spec"], "metadata": {"name": "web"}})
    assert undo.status_code == 200
    back = wait_for(_rolled_out(http, path))
    assert back["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"
    again = http.get(f"{apps}/replicasets", params={"labelSelector": "app=web"}).json()["items"]
    assert len(again) == 2, "the earlier replica set is used again"


def test_recreate_stops_the_old_pods_first(http, apps, namespace, manifests, wait_for):
    body = manifests.deployment("web", replicas=2, strategy={"type": "Recreate"})
    http.post(f"{apps}/deployments", json=body)
    path = f"{apps}/deployments/web"
    wait_for(_rolled_out(http, path))
    _image(http, path, "registry.example/app:2")
    images = []

    def finished():
        images.append({p["spec"]["containers"][0]["image"] for p in _pods(http, namespace, "web")})
        return _rolled_out(http, path)()

    wait_for(finished)
    assert all(len(seen) <= 1 for seen in images)


def test_a_paused_deployment_scales_but_does_not_roll(http, apps, namespace, manifests, wait_for):
    http.post(f"{apps}/deployments", json=manifests.deployment("web"))
    path = f"{apps}/deployments/web"
    wait_for(_rolled_out(http, path))
    http.patch(path, json={"spec": {"paused": True}}, headers=MERGE)
    _image(http, path, "registry.example/app:2")
    http.patch(f"{path}/scale", json={"spec": {"replicas": 3}}, headers=MERGE)
    wait_for(lambda: http.get(path).json()["status"].get("availableReplicas") == 3)
    assert {p["spec"]["containers"][0]["image"] for p in _pods(http, namespace, "web")} == {
        "registry.example/app:1"
    }
    http.patch(path, json={"spec": {"paused": None}}, headers=MERGE)
    wait_for(_rolled_out(http, path))


def test_scale_has_its_own_path(http, apps, manifests, wait_for):
    http.post(f"{apps}/deployments", json=manifests.deployment("web"))
    path = f"{apps}/deployments/web/scale"
    scale = http.get(path).json()
    assert (scale["kind"], scale["spec"], scale["status"]["selector"]) == (
        "Scale",
        {"replicas": 2},
        "app=web",
    )
    wait_for(_rolled_out(http, f"{apps}/deployments/web"))
    current = http.get(path).json()
    changed = http.put(path, json={**current, "spec": {"replicas": 0}})
    assert changed.json()["spec"] == {"replicas": 0}
    assert http.put(path, json={**current, "spec": {"replicas": 9}}).status_code == 409
    assert http.patch(path, json={"spec": {"replicas": -1}}, headers=MERGE).status_code == 422


def test_a_pod_that_is_deleted_comes_back(http, apps, namespace, manifests, wait_for):
    http.post(f"{apps}/deployments", json=manifests.deployment("web"))
    wait_for(_rolled_out(http, f"{apps}/deployments/web"))
    victim = _pods(http, namespace, "web")[0]["metadata"]["name"]
    gone = http.delete(f"/api/v1/namespaces/{namespace}/pods/{victim}").json()
    assert gone["metadata"]["deletionGracePeriodSeconds"] == 30

    def replaced():
        pods = _pods(http, namespace, "web")
        ready = [p for p in pods if _condition(p, "Ready").get("status") == "True"]
        return len(ready) == 2 and victim not in {p["metadata"]["name"] for p in pods}

    wait_for(replaced)


def test_what_the_server_refuses(http, apps, manifests):
    http.post(f"{apps}/deployments", json=manifests.deployment("web", replicas=0))
    other = {"spec": {"selector": {"matchLabels": {"app": "x"}}}}
    assert http.patch(f"{apps}/deployments/web", json=other, headers=MERGE).status_code == 422
    mismatch = manifests.deployment("two", selector={"matchLabels": {"app": "x"}})
    answer = http.post(f"{apps}/deployments", json=mismatch)
    assert (answer.status_code, "does not match template" in answer.json()["message"]) == (422, True)
    nothing = manifests.deployment("three")
    nothing["spec"]["template"]["spec"]["containers"] = []
    assert http.post(f"{apps}/deployments", json=nothing).status_code == 422


def test_a_missing_secret_keeps_the_pods_waiting(http, apps, namespace, manifests, wait_for):
    body = manifests.deployment("web", replicas=1)
    body["spec"]["template"]["spec"]["containers"][0]["envFrom"] = [{"secretRef": {"name": "late"}}]
    http.post(f"{apps}/deployments", json=body)

    def waits():
        state = _pods(http, namespace, "web")[0]["status"]["containerStatuses"][0]["state"]
        return state.get("waiting", {}).get("reason") == "CreateContainerConfigError"

    wait_for(waits)
    http.post(f"/api/v1/namespaces/{namespace}/secrets", json={"metadata": {"name": "late"}})
    wait_for(_rolled_out(http, f"{apps}/deployments/web"))


def test_a_daemon_runs_on_every_worker_and_rolls_one_by_one(http, apps, namespace, manifests, wait_for):
    body = manifests.deployment("agent")
    body["spec"].pop("replicas")
    http.post(f"{apps}/daemonsets", json={**body, "kind": "DaemonSet"})
    path = f"{apps}/daemonsets/agent"

    def ready(generation):
        status = http.get(path).json().get("status", {})
        updated = (status.get("updatedNumberScheduled"), status.get("numberAvailable"))
        return status.get("observedGeneration") == generation and updated == (3, 3)

    wait_for(lambda: ready(1))
    assert {p["spec"]["nodeName"] for p in _pods(http, namespace, "agent")} == {
        "worker-1",
        "worker-2",
        "worker-3",
    }
    _image(http, path, "registry.example/agent:2")
    wait_for(lambda: ready(2))
    revisions = http.get(f"{apps}/controllerrevisions", params={"labelSelector": "app=agent"}).json()["items"]
    assert sorted(r["revision"] for r in revisions) == [1, 2]


def test_a_stateful_set_goes_in_order_and_keeps_its_claims(http, apps, namespace, manifests, wait_for):
    body = manifests.deployment("db", replicas=2)
    claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
    body["spec"] |= {
        "serviceName": "db",
        "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
    }
    http.post(f"{apps}/statefulsets", json={**body, "kind": "StatefulSet"})
    path = f"{apps}/statefulsets/db"

    def ready(replicas):
        status = http.get(path).json().get("status", {})
        return (status.get("readyReplicas"), status.get("updatedReplicas")) == (replicas, replicas)

    wait_for(lambda: ready(2))
    first, second = sorted(_pods(http, namespace, "db"), key=lambda p: p["metadata"]["name"])
    assert (first["metadata"]["name"], second["metadata"]["name"]) == ("db-0", "db-1")
    assert _condition(first, "Ready")["lastTransitionTime"] <= second["metadata"]["creationTimestamp"]
    http.patch(f"{path}/scale", json={"spec": {"replicas": 1}}, headers=MERGE)
    wait_for(lambda: [p["metadata"]["name"] for p in _pods(http, namespace, "db")] == ["db-0"])
    claims = http.get(f"/api/v1/namespaces/{namespace}/persistentvolumeclaims").json()["items"]
    assert [c["metadata"]["name"] for c in claims] == ["data-db-0", "data-db-1"]
    _image(http, path, "registry.example/db:2")
    wait_for(lambda: _pods(http, namespace, "db")[0:1] and ready(1))
    wait_for(
        lambda: (
            [p["spec"]["containers"][0]["image"] for p in _pods(http, namespace, "db")]
            == ["registry.example/db:2"]
        )
    )


def test_an_eviction_respects_the_budget(http, apps, namespace, manifests, wait_for):
    http.post(f"{apps}/deployments", json=manifests.deployment("web"))
    wait_for(_rolled_out(http, f"{apps}/deployments/web"))
    budgets = f"/apis/policy/v1/namespaces/{namespace}/poddisruptionbudgets"
    spec = {"minAvailable": 1, "selector": {"matchLabels": {"app": "web"}}}
    http.post(budgets, json={"metadata": {"name": "web"}, "spec": spec})
    wait_for(lambda: http.get(f"{budgets}/web").json().get("status", {}).get("disruptionsAllowed") == 1)
    pods = [p["metadata"]["name"] for p in _pods(http, namespace, "web")]
    root = f"/api/v1/namespaces/{namespace}/pods"
    assert http.post(f"{root}/{pods[0]}/eviction", json={"metadata": {"name": pods[0]}}).status_code == 201
    refused = http.post(f"{root}/{pods[1]}/eviction", json={"metadata": {"name": pods[1]}})
    assert (refused.status_code, refused.json()["reason"]) == (429, "TooManyRequests")


def test_an_autoscaler_follows_use_within_its_bounds(http, apps, namespace, manifests, wait_for):
    http.post(f"{apps}/deployments", json=manifests.deployment("web"))
    wait_for(_rolled_out(http, f"{apps}/deployments/web"))
    usage = {"namespace": namespace, "selector": "app=web", "cpu": "140m"}
    http.post("/sandbox/usage", json=usage).raise_for_status()
    target = {"type": "Utilization", "averageUtilization": 70}
    spec = {
        "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"},
        "minReplicas": 2,
        "maxReplicas": 4,
        "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
    }
    scalers = f"/apis/autoscaling/v2/namespaces/{namespace}/horizontalpodautoscalers"
    http.post(scalers, json={"metadata": {"name": "web"}, "spec": spec})
    wait_for(lambda: http.get(f"{apps}/deployments/web").json()["status"].get("availableReplicas") == 4)
    http.patch(f"{apps}/deployments/web/scale", json={"spec": {"replicas": 9}}, headers=MERGE)
    http.patch(f"{scalers}/web", json={"metadata": {"labels": {"look": "again"}}}, headers=MERGE)
    wait_for(lambda: http.get(f"{apps}/deployments/web").json()["spec"]["replicas"] == 4)
