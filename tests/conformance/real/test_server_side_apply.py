"""Server-side apply: each field has an owner, and nobody takes it without saying so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from kubernetes import client
from tests.conformance.real.refusals import refused

Apply = Callable[..., Any]


@pytest.fixture
def apply(core: client.CoreV1Api, ns: str) -> Apply:
    """Apply the data of one config map: `apply(manager, force=False, key=value)`."""

    def send(manager: str, force: bool = False, **data: str) -> Any:
        return core.patch_namespaced_config_map(
            "shared",
            ns,
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "shared"}, "data": data},
            field_manager=manager,
            force=force,
            _content_type="application/apply-patch+yaml",
        )

    return send


def owners(found: Any) -> dict[str, set[str]]:
    """Return the keys that each manager owns."""
    return {
        entry.manager: {key.removeprefix("f:") for key in entry.fields_v1.get("f:data", {})} - {"."}
        for entry in found.metadata.managed_fields
    }


def test_an_object_is_made_by_its_first_apply(apply: Apply) -> None:
    found = apply("ours", a="1", b="1")
    assert found.data == {"a": "1", "b": "1"}
    assert owners(found) == {"ours": {"a", "b"}}


def test_a_field_of_another_manager_is_refused(apply: Apply, core: client.CoreV1Api, ns: str) -> None:
    apply("theirs", a="1")
    with refused(409, "Conflict") as refusal:
        apply("ours", a="2")
    assert [cause["field"] for cause in refusal.answer["details"]["causes"]] == [".data.a"]
    assert '"theirs"' in refusal.message
    assert core.read_namespaced_config_map("shared", ns).data == {"a": "1"}


def test_force_takes_the_field_and_its_ownership(apply: Apply) -> None:
    apply("theirs", a="1", b="1")
    found = apply("ours", force=True, a="2")
    assert found.data == {"a": "2", "b": "1"}
    assert owners(found) == {"theirs": {"b"}, "ours": {"a"}}
    with refused(409, "Conflict"):
        apply("theirs", a="1", b="1")


def test_the_same_value_is_owned_by_both(apply: Apply) -> None:
    apply("theirs", a="1")
    assert owners(apply("ours", a="1")) == {"theirs": {"a"}, "ours": {"a"}}


def test_a_field_that_its_only_owner_leaves_out_goes(apply: Apply) -> None:
    apply("theirs", kept="1")
    apply("ours", gone="1", stays="1")
    assert apply("ours", stays="1").data == {"kept": "1", "stays": "1"}


def test_an_update_owns_what_it_changed(apply: Apply, core: client.CoreV1Api, ns: str) -> None:
    apply("ours", a="1", b="1")
    core.patch_namespaced_config_map("shared", ns, {"data": {"a": "2"}}, field_manager="by-hand")
    with refused(409, "Conflict") as refusal:
        apply("ours", a="1", b="1")
    assert '"by-hand"' in refusal.message
