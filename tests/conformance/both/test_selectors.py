"""Label and field selectors."""

from __future__ import annotations

import pytest
from tests.conformance.both.api import Api, answered, names, refused
from tests.conformance.both.manifests import NOWHERE, config_map, pod

LABELS = {
    "a": {"tier": "front", "size": "1"},
    "b": {"tier": "back", "size": "5", "example.com/owner": "sre"},
    "c": {"tier": "back", "on": ""},
    "d": {"kind": "x"},
}


@pytest.fixture
def labelled(api: Api, maps: str) -> str:
    for name, labels in LABELS.items():
        api.made(maps, config_map(name, **labels))
    return maps


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        ("tier=back", "bc"),
        ("tier==back", "bc"),
        ("tier!=back", "ad"),
        ("tier in (front, back)", "abc"),
        ("tier in (front),size=1", "a"),
        ("tier notin (front)", "bcd"),
        ("tier", "abc"),
        ("!tier", "d"),
        ("tier,!on", "ab"),
        ("size>1", "b"),
        ("size<5", "a"),
        ("size>1,size<9", "b"),
        ("on=", "c"),
        ("on in ()", "c"),
        ("tier in (front,)", "a"),
        ("example.com/owner=sre", "b"),
        (" tier = back , on ", "c"),
        ("tier=back,tier=front", ""),
        ("", "abcd"),
    ],
)
def test_labels(api: Api, labelled: str, selector: str, expected: str) -> None:
    found = names(answered(api.get(labelled, labelSelector=selector)))
    assert "".join(name for name in found if name in LABELS) == expected


@pytest.mark.parametrize(
    "selector",
    ["tier in", "tier in front", "=back", "tier=(a)", "a b", "size>x", "tier=a=b", "!tier=a", ",", "tier,"],
)
def test_what_is_no_label_selector(api: Api, maps: str, selector: str) -> None:
    assert refused(api.get(maps, labelSelector=selector)) == (400, "BadRequest")


def test_fields(api: Api, ns: str, labelled: str) -> None:
    assert names(answered(api.get(labelled, fieldSelector="metadata.name=b"))) == ["b"]
    found = names(answered(api.get(labelled, fieldSelector="metadata.name!=b", labelSelector="tier")))
    assert found == ["a", "c"]
    everywhere = answered(api.get("/api/v1/configmaps", fieldSelector=f"metadata.namespace={ns}"))
    assert set(LABELS) <= set(names(everywhere))
    assert {item["metadata"]["namespace"] for item in everywhere["items"]} == {ns}


def test_fields_of_pods(api: Api, ns: str) -> None:
    pods = f"/api/v1/namespaces/{ns}/pods"
    api.made(pods, pod("one", nodeSelector=NOWHERE))
    api.made(pods, pod("two", nodeSelector=NOWHERE, restartPolicy="Never"))
    for selector, expected in {
        "status.phase=Pending": ["one", "two"],
        "status.phase!=Pending": [],
        "spec.restartPolicy=Never": ["two"],
        "spec.nodeName=": ["one", "two"],
        "spec.nodeName=,spec.restartPolicy=Always": ["one"],
        "status.phase==Pending,metadata.name=two": ["two"],
        "spec.schedulerName=default-scheduler": ["one", "two"],
    }.items():
        assert names(answered(api.get(pods, fieldSelector=selector))) == expected, selector


@pytest.mark.parametrize(
    "selector", ["spec.image=x", "data.key=value", "metadata.name", "metadata.labels.a=b"]
)
def test_what_is_no_field_of_config_maps(api: Api, maps: str, selector: str) -> None:
    assert refused(api.get(maps, fieldSelector=selector)) == (400, "BadRequest")


def test_a_collection_is_deleted_by_selector(api: Api, labelled: str) -> None:
    answered(api.delete(labelled, {"labelSelector": "tier=back"}))
    assert names(answered(api.get(labelled, labelSelector="tier"))) == ["a"]
