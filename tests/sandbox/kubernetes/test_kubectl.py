"""kubectl, as the guides use it."""

from __future__ import annotations

import json

import pytest


@pytest.fixture
def k(kubectl, namespace):
    """kubectl in the test's namespace; it returns what is printed."""
    return lambda *arguments, **more: kubectl("-n", namespace, *arguments, **more).stdout


def _apply(k, manifest):
    return k("apply", "-f", "-", stdin=manifest)


def test_get_and_top_print_tables(kubectl):
    shown = kubectl("-n", "tapio-system", "get", "all").stdout
    for word in (
        "deployment.apps/tapio-server",
        "3/3",
        "daemonset.apps/tapio-agent",
        "job.batch/backup-daily-",
    ):
        assert word in shown
    wide = kubectl("get", "pods", "-A", "-o", "wide", "--show-labels").stdout
    assert "worker-1" in wide
    certificates = kubectl("-n", "tapio-system", "get", "certificates").stdout
    assert ("NOT AFTER" in certificates, "True" in certificates) == (True, True)
    assert "tapio-agent" in kubectl("-n", "tapio-system", "top", "pods", "--sort-by=cpu").stdout
    assert "worker-1" in kubectl("top", "nodes").stdout
    both = kubectl("-n", "tapio-system", "get", "tapioconfigs,correlationrules", "-o", "name").stdout
    assert "correlationrule.tapio.io/oom-after-deploy" in both


@pytest.mark.parametrize(
    "what",
    [
        ("deployment", "zetra-platform-blue"),
        ("service", "zetra-platform-active"),
        ("ingress", "zetra-platform-ingress"),
        ("pod", "postgres-0"),
        ("statefulset", "postgres"),
        ("cronjob", "backup-database"),
        ("pvc", "zetra-uploads"),
        ("secret", "zetra-app-tls"),
        ("networkpolicy", "default-deny"),
        ("certificate", "zetra-app-tls"),
        ("node", "worker-1"),
        ("namespace", "production"),
    ],
)
def test_describe(kubectl, what):
    shown = kubectl("-n", "production", "describe", *what)
    assert what[1] in shown.stdout
    assert shown.stderr == ""


def test_apply_is_idempotent_and_drops_what_was_dropped(k, manifests):
    manifest = manifests.deployment("web")
    container = manifest["spec"]["template"]["spec"]["containers"][0]
    container["env"] = [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]
    assert "created" in _apply(k, manifest)
    assert "unchanged" in _apply(k, manifest)
    container["env"] = [{"name": "B", "value": "3"}]
    assert "configured" in _apply(k, manifest)
    shown = k("get", "deployment", "web", "-o", "jsonpath={.spec.template.spec.containers[0].env}")
    assert shown == '[{"name":"B","value":"3"}]'
    assert "server dry run" in k("apply", "--dry-run=server", "-f", "-", stdin=manifests.deployment("other"))


def test_a_rollout_fails_and_is_undone(k, kubectl, namespace, manifests):
    _apply(k, manifests.deployment("web"))
    assert "successfully rolled out" in k("rollout", "status", "deployment/web", "--timeout=20s")
    k("set", "image", "deployment/web", "app=registry.example/app:2")
    k("rollout", "status", "deployment/web", "--timeout=20s")
    k("patch", "deployment", "web", "-p", '{"spec":{"progressDeadlineSeconds":1}}')
    k("set", "image", "deployment/web", "app=registry.example/app:does-not-exist")
    failed = kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=20s", check=False)
    assert failed.returncode != 0
    assert "exceeded its progress deadline" in failed.stderr
    k("patch", "deployment", "web", "-p", '{"spec":{"progressDeadlineSeconds":600}}')
    k("rollout", "undo", "deployment/web")
    k("rollout", "status", "deployment/web", "--timeout=20s")
    image = "jsonpath={.spec.template.spec.containers[0].image}"
    assert k("get", "deployment", "web", "-o", image) == "registry.example/app:2"
    history = k("rollout", "history", "deployment/web")
    assert [line.split()[0] for line in history.splitlines()[2:] if line] == ["1", "3", "4"]
    k("rollout", "undo", "deployment/web", "--to-revision=1")
    assert k("get", "deployment", "web", "-o", image) == "registry.example/app:1"
    k("rollout", "restart", "deployment/web")
    k("rollout", "status", "deployment/web", "--timeout=20s")


