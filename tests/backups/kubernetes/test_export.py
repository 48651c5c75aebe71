"""What an export of a namespace holds, and what it never holds."""

from __future__ import annotations

import json
import logging
from dataclasses import replace

import pyrage
import pytest
import zstandard
from tests.backups.kubernetes import shop
from tests.backups.kubernetes.conftest import BUCKET, World

from upkeep.backups.kubernetes.archive import read_archive
from upkeep.backups.kubernetes.kinds import label
from upkeep.backups.kubernetes.selection import CERTIFICATE, Selection
from upkeep.backups.model import Level
from upkeep.errors import ConfigurationError, PermanentError


def stored(world: World, prefix: str) -> dict[str, bytes]:
    """All bytes under a prefix."""
    listed = world.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    keys = [row["Key"] for row in listed]
    return {key: world.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def test_everything_that_nobody_makes_again_is_in_it(world: World, ns: str) -> None:
    archive = world.read(world.export(ns).make("one"))
    expected = {label(obj) for obj in shop.objects(ns)}
    expected |= {"PersistentVolumeClaim/data", "ServiceAccount/default"}
    assert {label(obj) for obj in archive.objects} == expected
    assert {label(obj) for obj in archive.cluster} == {
        f"Namespace/{ns}",
        f"CustomResourceDefinition/offers.{shop.GROUP}",
    }
    (volume,) = archive.facts["volumes"]
    assert (volume["claim"], volume["storage_class"], volume["size"]) == ("data", "standard", "1Gi")
    assert archive.facts["cluster_roles"] == ["view"]


def test_what_is_left_out_is_counted_with_its_reason(world: World, ns: str) -> None:
    body = {"template": {"spec": shop.pods("done")["spec"] | {"restartPolicy": "Never"}}}
    shop.create(world.api, ns, shop.make("batch/v1", "Job", "done", spec=body))
    path = f"/apis/batch/v1/namespaces/{ns}/jobs/done"
    world.api.send(
        "PATCH",
        f"{path}/status",
        {"status": {"conditions": [{"type": "Complete", "status": "True"}]}},
        "application/merge-patch+json",
    )
    token = {"type": "kubernetes.io/service-account-token", "data": {"token": shop.encoded("x" * 30)}}
    token["metadata"] = {"name": "old", "annotations": {"kubernetes.io/service-account.name": "web"}}
    world.api.send("POST", f"/api/v1/namespaces/{ns}/secrets", token)
    facts = world.export(ns).make("reasons").facts
    assert facts["left_out"]["has ended; made again it would run again"] >= 1
    assert facts["left_out"]["a token of a service account's old identity"] == 1
    assert facts["left_out"]["put into every namespace by the cluster"] == 1
    assert facts["left_out"]["made by its controller"] >= 4


def test_endpoints_by_hand_are_kept(world: World, ns: str) -> None:
    address = {"subsets": [{"addresses": [{"ip": "192.0.2.7"}], "ports": [{"port": 5432}]}]}
    port = {"port": 5432}
    shop.create(
        world.api,
        ns,
        shop.make("v1", "Service", "outside", spec={"ports": [port]}),
        shop.make("v1", "Endpoints", "outside", **address),
    )
    archive = world.read(world.export(ns).make("endpoints"))
    found = [label(obj) for obj in archive.objects if obj["kind"] == "Endpoints"]
    assert found == ["Endpoints/outside"]


def test_no_object_carries_what_the_server_wrote(world: World, ns: str) -> None:
    archive = world.read(world.export(ns).make("clean"))
    for obj in archive.objects:
        assert "status" not in obj
        assert set(obj["metadata"]) <= {"name", "namespace", "labels", "annotations"}
    services = {obj["metadata"]["name"]: obj for obj in archive.objects if obj["kind"] == "Service"}
    assert services["db"]["spec"]["clusterIP"] == "None"
    assert "clusterIP" not in services["web"]["spec"]
    (claim,) = (obj for obj in archive.objects if obj["kind"] == "PersistentVolumeClaim")
    assert "volumeName" not in claim["spec"]


def test_a_secret_is_in_clear_nowhere(world: World, ns: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    copy = world.export(ns).make("secrets")
    blobs = stored(world, f"{ns}/secrets")
    whole = b"".join(
        zstandard.ZstdDecompressor().stream_reader(body).read() if key.endswith(".zst") else body
        for key, body in blobs.items()
    )
    for form in (shop.PASSWORD, shop.encoded(shop.PASSWORD)):
        assert form.encode() not in whole
        assert form not in caplog.text
        assert form not in json.dumps(dict(copy.facts))
    assert "ConfigMap/careless" in copy.facts["sealed"]
    without = world.export(ns)
    closed = read_archive(world.s3, copy, None)
    assert closed.unopened == 3
    assert shop.PASSWORD not in repr(closed) + repr(without)


def test_only_the_right_identity_opens_it(world: World, ns: str) -> None:
    copy = world.export(ns).make("wrong-key")
    with pytest.raises(PermanentError, match="identity"):
        read_archive(world.s3, copy, str(pyrage.x25519.Identity.generate()))
    with pytest.raises(ConfigurationError, match="AGE-SECRET-KEY"):
        read_archive(world.s3, copy, "nonsense")


def test_a_selection_by_kind_and_label(world: World, ns: str) -> None:
    some = Selection(("configmaps",), "app=web")
    archive = world.read(world.export(ns, some, f"{ns}/some/").make("one"))
    assert [label(obj) for obj in archive.objects] == ["ConfigMap/settings"]
    with pytest.raises(ConfigurationError, match="serves no widgets"):
        world.export(ns, Selection(("widgets",))).look()


def test_certificates_come_with_their_secrets_alone(world: World) -> None:
    archive = world.read(
        world.export(
            "tapio-system", Selection((CERTIFICATE, "issuers.cert-manager.io"), None, True), "certificates/"
        ).make("one")
    )
    names = ("tapio-server-tls", "tapio-agent-tls", "tapio-dashboard-tls")
    expected = {f"{kind}/{name}" for kind in ("Certificate", "Secret") for name in names}
    assert {label(obj) for obj in archive.objects} == expected


def test_more_than_a_page_of_a_kind(world: World, ns: str) -> None:
    for number in range(601):
        world.api.send("POST", f"/api/v1/namespaces/{ns}/configmaps", {"metadata": {"name": f"m-{number}"}})
    copy = world.export(ns).make("pages")
    assert copy.facts["counts"]["configmaps"] == 603
    assert all(proof.holds for proof in world.export(ns).check(copy))


def test_a_name_is_made_once(world: World, ns: str) -> None:
    export = world.export(ns)
    first = export.make("once")
    shop.create(world.api, ns, shop.make("v1", "ConfigMap", "later"))
    assert export.make("once") == first
    assert export.find("once") == first
    assert export.find("never") is None


def test_copies_and_their_end(world: World, ns: str) -> None:
    export = world.export(ns)
    one, two = export.make("one"), export.make("two")
    world.s3.delete_object(Bucket=BUCKET, Key=f"{ns}/two.json")
    found = {copy.name: copy for copy in export.copies()}
    assert found["one"] == one
    assert "not finished" in found["two"].problems[0]
    assert export.find("two") is None
    assert export.make("two").started_at > two.started_at
    export.delete(list(export.copies()))
    assert (list(export.copies()), stored(world, f"{ns}/")) == ([], {})
    export.delete([one])


def test_one_that_is_held_is_not_deleted(world: World, ns: str) -> None:
    export = world.export(ns)
    copy = export.make("held")
    with pytest.raises(PermanentError, match="held: under legal hold"):
        export.delete([replace(copy, held=True)])
    assert export.find("held") == copy


def test_it_is_encrypted_by_the_bucket_as_promised(world: World, ns: str) -> None:
    export = replace(world.export(ns), extra={"ServerSideEncryption": "aws:kms"})
    copy = export.make("kms")
    assert copy.encryption == "aws:kms"
    assert [proof.level for proof in export.check(copy) if proof.holds] == [
        Level.EXISTS,
        Level.COMPLETE,
        Level.CHECKSUMS,
    ]


def test_what_is_proven_is_not_read_again(world: World, ns: str) -> None:
    export = world.export(ns)
    copy = export.make("again")
    before = export.check(copy)
    read: list[str] = []
    world.s3.meta.events.register("before-call.s3.GetObject", lambda **_: read.append("read"))
    try:
        assert all(proof.holds for proof in export.check(copy, before))
    finally:
        world.s3.meta.events.unregister("before-call.s3.GetObject")
    assert read == []
