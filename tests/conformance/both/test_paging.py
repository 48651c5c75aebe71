"""Long lists in pages."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.conformance.both.api import Api, answered, names, refused
from tests.conformance.both.forgetting import forget
from tests.conformance.both.manifests import config_map

COUNT = 7


@pytest.fixture
def seven(api: Api, maps: str) -> str:
    for number in range(COUNT):
        api.made(maps, config_map(f"m{number}", part="yes"))
    return maps


def pages(api: Api, path: str, limit: int, **query: Any) -> list[dict[str, Any]]:
    """Return all pages of a list."""
    found = [answered(api.get(path, limit=limit, **query))]
    while token := found[-1]["metadata"].get("continue"):
        found.append(answered(api.get(path, limit=limit, **query, **{"continue": token})))
    return found


@pytest.mark.parametrize("limit", [1, 3, 7, 50])
def test_the_pages_are_the_list(api: Api, seven: str, limit: int) -> None:
    found = pages(api, seven, limit, labelSelector="part")
    assert [name for page in found for name in names(page)] == [f"m{n}" for n in range(COUNT)]
    assert all(len(page["items"]) == limit for page in found[:-1])
    assert len({page["metadata"]["resourceVersion"] for page in found}) == 1


def test_what_remains_is_counted_without_a_selector(api: Api, seven: str) -> None:
    found = pages(api, seven, 3)
    total = sum(len(page["items"]) for page in found)
    assert [page["metadata"].get("remainingItemCount") for page in found] == [
        *(total - 3 * number for number in range(1, len(found))),
        None,
    ]
    selected = answered(api.get(seven, limit=3, labelSelector="part"))
    assert "remainingItemCount" not in selected["metadata"]


def test_the_pages_show_one_moment(api: Api, seven: str) -> None:
    first = answered(api.get(seven, limit=3, labelSelector="part"))
    api.made(seven, config_map("m1-new", part="yes"))
    api.made(seven, config_map("m9", part="yes"))
    answered(api.delete(f"{seven}/m5"))
    answered(api.patch(f"{seven}/m6", {"data": {"key": "changed"}}))
    token = first["metadata"]["continue"]
    rest = answered(api.get(seven, labelSelector="part", **{"continue": token}))
    assert names(first) + names(rest) == [f"m{n}" for n in range(COUNT)]
    assert rest["items"][-1]["data"] == {"key": "value"}
    assert rest["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
    now = names(answered(api.get(seven, labelSelector="part")))
    assert now == ["m0", "m1", "m1-new", "m2", "m3", "m4", "m6", "m9"]


@pytest.mark.parametrize("query", [{"limit": "many"}, {"continue": "?"}, {"limit": "1", "continue": "bm8="}])
def test_unusable_pages(api: Api, maps: str, query: dict[str, str]) -> None:
    assert refused(api.get(maps, **query)) == (400, "BadRequest")


def test_a_token_and_a_version_do_not_go_together(api: Api, seven: str) -> None:
    first = answered(api.get(seven, limit=3))
    query = {
        "continue": first["metadata"]["continue"],
        "resourceVersion": first["metadata"]["resourceVersion"],
    }
    assert api.get(seven, **query).status_code == 400


def test_a_list_of_any_version(api: Api, seven: str) -> None:
    assert len(answered(api.get(seven, resourceVersion="0", labelSelector="part"))["items"]) <= COUNT
    assert refused(api.get(seven, resourceVersion="x"))[0] == 400


@pytest.fixture
def aged(cluster: Any, request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Make a token old: of a version that the cluster has forgotten."""
    if cluster.name == "given":
        pytest.skip("nobody but its owner may let a given cluster forget")
    if cluster.name == "real":
        forget(request.getfixturevalue("plane"))

    def age(token: str) -> str:
        read = json.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        return base64.urlsafe_b64encode(json.dumps(read | {"rv": 1}).encode()).decode().rstrip("=")

    return age


def test_an_expired_token_answers_410_and_offers_another(
    api: Api, seven: str, aged: Callable[[str], str]
) -> None:
    first = answered(api.get(seven, limit=3, labelSelector="part"))
    api.made(seven, config_map("m5-new", part="yes"))
    old = api.get(seven, labelSelector="part", **{"continue": aged(first["metadata"]["continue"])})
    assert refused(old) == (410, "Expired")
    offered = old.json()["metadata"]["continue"]
    rest = answered(api.get(seven, labelSelector="part", **{"continue": offered}))
    assert names(first) + names(rest) == ["m0", "m1", "m2", "m3", "m4", "m5", "m5-new", "m6"]
