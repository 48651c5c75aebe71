"""Optimistic concurrency: whoever writes what he read too long ago is told so."""

from __future__ import annotations

import pytest
from kubernetes import client
from tests.conformance.real.refusals import refused


@pytest.fixture
def stale(core: client.CoreV1Api, ns: str) -> client.V1ConfigMap:
    """A config map as it was read before somebody else changed it."""
    core.create_namespaced_config_map(ns, {"metadata": {"name": "one"}, "data": {"a": "1"}})
    read = core.read_namespaced_config_map("one", ns)
    core.patch_namespaced_config_map("one", ns, {"data": {"a": "2"}})
    return read


def test_an_update_of_a_stale_version_is_a_conflict(
    core: client.CoreV1Api, ns: str, stale: client.V1ConfigMap
) -> None:
    stale.data["a"] = "3"
    with refused(409, "Conflict") as refusal:
        core.replace_namespaced_config_map("one", ns, stale)
    assert "the object has been modified" in refusal.message
    assert core.read_namespaced_config_map("one", ns).data == {"a": "2"}


def test_a_patch_that_names_a_stale_version_is_a_conflict(
    core: client.CoreV1Api, ns: str, stale: client.V1ConfigMap
) -> None:
    version = stale.metadata.resource_version
    with refused(409, "Conflict"):
        core.patch_namespaced_config_map(
            "one", ns, {"metadata": {"resourceVersion": version}, "data": {"a": "3"}}
        )


def test_a_deletion_that_names_a_stale_version_is_a_conflict(
    core: client.CoreV1Api, ns: str, stale: client.V1ConfigMap
) -> None:
    only = {"preconditions": {"resourceVersion": stale.metadata.resource_version}}
    with refused(409, "Conflict"):
        core.delete_namespaced_config_map("one", ns, body=only)


def test_a_deletion_that_names_another_object_of_that_name_is_a_conflict(
    core: client.CoreV1Api, ns: str, stale: client.V1ConfigMap
) -> None:
    core.delete_namespaced_config_map("one", ns)
    core.create_namespaced_config_map(ns, {"metadata": {"name": "one"}})
    with refused(409, "Conflict"):
        core.delete_namespaced_config_map("one", ns, body={"preconditions": {"uid": stale.metadata.uid}})


def test_the_newest_version_is_written(core: client.CoreV1Api, ns: str, stale: client.V1ConfigMap) -> None:
    fresh = core.read_namespaced_config_map("one", ns)
    fresh.data["a"] = "3"
    assert core.replace_namespaced_config_map("one", ns, fresh).data == {"a": "3"}
