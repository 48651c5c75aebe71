"""Pages: together they are the list as it was, whatever the limit."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes import client
from kubernetes.client.rest import ApiException

from sandbox.kubernetes.clock import Clock
from sandbox.kubernetes.errors import ApiError
from sandbox.kubernetes.paging import Pager

keys = st.lists(st.tuples(st.sampled_from("abc"), st.text("xyz", min_size=1, max_size=4)), unique=True)


def _items(found):
    return [{"metadata": {"namespace": namespace, "name": name}} for namespace, name in sorted(found)]


def _pages(pager, limit, items, revision):
    query = {"limit": str(limit)}
    while True:
        page = pager.page("scope", query, items, revision)
        yield page
        if not page.token:
            return
        query["continue"] = page.token


@given(keys, st.integers(1, 7))
def test_the_pages_are_the_list(found, limit):
    items = _items(found)
    pages = list(_pages(Pager(Clock()), limit, items, 5))
    assert [item for page in pages for item in page.items] == items
    assert all(len(page.items) == limit for page in pages[:-1])
    assert [page.remaining for page in pages[:-1]] == [
        len(items) - limit * number for number in range(1, len(pages))
    ]
    assert {page.revision for page in pages} == {5}


@given(keys, keys, st.integers(1, 3))
def test_changes_between_pages_do_not_show(before, after, limit):
    pager, old = Pager(Clock()), _items(before)
    page = pager.page("scope", {"limit": str(limit)}, old, 5)
    seen, revision = list(page.items), page.revision
    while page.token:
        page = pager.page("scope", {"limit": str(limit), "continue": page.token}, _items(after), 9)
        seen += page.items
        assert page.revision == revision
    assert seen == old


@given(st.text(min_size=1, max_size=20))
def test_a_token_of_our_making_only(text):
    with pytest.raises(ApiError) as refused:
        Pager(Clock()).page("scope", {"continue": text, "limit": "1"}, [], 1)
    assert refused.value.code == 400


def test_the_client_reads_all_pages(api, namespace, http, manifests):
    core = client.CoreV1Api(api)
    for number in range(7):
        http.post(
            f"/api/v1/namespaces/{namespace}/configmaps", json=manifests.config_map(f"m{number}", a="b")
        )
    names, token = [], None
    while True:
        options = {"limit": 3, "label_selector": "a=b"} | ({"_continue": token} if token else {})
        page = core.list_namespaced_config_map(namespace, **options)
        names += [item.metadata.name for item in page.items]
        assert page.metadata.remaining_item_count is None, "with a selector the server does not know"
        token = page.metadata._continue
        if not token:
            break
    assert names == [f"m{number}" for number in range(7)]


def test_an_expired_token_answers_410_and_offers_another(api, http):
    core = client.CoreV1Api(api)
    first = core.list_pod_for_all_namespaces(limit=5)
    everything = {p.metadata.uid for p in core.list_pod_for_all_namespaces().items}
    http.post("/sandbox/expire").raise_for_status()
    with pytest.raises(ApiException) as expired:
        core.list_pod_for_all_namespaces(limit=5, _continue=first.metadata._continue)
    assert (expired.value.status, expired.value.reason) == (410, "Gone")
    answer = http.get("/api/v1/pods", params={"continue": first.metadata._continue})
    assert answer.json()["reason"] == "Expired"
    rest = core.list_pod_for_all_namespaces(_continue=answer.json()["metadata"]["continue"])
    seen = {p.metadata.uid for p in [*first.items, *rest.items]}
    assert everything <= seen


@pytest.mark.parametrize("query", [{"limit": "many"}, {"limit": "-1"}, {"continue": "?"}])
def test_unusable_queries(http, query):
    assert http.get("/api/v1/pods", params=query).status_code == 400