def test_a_daemon_set_is_updated_and_undone(k, manifests):
    manifest = {**manifests.deployment("agent"), "kind": "DaemonSet"}
    del manifest["spec"]["replicas"]
    _apply(k, manifest)
    k("rollout", "status", "daemonset/agent", "--timeout=20s")
    k("set", "image", "daemonset/agent", "app=registry.example/app:2")
    k("rollout", "status", "daemonset/agent", "--timeout=30s")
    k("rollout", "undo", "daemonset/agent")
    k("rollout", "status", "daemonset/agent", "--timeout=30s")
    assert "registry.example/app:1" in k("get", "pods", "-l", "app=agent", "-o", "yaml")


def test_scale_patch_wait_logs_delete(k, manifests):
    manifest = manifests.deployment("web")
    manifest["spec"]["template"]["metadata"]["annotations"] = {"sandbox.upkeep/log": "hello\nworld"}
    _apply(k, manifest)
    k("scale", "deployment", "web", "--replicas=3")
    k("wait", "--for=condition=Available", "deployment/web", "--timeout=20s")
    k("wait", "--for=condition=Ready", "pods", "-l", "app=web", "--timeout=20s")
    assert k("logs", "deployment/web", "--tail=1") == "world\n"
    container = {"name": "app", "resources": {"limits": {"memory": "1Gi"}}}
    patch = json.dumps({"spec": {"template": {"spec": {"containers": [container]}}}})
    assert "patched" in k("patch", "deployment", "web", "-p", patch)
    k("annotate", "deployment", "web", "team=sre")
    k("label", "deployment", "web", "tier=front")
    assert "web" in k("get", "deployments", "-l", "tier=front")
    k("delete", "deployment", "web", "--cascade=foreground")
    assert k("get", "replicasets") == ""


def test_a_claim_is_expanded(k):
    spec = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "100Gi"}}}
    claim = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": "data"}, "spec": spec}
    _apply(k, claim)
    k("wait", "--for=jsonpath={.status.phase}=Bound", "pvc/data", "--timeout=10s")
    k("patch", "pvc", "data", "-p", '{"spec":{"resources":{"requests":{"storage":"200Gi"}}}}')
    k("wait", "--for=jsonpath={.status.capacity.storage}=200Gi", "pvc/data", "--timeout=10s")


def test_a_job_runs_and_an_export_is_restored(k, namespace):
    container = {"name": "scan", "image": "registry.example/scan:1"}
    template = {
        "metadata": {"annotations": {"sandbox.upkeep/log": "clean"}},
        "spec": {"restartPolicy": "Never", "containers": [container]},
    }
    job = {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "scan"},
        "spec": {"template": template},
    }
    _apply(k, job)
    k("wait", "--for=condition=Complete", "job/scan", "--timeout=20s")
    assert k("logs", "job/scan") == "clean\n"
    _apply(k, {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}, "data": {"a": "1"}})
    k("patch", "configmap", "c", "--type=json", '-p=[{"op":"replace","path":"/data/a","value":"2"}]')
    assert k("get", "configmap", "c", "-o", "jsonpath={.data.a}") == "2"
    assert "kind: ConfigMap" in k("get", "secrets,configmaps", "-o", "yaml")


@pytest.mark.parametrize(
    ("arguments", "missing"),
    [
        (("exec", "deploy/tapio-server", "--", "ls"), "pods/exec"),
        (("port-forward", "deploy/tapio-server", "8443"), "pods/portforward"),
        (("create", "namespace", "x"), "protobuf"),
        (("auth", "can-i", "get", "pods"), "protobuf"),
    ],
)
def test_what_is_missing_is_named(kubectl, arguments, missing):
    done = kubectl("-n", "tapio-system", *arguments, check=False)
    assert done.returncode != 0
    assert missing in done.stderr
