"""Patches: their laws, on generated objects."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.patches import JSON_PATCH, MERGE_PATCH, apply_patch, merge
from sandbox.kubernetes.resources import Registry
from sandbox.kubernetes.strategic import strategic_merge

names = st.sampled_from("abcd")
scalars = st.one_of(st.integers(), st.text(max_size=3), st.booleans())
documents = st.recursive(scalars, lambda inner: st.dictionaries(names, inner, max_size=3), max_leaves=8)
objects = st.dictionaries(names, documents, max_size=4)
patches = st.dictionaries(names, st.one_of(st.none(), documents), max_size=4)
containers = st.dictionaries(names, st.integers(), max_size=4).map(
    lambda images: [{"name": name, "image": image} for name, image in images.items()]
)


def _difference(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    """The merge patch from one object to another."""
    patch: dict[str, Any] = {key: None for key in old if key not in new}
    for key, value in new.items():
        if isinstance(value, dict) and isinstance(old.get(key), dict):
            patch[key] = _difference(old[key], value)
        elif old.get(key) != value or type(old.get(key)) is not type(value) or isinstance(value, dict):
            patch[key] = value
    return patch


@given(objects, objects)
def test_the_difference_as_a_merge_patch_leads_there(old, new):
    assert merge(old, _difference(old, new)) == new
    assert strategic_merge(old, _difference(old, new)) == new


@given(objects, patches)
def test_patching_twice_is_patching_once_and_leaves_the_original_alone(old, patch):
    before = repr(old)
    once = merge(old, patch)
    assert merge(once, patch) == once
    assert strategic_merge(old, patch) == once, "without lists and directives both kinds agree"
    assert repr(old) == before


@given(containers, containers)
def test_named_lists_merge_item_by_item(old, new):
    merged = strategic_merge({"containers": old}, {"containers": new})["containers"]
    expected = {c["name"]: c["image"] for c in old} | {c["name"]: c["image"] for c in new}
    assert {c["name"]: c["image"] for c in merged} == expected
    assert [c["name"] for c in merged][: len(old)] == [c["name"] for c in old]


@given(containers, st.permutations("abcd"))
def test_the_element_order_is_the_patch_s(old, order):
    patch = {"$setElementOrder/containers": [{"name": name} for name in order]}
    merged = strategic_merge({"containers": old}, patch)["containers"]
    assert [c["name"] for c in merged] == [name for name in order if name in {c["name"] for c in old}]


def test_directives():
    assert strategic_merge({"a": {"x": 1}}, {"a": {"$patch": "replace", "y": 2}}) == {"a": {"y": 2}}
    old = {"ports": [{"containerPort": 1}, {"containerPort": 2}]}
    dropped = strategic_merge(old, {"ports": [{"containerPort": 1, "$patch": "delete"}]})
    assert dropped == {"ports": [{"containerPort": 2}]}
    kept = strategic_merge({"s": {"type": "A", "a": 1}}, {"s": {"$retainKeys": ["type"], "type": "B"}})
    assert kept == {"s": {"type": "B"}}
    fewer = strategic_merge({"finalizers": ["a", "b"]}, {"$deleteFromPrimitiveList/finalizers": ["a"]})
    assert fewer == {"finalizers": ["b"]}
    assert strategic_merge({"args": ["a"]}, {"args": ["b"]}) == {"args": ["b"]}, "other lists are replaced"
    for wrong in ({"a": {"$patch": "explode"}}, {"containers": [{"image": "without a name"}]}):
        with pytest.raises(ApiError):
            strategic_merge({}, wrong)


@pytest.mark.parametrize(
    ("content_type", "patch", "code"),
    [
        (JSON_PATCH, {}, 400),
        (JSON_PATCH, [{"op": "remove", "path": "/absent"}], 422),
        (JSON_PATCH, [{"op": "nonsense", "path": "/a"}], 422),
        (JSON_PATCH, [{"path": "/a"}], 422),
        (MERGE_PATCH, [], 400),
        ("text/plain", {}, 415),
    ],
)
def test_unusable_patches(content_type, patch, code):
    with pytest.raises(ApiError) as refused:
        apply_patch(Registry()["configmaps"], content_type, {"a": 1}, patch)
    assert refused.value.code == code
