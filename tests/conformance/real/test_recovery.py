"""Recoveries on the real API: quotas, rights, namespaces that do not go, volumes, snapshots."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any
from uuid import uuid4

import pyrage
import pytest
from kubernetes import client
from tests.backups.kubernetes import shop
from tests.conformance.both.manifests import ANYTHING
from tests.servers.aws import aws

from upkeep.backups.kubernetes.archive import Archive, read_archive
from upkeep.backups.kubernetes.drills import delete_namespace
from upkeep.backups.kubernetes.export import NamespaceExport
from upkeep.backups.kubernetes.kinds import DEFINITIONS
from upkeep.backups.kubernetes.plan import recreate_plan
from upkeep.backups.kubernetes.recreate import recreate
from upkeep.backups.kubernetes.snapshots import VolumeSnapshots
from upkeep.backups.kubernetes.verify import verify
from upkeep.backups.kubernetes.volumes import bring_back
from upkeep.backups.kubernetes.wanted import Target
from upkeep.clients.kubernetes import Kubernetes
from upkeep.clients.kubernetes.api import Api
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

IDENTITY = pyrage.x25519.Identity.generate()
MERGE = "application/merge-patch+json"
SNAPSHOTS = "snapshot.storage.k8s.io"


@pytest.fixture(scope="module")
def s3() -> Iterator[Any]:
    """Where exports go."""
    with aws() as running:
        running.bucket("exports")
        yield running["s3"]


@pytest.fixture
def own(api: client.ApiClient) -> Api:
    """Upkeep's own client."""
    return Kubernetes(api, 30).api


@pytest.fixture
def export(own: Api, s3: Any) -> Callable[..., Archive]:
    """Export a namespace: `export(namespace)`."""

    def make(namespace: str) -> Archive:
        recipients = (str(IDENTITY.to_public()),)
        method = NamespaceExport(own, namespace, s3, "exports", f"{namespace}/", recipients)
        return read_archive(s3, method.make("one"), str(IDENTITY))

    return make


def test_a_quota_that_is_exceeded_is_named_and_the_rest_is_done(
    own: Api, ns: str, export: Callable[..., Archive]
) -> None:
    hard = {"count/configmaps": "3", "count/services": "5"}
    shop.create(own, ns, shop.make("v1", "ResourceQuota", "few", spec={"hard": hard}))
    shop.create(own, ns, *(shop.make("v1", "ConfigMap", f"map-{number}") for number in range(2)))
    service = shop.make("v1", "Service", "web", spec={"selector": {"a": "b"}, "ports": [{"port": 80}]})
    shop.create(own, ns, service)
    archive = export(ns)
    settings = next(obj for obj in archive.objects if obj["kind"] == "ConfigMap")
    for number in range(3):
        more = {**settings, "metadata": {**settings["metadata"], "name": f"more-{number}"}}
        archive.objects.append(more)
    problems = recreate_plan(archive, own, Target(ns))["problems"]
    assert problems == ["ResourceQuota/few: count/configmaps: 3 needed, 0 of 3 free"]
    # The quota comes first and is enforced at once, also in a namespace that is new.
    delete_namespace(own, ns, "", production=True, seconds=120)
    done = recreate(archive, own, Target(ns))
    assert all("exceeded quota" in why for why in done["refused"].values())
    assert len(done["refused"]) in (3, 2)  # the cluster's own config map may come before or after ours
    assert "Service/web" in done["created"]


