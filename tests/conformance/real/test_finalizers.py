"""What has a finalizer stays until whoever put it there is done."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client
from tests.conformance.cluster import until
from tests.conformance.real.refusals import refused

HOLD = "upkeep.example/hold"


@pytest.fixture
def release(core: client.CoreV1Api, ns: str) -> Any:
    """A config map that is held; calling this lets it go, and so does the end of the test."""
    metadata = {"name": "held", "finalizers": [HOLD]}
    core.create_namespaced_config_map(ns, {"metadata": metadata, "data": {"a": "1"}})

    def let_go() -> None:
        try:
            core.patch_namespaced_config_map("held", ns, {"metadata": {"finalizers": None}})
        except client.ApiException as e:
            if e.status != 404:  # it has gone already
                raise

    yield let_go
    let_go()


def names(core: client.CoreV1Api, ns: str) -> list[str]:
    return [one.metadata.name for one in core.list_namespaced_config_map(ns).items]


def test_it_is_marked_and_stays_until_the_finalizer_goes(
    core: client.CoreV1Api, ns: str, release: Callable[[], None]
) -> None:
    core.delete_namespaced_config_map("held", ns)
    found = core.read_namespaced_config_map("held", ns)
    assert found.metadata.deletion_timestamp is not None
    assert found.data == {"a": "1"}
    release()
    assert "held" not in names(core, ns)


def test_its_name_is_taken_meanwhile(core: client.CoreV1Api, ns: str, release: Callable[[], None]) -> None:
    core.delete_namespaced_config_map("held", ns)
    with refused(409, "AlreadyExists") as refusal:
        core.create_namespaced_config_map(ns, {"metadata": {"name": "held"}})
    assert "object is being deleted" in refusal.message


def test_no_finalizer_is_added_to_what_is_going(
    core: client.CoreV1Api, ns: str, release: Callable[[], None]
) -> None:
    core.delete_namespaced_config_map("held", ns)
    more = {"metadata": {"finalizers": [HOLD, "upkeep.example/another"]}}
    with refused(422, "Invalid"):
        core.patch_namespaced_config_map("held", ns, more)


def test_a_namespace_waits_for_what_it_holds(
    core: client.CoreV1Api, ns: str, release: Callable[[], None]
) -> None:
    core.delete_namespace(ns)

    def remaining() -> list[str]:
        conditions = core.read_namespace(ns).status.conditions or []
        return [
            one.message
            for one in conditions
            if (one.type, one.status) == ("NamespaceFinalizersRemaining", "True")
        ]

    assert HOLD in until(remaining, "the namespace to say what holds it")[0]
    with refused(403, "Forbidden") as refusal:
        core.create_namespaced_config_map(ns, {"metadata": {"name": "late"}})
    assert "being terminated" in refusal.message
    release()
    until(lambda: ns not in [one.metadata.name for one in core.list_namespace().items], "its end")
