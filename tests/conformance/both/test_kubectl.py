"""kubectl's commands, each of which makes several requests of its own; part of `make test-conformance`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.conformance.both.api import Api, answered
from tests.conformance.both.kubectl import Kubectl
from tests.conformance.both.manifests import IMAGE, NOWHERE, OTHER_IMAGE, config_map, deployment, job, pod


@pytest.fixture
def kubectl(cluster: Any, ns: str, tmp_path: Path, request: pytest.FixtureRequest) -> Kubectl:
    """kubectl in the test's namespace."""
    program = cluster.kubectl or request.getfixturevalue("real_cluster").kubectl
    if program is None:
        pytest.skip("there is no kubectl: install one beside UPKEEP_TEST_KUBECONFIG")
    return Kubectl(program, cluster.kubeconfig, ns, tmp_path)


def test_create_get_and_delete(kubectl: Kubectl) -> None:
    made = kubectl("create", "-f", "-", stdin=config_map("one", {"a": "1"}))
    assert made.stdout == "configmap/one created\n"
    head, row = kubectl("get", "cm", "one").stdout.splitlines()
    assert (head.split(), row.split()[:2]) == (["NAME", "DATA", "AGE"], ["one", "1"])
    assert kubectl("get", "cm", "one", "-o", "jsonpath={.data.a}").stdout == "1"
    assert json.loads(kubectl("get", "cm", "one", "-o", "json").stdout)["data"] == {"a": "1"}
    assert kubectl("get", "cm", "one", "-o", "name").stdout == "configmap/one\n"
    assert kubectl("delete", "cm", "one").stdout.startswith('configmap "one" deleted')
    missing = kubectl("get", "cm", "one", code=1).stderr
    assert missing == 'Error from server (NotFound): configmaps "one" not found\n'
    again = kubectl("delete", "cm", "one", "--ignore-not-found")
    assert again.stdout == ""


def test_apply_creates_changes_and_takes_away(kubectl: Kubectl) -> None:
    first = config_map("one", {"a": "1", "b": "2"}, part="yes")
    assert kubectl("apply", "-f", "-", stdin=first).stdout == "configmap/one created\n"
    assert kubectl("apply", "-f", "-", stdin=first).stdout == "configmap/one unchanged\n"
    second = config_map("one", {"a": "3"})
    assert kubectl("diff", "-f", "-", stdin=second, code=1).stdout.count("-  b: ") == 1
    assert kubectl("apply", "-f", "-", stdin=second).stdout == "configmap/one configured\n"
    stored = json.loads(kubectl("get", "cm", "one", "-o", "json").stdout)
    assert stored["data"] == {"a": "3"}
    assert "part" not in stored["metadata"].get("labels", {})


def test_apply_of_a_deployment_keeps_what_others_set(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=deployment("web", 1))
    kubectl("set", "env", "deployment/web", "MODE=fast")
    changed = deployment("web", 1)
    changed["spec"]["template"]["spec"]["containers"][0]["image"] = OTHER_IMAGE
    kubectl("apply", "-f", "-", stdin=changed)
    (container,) = json.loads(kubectl("get", "deploy", "web", "-o", "json").stdout)["spec"]["template"][
        "spec"
    ]["containers"]
    assert (container["image"], container["env"]) == (OTHER_IMAGE, [{"name": "MODE", "value": "fast"}])


def test_dry_runs(kubectl: Kubectl) -> None:
    shown = kubectl("apply", "--dry-run=server", "-f", "-", stdin=config_map("one")).stdout
    assert shown == "configmap/one created (server dry run)\n"
    kubectl("get", "cm", "one", code=1)


def test_a_rollout_and_its_undoing(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=deployment("web", 2))
    done = kubectl("rollout", "status", "deployment/web", "--timeout=30s").stdout
    assert done.endswith('deployment "web" successfully rolled out\n')
    kubectl("set", "image", "deployment/web", f"app={OTHER_IMAGE}")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    history = kubectl("rollout", "history", "deployment/web").stdout
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1", "2"]
    assert OTHER_IMAGE in kubectl("rollout", "history", "deployment/web", "--revision=2").stdout
    undone = kubectl("rollout", "undo", "deployment/web").stdout
    assert undone == "deployment.apps/web rolled back\n"
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert kubectl("get", "deploy", "web", "-o", image).stdout == IMAGE
    kubectl("rollout", "restart", "deployment/web")
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")