def test_rights_that_are_missing_are_named(own: Api, ns: str, s3: Any, real_cluster: Any) -> None:
    path = f"/api/v1/namespaces/{ns}/serviceaccounts/default/token"
    _, answer = own.send(
        "POST", path, {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    )
    with real_cluster.api() as made:
        made.configuration.cert_file = made.configuration.key_file = None
        made.configuration.api_key = {"authorization": f"Bearer {answer['status']['token']}"}
        limited = client.ApiClient(made.configuration)
        with limited:
            method = NamespaceExport(
                Kubernetes(limited, 30).api, ns, s3, "exports", f"{ns}/", (str(IDENTITY.to_public()),)
            )
            with pytest.raises(ConfigurationError, match=rf"namespaces/{ns}/secrets.*rights") as refusal:
                method.make("refused")
    assert answer["status"]["token"] not in str(refusal.value)
    assert "Contents" not in s3.list_objects_v2(Bucket="exports", Prefix=f"{ns}/")


def test_a_namespace_that_does_not_go_says_what_holds_it(
    own: Api, ns: str, export: Callable[..., Archive]
) -> None:
    held = shop.make("v1", "ConfigMap", "held")
    held["metadata"]["finalizers"] = ["upkeep.example/hold"]
    shop.create(own, ns, held)
    archive = export(ns)
    with pytest.raises(PermanentError, match=r"upkeep\.example/hold"):
        delete_namespace(own, ns, "", production=True, seconds=15)
    assert "upkeep.example/hold" in recreate_plan(archive, own, Target(ns))["problems"][0]
    with pytest.raises(PermanentError, match=r"upkeep\.example/hold"):
        recreate(archive, own, Target(ns), seconds=0.5)
    own.send("PATCH", f"/api/v1/namespaces/{ns}/configmaps/held", {"metadata": {"finalizers": None}}, MERGE)
    assert recreate(archive, own, Target(ns))["refused"] == {}
    assert verify(archive, own, Target(ns), 30).holds


@pytest.fixture
def volumes(plane: object, own: Api) -> Iterator[Callable[[], str]]:
    """Make a storage class with one volume; another volume for each call: `volumes()`."""
    storage_class, made = f"class-{uuid4().hex[:8]}", []

    def make() -> str:
        name = f"{storage_class}-{len(made)}"
        spec = {
            "capacity": {"storage": "1Gi"},
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": storage_class,
            "persistentVolumeReclaimPolicy": "Retain",
            "hostPath": {"path": f"/nowhere/{name}"},
        }
        own.send("POST", "/api/v1/persistentvolumes", shop.make("v1", "PersistentVolume", name, spec=spec))
        made.append(name)
        return storage_class

    yield make
    for name in made:
        own.send("DELETE", f"/api/v1/persistentvolumes/{name}")


def test_claims_are_bound_anew(
    own: Api, ns: str, export: Callable[..., Archive], volumes: Callable[[], str]
) -> None:
    shop.create(own, ns, shop.claim("data", volumes()))
    path = f"/api/v1/namespaces/{ns}/persistentvolumeclaims/data"
    shop.until(lambda: own.get(path)["status"].get("phase") == "Bound", "the claim")
    archive = export(ns)
    (volume,) = archive.facts["volumes"]
    assert (volume["claim"], volume["reclaim"]) == ("data", "Retain")
    delete_namespace(own, ns, "", production=True, seconds=120)
    volumes()  # the old one is kept, with its data, for the claim that is gone
    assert recreate(archive, own, Target(ns), seconds=60)["waited"] == []
    assert verify(archive, own, Target(ns), 30).holds
    assert own.get(path)["spec"]["volumeName"] != volume["name"]


@pytest.fixture
def snapshotter(plane: object, own: Api) -> Iterator[None]:
    """The definitions of snapshots, and what a driver would do: nobody else writes their status here."""
    for kind, plural, scope in (
        ("VolumeSnapshot", "volumesnapshots", "Namespaced"),
        ("VolumeSnapshotContent", "volumesnapshotcontents", "Cluster"),
    ):
        own.send("POST", DEFINITIONS.path(None), _definition(kind, plural, scope))
        shop.until(lambda plural=plural: _served(own, plural), f"{plural} to be served")
    over = threading.Event()
    thread = threading.Thread(target=_drive, args=(own, over), daemon=True)
    thread.start()
    yield
    over.set()
    thread.join(10)
    for plural in ("volumesnapshots", "volumesnapshotcontents"):
        own.send("DELETE", DEFINITIONS.path(None, f"{plural}.{SNAPSHOTS}"))


def _definition(kind: str, plural: str, scope: str) -> dict[str, Any]:
    names = {"kind": kind, "plural": plural, "singular": kind.lower(), "listKind": f"{kind}List"}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": ANYTHING}}
    version["subresources"] = {"status": {}}
    spec = {"group": SNAPSHOTS, "scope": scope, "names": names, "versions": [version]}
    made = shop.make(DEFINITIONS.api_version, DEFINITIONS.kind, f"{plural}.{SNAPSHOTS}", spec=spec)
    made["metadata"]["annotations"] = {"api-approved.kubernetes.io": "unapproved, reduced for a test"}
    return made


def _served(api: Api, plural: str) -> bool:
    """Whether a new kind can be listed: at first the server asks for patience (429)."""
    try:
        return shop.get(api, f"/apis/{SNAPSHOTS}/v1/{plural}") is not None
    except TemporaryError:
        return False


def _drive(api: Api, over: threading.Event) -> None:
    """Cut what is asked for, until it is over."""
    root = f"/apis/{SNAPSHOTS}/v1"
    while not over.wait(0.2):
        for snapshot in api.get(f"{root}/volumesnapshots")["items"]:
            if (snapshot.get("status") or {}).get("readyToUse"):
                continue
            metadata, source = snapshot["metadata"], snapshot["spec"]["source"]
            contents = source.get("volumeSnapshotContentName") or f"snapcontent-{metadata['uid']}"
            if "volumeSnapshotContentName" not in source:
                _cut(api, metadata, contents)
            status = {"readyToUse": True, "restoreSize": "1Gi", "boundVolumeSnapshotContentName": contents}
            status["creationTime"] = metadata["creationTimestamp"]
            path = f"{root}/namespaces/{metadata['namespace']}/volumesnapshots/{metadata['name']}/status"
            api.send("PATCH", path, {"status": status}, MERGE)


def _cut(api: Api, metadata: dict[str, Any], contents: str) -> None:
    """Make the contents of a snapshot."""
    spec: dict[str, Any] = {"deletionPolicy": "Delete", "driver": "driver.example"}
    spec["source"] = {"volumeHandle": "v"}
    spec["volumeSnapshotRef"] = {"name": metadata["name"], "namespace": metadata["namespace"]}
    root = f"/apis/{SNAPSHOTS}/v1/volumesnapshotcontents"
    api.send("POST", root, shop.make(f"{SNAPSHOTS}/v1", "VolumeSnapshotContent", contents, spec=spec))
    cut = {"readyToUse": True, "snapshotHandle": f"handle-{metadata['name']}", "restoreSize": 2**30}
    api.send("PATCH", f"{root}/{contents}/status", {"status": cut}, MERGE)


def test_snapshots_outlive_their_namespace(
    own: Api, ns: str, volumes: Callable[[], str], snapshotter: None
) -> None:
    shop.create(own, ns, shop.claim("data", volumes()))
    path = f"/api/v1/namespaces/{ns}/persistentvolumeclaims/data"
    shop.until(lambda: own.get(path)["status"].get("phase") == "Bound", "the claim")
    method = VolumeSnapshots(own, ns, "test/volumes", seconds=30)
    copy = method.make("one")
    assert (copy.problems, copy.bytes, method.make("one")) == ((), 2**30, copy)
    delete_namespace(own, ns, "", production=True, seconds=120)
    (left,) = method.copies()
    facts = left.facts["claims"]["data"]
    assert (facts["snapshot"], facts["handle"]) == (None, copy.facts["claims"]["data"]["handle"])
    own.send("POST", "/api/v1/namespaces", {"metadata": {"name": ns}})
    for _ in range(2):
        bring_back(own, ns, "lost-data", facts, seconds=30)
    found = own.get(f"/apis/{SNAPSHOTS}/v1/namespaces/{ns}/volumesnapshots/lost-data")
    assert found["status"]["readyToUse"] is True
