"""An export that cannot be made: it says why, and leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace

import boto3
import pytest
from botocore.stub import Stubber
from tests.backups.kubernetes.conftest import BUCKET, World
from tests.servers.bad import hanging, refusing
from tests.servers.cluster import api_client

from upkeep.clients.kubernetes import Kubernetes
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError


def stored(world: World, prefix: str) -> dict[str, bytes]:
    """All bytes under a prefix."""
    listed = world.s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])
    keys = [row["Key"] for row in listed]
    return {key: world.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in keys}


def uploads(world: World) -> list[str]:
    """Uploads that have not ended."""
    found = world.s3.list_multipart_uploads(Bucket=BUCKET).get("Uploads") or []
    return [row["Key"] for row in found]


@pytest.mark.parametrize(
    ("recipient", "said"), [("", "not an age recipient"), ("age1x", "not an age recipient")]
)
def test_without_a_recipient_nothing_begins(world: World, ns: str, recipient: str, said: str) -> None:
    for recipients in ((recipient,), ()):
        export = replace(world.export(ns), recipients=recipients)
        for act in (export.look, lambda export=export: export.make("none")):
            with pytest.raises(ConfigurationError, match=said if recipients else "name a recipient"):
                act()
    assert stored(world, f"{ns}/") == {}


def test_a_bucket_that_is_gone_and_a_namespace_that_is(world: World, ns: str) -> None:
    gone = replace(world.export(ns), bucket="no-such-bucket")
    for act in (gone.look, lambda: gone.make("x")):
        with pytest.raises(PermanentError, match="no-such-bucket"):
            act()
    with pytest.raises(PermanentError, match="no-such-namespace"):
        world.export("no-such-namespace").look()


def test_expired_credentials(world: World, ns: str) -> None:
    client = boto3.client(
        "s3", region_name="eu-central-1", aws_access_key_id="k", aws_secret_access_key="very-secret-key"
    )
    with Stubber(client) as stubbed:
        stubbed.add_client_error("get_object", "ExpiredToken", "The provided token has expired.", 400)
        with pytest.raises(ConfigurationError, match=r"ExpiredToken.*credentials") as refusal:
            replace(world.export(ns), s3=client).make("expired")
    assert "very-secret-key" not in str(refusal.value)


def test_an_api_that_is_down_or_mute(world: World, ns: str) -> None:
    for server in (refusing, hanging):
        with server() as port, api_client(f"http://127.0.0.1:{port}", "s3cr3t-token") as client:
            export = replace(world.export(ns), api=Kubernetes(client, 0.5).api)
            with pytest.raises(TemporaryError, match=rf"127\.0\.0\.1:{port}") as refusal:
                export.make("down")
            assert "s3cr3t" not in str(refusal.value)
    assert (stored(world, f"{ns}/"), uploads(world)) == ({}, [])


def test_credentials_of_the_cluster_that_have_expired(world: World, ns: str) -> None:
    with api_client(world.cluster.url, "an-old-token") as client:
        export = replace(world.export(ns), api=Kubernetes(client, 5).api)
        with pytest.raises(ConfigurationError, match="401") as refusal:
            export.make("expired")
    assert "an-old-token" not in str(refusal.value)
    assert stored(world, f"{ns}/") == {}
