"""Watches: what a client sees from a version on."""

from __future__ import annotations

import json
import threading

import pytest
from kubernetes import client, watch
from kubernetes.client.rest import ApiException

MERGE = {"Content-Type": "application/merge-patch+json"}


def _events(http, path, **query):
    """All events of a watch of one second."""
    parameters = {"watch": "true", "timeoutSeconds": "1", **query}
    with http.stream("GET", path, params=parameters) as stream:
        return [json.loads(line) for line in stream.iter_lines()]


def _seen(events):
    return [(e["type"], e["object"]["metadata"]["name"]) for e in events]


@pytest.fixture
def maps(namespace):
    return f"/api/v1/namespaces/{namespace}/configmaps"


def test_a_watch_from_a_version_shows_what_came_after(http, maps, manifests):
    http.post(maps, json=manifests.config_map("before"))
    version = http.get(maps).json()["metadata"]["resourceVersion"]
    http.post(maps, json=manifests.config_map("one"))
    http.patch(f"{maps}/one", json={"data": {"key": "new"}}, headers=MERGE)
    http.delete(f"{maps}/one")
    events = _events(http, maps, resourceVersion=version)
    assert _seen(events) == [("ADDED", "one"), ("MODIFIED", "one"), ("DELETED", "one")]
    versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in events]
    assert versions == sorted(set(versions))
    assert versions[0] > int(version)


def test_a_watch_without_a_version_starts_with_what_is_there(http, maps, manifests):
    http.post(maps, json=manifests.config_map("one"))
    assert ("ADDED", "one") in _seen(_events(http, maps))


def test_a_selected_object_comes_and_goes(http, maps, manifests):
    version = http.get(maps).json()["metadata"]["resourceVersion"]
    http.post(maps, json=manifests.config_map("one"))
    for labels in ({"on": "yes"}, {"on": "yes", "more": "so"}, {"on": None}):
        http.patch(f"{maps}/one", json={"metadata": {"labels": labels}}, headers=MERGE)
    events = _events(http, maps, resourceVersion=version, labelSelector="on=yes")
    assert [e["type"] for e in events] == ["ADDED", "MODIFIED", "DELETED"]


def test_a_version_that_is_too_old_ends_in_410(http, api, namespace, maps, manifests):
    http.post(maps, json=manifests.config_map("one"))
    version = http.get(maps).json()["metadata"]["resourceVersion"]
    http.delete(f"{maps}/one")
    http.post("/sandbox/expire")
    (event,) = _events(http, maps, resourceVersion=version)
    assert (event["type"], event["object"]["code"], event["object"]["reason"]) == ("ERROR", 410, "Expired")
    core = client.CoreV1Api(api)
    stream = watch.Watch().stream(
        core.list_namespaced_config_map, namespace, resource_version=version, timeout_seconds=1
    )
    with pytest.raises(ApiException) as expired:
        list(stream)
    assert expired.value.status == 410


def test_the_client_sees_changes_as_they_happen(api, namespace, wait_for):
    core, seen = client.CoreV1Api(api), []
    version = core.list_namespaced_config_map(namespace).metadata.resource_version

    def look():
        stream = watch.Watch().stream(
            core.list_namespaced_config_map, namespace, resource_version=version, timeout_seconds=3
        )
        seen.extend((event["type"], event["object"].metadata.name) for event in stream)

    reader = threading.Thread(target=look)
    reader.start()
    body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="live"))
    core.create_namespaced_config_map(namespace, body)
    core.delete_namespaced_config_map("live", namespace)
    reader.join(timeout=15)
    assert seen == [("ADDED", "live"), ("DELETED", "live")]


def test_unusable_watches(http, maps):
    assert http.get(maps, params={"watch": "true", "resourceVersion": "x"}).status_code == 500
    assert http.get(maps, params={"watch": "true", "timeoutSeconds": "x"}).status_code == 400
    listed = http.get(maps, params={"watch": "true", "sendInitialEvents": "true"})
    assert listed.status_code == 422
    assert http.get("/apis/metrics.k8s.io/v1beta1/pods", params={"watch": "true"}).status_code == 405