def test_a_rollout_that_fails(kubectl: Kubectl) -> None:
    body = deployment("web", 1, progressDeadlineSeconds=1)
    body["spec"]["template"]["spec"]["nodeSelector"] = NOWHERE
    kubectl("apply", "-f", "-", stdin=body)
    failed = kubectl("rollout", "status", "deployment/web", "--timeout=30s", code=1)
    assert 'error: deployment "web" exceeded its progress deadline' in failed.stderr


def test_scale_and_wait(kubectl: Kubectl, api: Api, deployments: str) -> None:
    kubectl("create", "-f", "-", stdin=deployment("web", 1))
    kubectl("wait", "--for=condition=Available", "deployment/web", "--timeout=30s")
    assert kubectl("scale", "deployment/web", "--replicas=3").stdout == "deployment.apps/web scaled\n"
    kubectl("wait", "--for=jsonpath={.status.readyReplicas}=3", "deployment/web", "--timeout=30s")
    assert answered(api.get(f"{deployments}/web"))["status"]["readyReplicas"] == 3
    refused = kubectl("scale", "deployment/web", "--current-replicas=1", "--replicas=5", code=1)
    assert "Expected replicas to be 1, was 3" in refused.stderr
    kubectl("delete", "deployment", "web", "--cascade=foreground", "--wait", "--timeout=30s")
    assert kubectl("get", "pods").stderr.startswith("No resources found")


def test_wait_for_jobs_and_for_the_end(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=job("good"))
    kubectl("wait", "--for=condition=complete", "job/good", "--timeout=30s")
    kubectl("delete", "job", "good", "--wait=false")
    kubectl("wait", "--for=delete", "job/good", "--timeout=30s")
    waited = kubectl("wait", "--for=condition=complete", "job/ghost", "--timeout=1s", code=1)
    assert 'jobs.batch "ghost" not found' in waited.stderr


def test_describe(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=deployment("web", 1))
    kubectl("rollout", "status", "deployment/web", "--timeout=30s")
    shown = kubectl("describe", "deployment", "web").stdout
    assert "1 desired | 1 updated | 1 total | 1 available | 0 unavailable" in shown
    assert "Scaled up replica set web-" in shown
    kubectl("apply", "-f", "-", stdin=pod("stuck", nodeSelector=NOWHERE))
    kubectl("wait", "--for=condition=PodScheduled=False", "pod/stuck", "--timeout=30s")
    shown = kubectl("describe", "pod", "stuck").stdout
    assert "Node-Selectors:" in shown
    assert "example.com/nowhere=true" in shown
    assert "Status:           Pending" in shown


def test_labels_annotations_and_patches(kubectl: Kubectl) -> None:
    kubectl("apply", "-f", "-", stdin=config_map("one"))
    assert kubectl("label", "cm", "one", "part=yes").stdout == "configmap/one labeled\n"
    assert "--overwrite is false" in kubectl("label", "cm", "one", "part=no", code=1).stderr
    kubectl("annotate", "cm", "one", "note=n")
    assert kubectl("get", "cm", "-l", "part in (yes)", "-o", "name").stdout == "configmap/one\n"
    kubectl("label", "cm", "one", "part-")
    assert kubectl("get", "cm", "-l", "part", "-o", "name").stdout == ""
    merge = json.dumps({"data": {"key": "new"}})
    assert kubectl("patch", "cm", "one", "-p", merge).stdout == "configmap/one patched\n"
    assert kubectl("patch", "cm", "one", "-p", merge).stdout == "configmap/one patched (no change)\n"
    replaced = json.dumps([{"op": "test", "path": "/data/key", "value": "old"}])
    kubectl("patch", "cm", "one", "--type=json", "-p", replaced, code=1)


def test_what_kubectl_asks_first(kubectl: Kubectl) -> None:
    served = kubectl("api-resources", "--api-group=apps", "-o", "name").stdout.split()
    assert {"deployments.apps", "statefulsets.apps", "daemonsets.apps", "replicasets.apps"} <= set(served)
    assert {"apps/v1", "batch/v1", "v1"} <= set(kubectl("api-versions").stdout.split())
    assert kubectl("get", "all").stderr.startswith("No resources found")
