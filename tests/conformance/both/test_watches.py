"""Watches: what a client sees from a version on."""

from __future__ import annotations

from typing import Any

import pytest
from tests.conformance.both.api import Api, answered, refused
from tests.conformance.both.manifests import config_map

SELECTED = "part=yes"


def version(api: Api, path: str) -> str:
    """The version of a list as it is now."""
    found: str = answered(api.get(path))["metadata"]["resourceVersion"]
    return found


def seen(events: list[dict[str, Any]]) -> list[tuple[str, str]]:
    return [(event["type"], event["object"]["metadata"]["name"]) for event in events]


def test_a_watch_from_a_version_shows_what_came_after_in_order(api: Api, maps: str) -> None:
    api.made(maps, config_map("before", part="yes"))
    since = version(api, maps)
    for number in range(5):
        api.made(maps, config_map(f"m{number}", part="yes"))
    answered(api.patch(f"{maps}/m0", {"data": {"key": "new"}}))
    answered(api.delete(f"{maps}/m0"))
    events = api.events(maps, 7, resourceVersion=since, labelSelector=SELECTED)
    expected = [("ADDED", f"m{n}") for n in range(5)] + [("MODIFIED", "m0"), ("DELETED", "m0")]
    assert seen(events) == expected
    versions = [int(event["object"]["metadata"]["resourceVersion"]) for event in events]
    assert versions == sorted(set(versions))
    assert versions[0] > int(since)
    assert events[-1]["object"]["data"] == {"key": "new"}, "the last state"
    assert {(e["object"]["kind"], e["object"]["apiVersion"]) for e in events} == {("ConfigMap", "v1")}


def test_a_watch_can_go_on_where_an_event_was(api: Api, maps: str) -> None:
    since = version(api, maps)
    for name in ("a", "b", "c"):
        api.made(maps, config_map(name, part="yes"))
    first = api.events(maps, 1, resourceVersion=since, labelSelector=SELECTED)[0]
    later = first["object"]["metadata"]["resourceVersion"]
    events = api.events(maps, 2, resourceVersion=later, labelSelector=SELECTED)
    assert seen(events) == [("ADDED", "b"), ("ADDED", "c")]


@pytest.mark.parametrize("since", [None, "0"])
def test_a_watch_without_a_version_starts_with_what_is_there(api: Api, maps: str, since: str | None) -> None:
    api.made(maps, config_map("one", part="yes"))
    query = {"resourceVersion": since} if since else {}
    assert ("ADDED", "one") in seen(api.events(maps, labelSelector=SELECTED, **query))


def test_a_selected_object_comes_and_goes(api: Api, maps: str) -> None:
    since = version(api, maps)
    api.made(maps, config_map("one"))
    for labels in ({"part": "yes"}, {"more": "so"}, {"part": "no"}, {"part": "yes"}):
        answered(api.patch(f"{maps}/one", {"metadata": {"labels": labels}}))
    answered(api.delete(f"{maps}/one"))
    events = api.events(maps, 5, resourceVersion=since, labelSelector=SELECTED)
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED", "ADDED", "DELETED"]
    # The object that left is shown as it was when it was last selected, at the version at which it left.
    left = events[2]["object"]["metadata"]
    assert left["labels"] == {"part": "yes", "more": "so"}
    assert int(events[1]["object"]["metadata"]["resourceVersion"]) < int(left["resourceVersion"])


def test_a_field_selector_narrows_a_watch(api: Api, maps: str) -> None:
    since = version(api, maps)
    for name in ("one", "two"):
        api.made(maps, config_map(name))
    events = api.events(maps, 1, resourceVersion=since, fieldSelector="metadata.name=two")
    assert seen(events) == [("ADDED", "two")]


def test_bookmarks_are_sent_before_the_end(api: Api, maps: str) -> None:
    since = version(api, maps)
    made = api.made(maps, config_map("one", part="yes"))
    events = api.events(
        maps, seconds=3, resourceVersion=since, labelSelector=SELECTED, allowWatchBookmarks="true"
    )
    kinds = [event["type"] for event in events]
    assert kinds[0] == "ADDED"
    marks = [event["object"] for event in events if event["type"] == "BOOKMARK"]
    assert kinds == ["ADDED"] + ["BOOKMARK"] * len(marks)
    assert marks, "one comes two seconds before the watch ends"
    assert all(mark["kind"] == "ConfigMap" and mark["apiVersion"] == "v1" for mark in marks)
    last = int(marks[-1]["metadata"]["resourceVersion"])
    assert last >= int(made["metadata"]["resourceVersion"])
    assert seen(api.events(maps, resourceVersion=str(last), labelSelector=SELECTED)) == []


def test_a_list_can_be_streamed(api: Api, maps: str) -> None:
    api.made(maps, config_map("one", part="yes"))
    query = {"sendInitialEvents": "true", "resourceVersionMatch": "NotOlderThan", "labelSelector": SELECTED}
    events = api.events(maps, 2, allowWatchBookmarks="true", **query)
    assert events[0]["type"] == "ADDED"
    ends = [e for e in events if e["type"] == "BOOKMARK"]
    assert ends[0]["object"]["metadata"]["annotations"] == {"k8s.io/initial-events-end": "true"}


def test_a_version_that_is_too_old_ends_in_410(api: Api, maps: str) -> None:
    (event,) = api.events(maps, resourceVersion="1")
    assert event["type"] == "ERROR"
    status = event["object"]
    assert (status["kind"], status["code"], status["reason"]) == ("Status", 410, "Expired")


def test_unusable_watches(api: Api, maps: str) -> None:
    assert refused(api.get(maps, watch="true", resourceVersion="x"))[0] == 500
    assert refused(api.get(maps, watch="true", timeoutSeconds="x"))[0] == 400
