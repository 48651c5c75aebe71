"""Selectors: the texts against what they mean, and the errors for texts that mean nothing."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.resources import Registry
from sandbox.kubernetes.selectors import field_predicate, label_predicate, matches, selector_text

keys = st.sampled_from(["app", "tier", "example.com/zone"])
values = st.sampled_from(["", "a", "b-1", "v1.2"])
labels = st.dictionaries(keys, values)
expressions = st.fixed_dictionaries(
    {
        "key": keys,
        "operator": st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist"]),
        "values": st.lists(values.filter(bool), min_size=1, max_size=3, unique=True),
    }
)


@given(labels, st.lists(expressions, max_size=3), st.dictionaries(keys, values, max_size=2))
def test_a_selector_and_its_text_mean_the_same(found, wanted, equal):
    selector = {"matchLabels": equal, "matchExpressions": wanted}
    assert matches(selector, found) == label_predicate(selector_text(selector))(found)


@given(labels, keys, values)
def test_not_equal_is_the_opposite_of_equal(found, key, value):
    equal = label_predicate(f"{key}={value}")(found)
    assert equal == label_predicate(f"{key} == {value}")(found) == (found.get(key) == value)
    assert label_predicate(f"{key}!={value}")(found) != equal
    assert label_predicate(f"!{key}")(found) != label_predicate(key)(found)


@given(labels)
def test_an_empty_text_selects_all_and_no_selector_none(found):
    assert label_predicate("")(found)
    assert matches({}, found)
    assert not matches(None, found)


@given(st.integers(-5, 5), st.integers(0, 5))
def test_numbers_compare(value, limit):
    found = {"n": str(value)}
    assert label_predicate(f"n>{limit}")(found) == (value > limit)
    assert label_predicate(f"n < {limit}")(found) == (value < limit)
    assert not label_predicate(f"n>{limit}")({"n": "many"})


@pytest.mark.parametrize("text", ["=", "a=b=c", "a in b", "a in (b", "-a", ",", "a,,b", "a=!"])
def test_a_text_that_is_no_selector_is_refused(text):
    with pytest.raises(ApiError) as refused:
        label_predicate(text)
    assert refused.value.code == 400


def test_field_selectors_know_their_fields():
    pods = Registry()["pods"]
    pod = {
        "metadata": {"name": "p", "namespace": "n"},
        "spec": {"nodeName": "w"},
        "status": {"phase": "Failed"},
    }
    assert field_predicate(pods, "spec.nodeName=w,status.phase!=Running")(pod)
    assert not field_predicate(pods, "metadata.name!=p")(pod)
    nodes = Registry()["nodes"]
    assert field_predicate(nodes, "spec.unschedulable=false")({"metadata": {"name": "w"}, "spec": {}})
    assert not field_predicate(nodes, "spec.unschedulable=false")({"spec": {"unschedulable": True}})
    for text in ("spec.containers=x", "nonsense"):
        with pytest.raises(ApiError) as refused:
            field_predicate(pods, text)
        assert refused.value.code == 400


def test_a_list_is_selected_by_label_and_field(http):
    pods = "/api/v1/namespaces/production/pods"
    blue = http.get(pods, params={"labelSelector": "app=zetra-platform,slot in (blue)"}).json()["items"]
    assert len(blue) == 3
    one = http.get(pods, params={"fieldSelector": f"metadata.name={blue[0]['metadata']['name']}"})
    assert [p["metadata"]["uid"] for p in one.json()["items"]] == [blue[0]["metadata"]["uid"]]
    for selector in ({"labelSelector": "a=b=c"}, {"fieldSelector": "spec.image=x"}):
        assert http.get(pods, params=selector).status_code == 400
