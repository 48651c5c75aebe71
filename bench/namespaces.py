"""How long a namespace of 300 objects takes to export and recreate, against `kubectl get` and `apply`."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable, Iterator
from itertools import count
from pathlib import Path
from typing import Any

import pyrage
import yaml
from kubernetes import config
from tests.backups.kubernetes import shop
from tests.conformance.control_plane import simulated
from tests.conformance.control_plane.plane import control_plane
from tests.conformance.programs.build import programs
from tests.servers.aws import aws

from bench.rows import Row, ratio
from upkeep.backups.kubernetes.archive import read_archive
from upkeep.backups.kubernetes.cleaning import ROOT_CERTIFICATES, cleaned
from upkeep.backups.kubernetes.export import NamespaceExport
from upkeep.backups.kubernetes.recreate import recreate
from upkeep.backups.kubernetes.verify import verify
from upkeep.backups.kubernetes.wanted import Target
from upkeep.clients.kubernetes import Kubernetes
from upkeep.clients.kubernetes.api import Api

SOURCE, ROUNDS, TARGET = "tapio-system", 5, 1.5
KINDS = (
    "configmaps,secrets,services,serviceaccounts,roles,rolebindings,"
    "networkpolicies,deployments,cronjobs,offers"
)
MANY = 30
"""Objects of each of ten kinds."""


def rows(folder: Path) -> Iterator[Row]:
    """Yield the row; `folder` is empty and ours. Needs what `make test-conformance` builds."""
    built = programs()
    (folder / "plane").mkdir()
    with (
        control_plane(built, folder / "plane") as plane,
        aws() as store,
        config.new_client_from_config(str(plane.kubeconfig)) as client,
    ):
        store.bucket("exports")
        api = Kubernetes(client, 60).api
        simulated.make_nodes(plane.kubeconfig, 3)
        _plant(api)
        kubectl = [str(built / "kubectl"), "--kubeconfig", str(plane.kubeconfig)]
        took: dict[str, list[float]] = {"export": [], "recreate": [], "get": [], "apply": []}
        ours = _ours(api, store["s3"], took)
        measured = ratio(ours, _theirs(api, kubectl, folder, took), ROUNDS)
    note = ", ".join(f"{name} {sorted(times)[len(times) // 2]:.2f} s" for name, times in took.items())
    yield Row("export.namespace", measured, "x kubectl get and apply", TARGET, note)


def _plant(api: Api) -> None:
    """Make the namespace: no pods run in it, for they would compete with what is measured."""
    api.send("POST", "/api/v1/namespaces", {"metadata": {"name": SOURCE}})
    shop.plant(api, SOURCE)
    text = "setting: value\n" * 40
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role"}
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["get"]}]
    port = {"port": 80, "protocol": "TCP"}
    for number in range(MANY):
        name = f"part-{number}"
        subject = {"kind": "ServiceAccount", "name": name, "namespace": SOURCE}
        spec = {"schedule": "0 3 * * *", "suspend": True, "jobTemplate": {"spec": _job(name)}}
        binding = {"roleRef": role | {"name": name}, "subjects": [subject]}
        shop.create(
            api,
            SOURCE,
            shop.make("v1", "ConfigMap", name, data={"config.yaml": text}),
            shop.make("v1", "Secret", name, data={"TOKEN": shop.encoded(f"a token of part {number}")}),
            shop.make("v1", "Service", name, spec={"selector": {"app": name}, "ports": [port]}),
            shop.make("v1", "ServiceAccount", name),
            shop.make("rbac.authorization.k8s.io/v1", "Role", name, rules=rules),
            shop.make("rbac.authorization.k8s.io/v1", "RoleBinding", name, **binding),
            shop.make("networking.k8s.io/v1", "NetworkPolicy", name, spec={"podSelector": {}}),
            shop.workload("Deployment", name, 0),
            shop.make("batch/v1", "CronJob", name, spec=spec),
            shop.make(f"{shop.GROUP}/v1", "Offer", name, spec={"price": number, "of": text}),
        )


def _job(name: str) -> dict[str, Any]:
    template = shop.pods(name)
    template["spec"]["restartPolicy"] = "Never"
    return {"template": template}


def _ours(api: Api, s3: Any, took: dict[str, list[float]]) -> Callable[[], float]:
    key = pyrage.x25519.Identity.generate()
    method = NamespaceExport(api, SOURCE, s3, "exports", "bench/", (str(key.to_public()),))
    numbers = count()

    def run() -> float:
        number = next(numbers)
        target = Target(f"ours-{number}", copy_beside=True)
        began = time.monotonic()
        copy = method.make(f"round-{number}")
        exported = time.monotonic()
        archive = read_archive(s3, copy, str(key))
        done = recreate(archive, api, target)
        ended = time.monotonic()
        took["export"].append(exported - began)
        took["recreate"].append(ended - exported)
        if done["refused"] or len(done["created"]) < 10 * MANY:
            raise RuntimeError(f"not recreated: {done['refused']}")
        missing = [p for p in verify(archive, api, target, 0.1).problems if "missing" in p or "differs" in p]
        if missing:
            raise RuntimeError(f"not as it was: {missing}")
        return ended - began

    return run


def _theirs(api: Api, kubectl: list[str], folder: Path, took: dict[str, list[float]]) -> Callable[[], float]:
    numbers = count()

    def run() -> float:
        name = f"theirs-{next(numbers)}"
        api.send("POST", "/api/v1/namespaces", {"metadata": {"name": name}})
        began = time.monotonic()
        listed = subprocess.run(
            [*kubectl, "get", KINDS, "-n", SOURCE, "-o", "yaml"], capture_output=True, check=True
        ).stdout
        took["get"].append(time.monotonic() - began)
        file = folder / "list.yaml"
        file.write_text(_applicable(listed, name))
        began = time.monotonic()
        subprocess.run([*kubectl, "apply", "-f", str(file)], capture_output=True, check=True)
        took["apply"].append(time.monotonic() - began)
        return took["get"][-1] + took["apply"][-1]

    return run


def _applicable(listed: bytes, namespace: str) -> str:
    """Return a list as kubectl can apply it elsewhere; a person does so by hand, and it is not timed."""
    items = [cleaned(obj) for obj in yaml.load(listed, yaml.CSafeLoader)["items"]]
    kept = [obj for obj in items if obj["metadata"]["name"] not in ROOT_CERTIFICATES]
    for obj in kept:
        obj["metadata"]["namespace"] = namespace
        for port in obj["spec"].get("ports") or () if obj["kind"] == "Service" else ():
            port.pop("nodePort", None)
    return yaml.dump({"apiVersion": "v1", "kind": "List", "items": kept}, Dumper=yaml.CSafeDumper)
