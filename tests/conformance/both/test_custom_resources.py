"""Custom resources: defining a kind, and objects of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from tests.conformance.both.api import Api, answered, gone, names, refused, wait_for
from tests.conformance.both.manifests import ANYTHING, definition

DEFINITIONS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
SPEC = {
    "type": "object",
    "required": ["size"],
    "properties": {
        "size": {"type": "integer", "minimum": 1, "maximum": 9},
        "colour": {"type": "string", "enum": ["red", "blue"], "default": "red"},
        "code": {"type": "string", "pattern": "^[a-z]+$", "maxLength": 4, "minLength": 2},
        "on": {"type": "boolean"},
        "ratio": {"type": "number"},
        "tags": {"type": "array", "items": {"type": "string"}, "maxItems": 3},
        "limits": {"type": "object", "additionalProperties": {"type": "integer"}},
        "port": {"x-kubernetes-int-or-string": True},
        "note": {"type": "string", "nullable": True},
        "any": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
    },
}
SCHEMA = {"type": "object", "properties": {"spec": SPEC, "status": ANYTHING}}
SCALE = {"specReplicasPath": ".spec.size", "statusReplicasPath": ".status.size"}
COLUMNS = [
    {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
    {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status'},
]


@pytest.fixture(scope="module")
def group(cluster: Any) -> Iterator[str]:
    """A group of this module's own, in which Widgets are defined."""
    name = f"w{uuid4().hex[:8]}.example.com"
    with cluster.api() as client:
        api = Api(client.configuration)
        more = {"subresources": {"status": {}, "scale": SCALE}, "additionalPrinterColumns": COLUMNS}
        body = definition(name, "Widget", SCHEMA, **more)
        body["spec"]["names"]["shortNames"] = ["wd"]
        api.made(DEFINITIONS, body)
        wait_for(lambda: _established(api, name), "the definition")
        yield name
        answered(api.delete(f"{DEFINITIONS}/widgets.{name}"))
        gone(api, f"{DEFINITIONS}/widgets.{name}")
        api.close()


def _established(api: Api, group: str) -> bool:
    status = answered(api.get(f"{DEFINITIONS}/widgets.{group}")).get("status", {})
    true = {c["type"] for c in status.get("conditions") or () if c["status"] == "True"}
    # Discovery and serving follow the condition after a moment.
    return {"Established", "NamesAccepted"} <= true and api.get(
        f"/apis/{group}/v1/widgets"
    ).status_code == 200


@pytest.fixture
def widgets(group: str, ns: str) -> str:
    return f"/apis/{group}/v1/namespaces/{ns}/widgets"


def widget(widgets: str, name: str = "w", **spec: Any) -> dict[str, Any]:
    version = "/".join(widgets.split("/")[2:4])
    return {"apiVersion": version, "kind": "Widget", "metadata": {"name": name}, "spec": {"size": 1, **spec}}


def test_the_definition_says_what_it_is(api: Api, group: str) -> None:
    found = answered(api.get(f"{DEFINITIONS}/widgets.{group}"))
    assert found["status"]["storedVersions"] == ["v1"]
    assert found["status"]["acceptedNames"]["plural"] == "widgets"
    served = answered(api.get(f"/apis/{group}/v1"))["resources"]
    assert {one["name"] for one in served} == {"widgets", "widgets/status", "widgets/scale"}
    (kind,) = (one for one in served if one["name"] == "widgets")
    assert (kind["kind"], kind["namespaced"], kind["shortNames"]) == ("Widget", True, ["wd"])
    assert group in [one["name"] for one in answered(api.get("/apis"))["groups"]]


def test_an_object_of_it(api: Api, widgets: str) -> None:
    made = api.made(widgets, widget(widgets, size=2))
    assert made["metadata"]["generation"] == 1
    assert made["spec"] == {"size": 2, "colour": "red"}
    listed = answered(api.get(widgets))
    assert (listed["kind"], names(listed)) == ("WidgetList", ["w"])
    changed = answered(api.patch(f"{widgets}/w", {"spec": {"size": 3, "on": True}}))
    assert changed["metadata"]["generation"] == 2
    patch = [{"op": "remove", "path": "/spec/on"}]
    assert answered(api.patch(f"{widgets}/w", patch, "json"))["spec"] == {"size": 3, "colour": "red"}
    assert refused(api.patch(f"{widgets}/w", {"spec": {}}, "strategic")) == (415, "UnsupportedMediaType")
    gone_now = answered(api.delete(f"{widgets}/w"))
    assert gone_now["status"] == "Success"
    assert gone_now["details"]["group"] == widgets.split("/")[2]
    assert refused(api.get(f"{widgets}/w")) == (404, "NotFound")


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"size": 0}, "spec.size"),
        ({"size": 10}, "spec.size"),
        ({"size": "2"}, "spec.size"),
        ({"size": 1.5}, "spec.size"),
        ({"size": None}, "spec.size"),
        ({"colour": "green"}, "spec.colour"),
        ({"code": "ABC"}, "spec.code"),
        ({"code": "abcde"}, "spec.code"),
        ({"code": "a"}, "spec.code"),
        ({"on": "yes"}, "spec.on"),
        ({"ratio": "half"}, "spec.ratio"),
        ({"tags": "one"}, "spec.tags"),
        ({"tags": ["a", 2]}, "spec.tags[1]"),
        ({"tags": ["a", "b", "c", "d"]}, "spec.tags"),
        ({"limits": {"a": "b"}}, "spec.limits.a"),
        ({"port": True}, "spec.port"),
    ],
)
def test_the_schema_is_kept(api: Api, widgets: str, spec: dict[str, Any], field: str) -> None:
    answer = api.post(widgets, widget(widgets, **spec))
    assert refused(answer) == (422, "Invalid")
    assert field in [cause["field"] for cause in answer.json()["details"]["causes"]]
    assert answer.json()["details"]["kind"] == "Widget"
    api.made(widgets, widget(widgets))
    assert refused(api.patch(f"{widgets}/w", {"spec": spec})) == (422, "Invalid")


def test_what_the_schema_allows(api: Api, widgets: str) -> None:
    spec = {
        "size": 9,
        "colour": "blue",
        "code": "abc",
        "ratio": 2,
        "tags": ["a"],
        "limits": {"a": 1},
        "port": "http",
        "note": None,
        "any": {"deep": {"er": [1]}},
    }
    assert api.made(widgets, widget(widgets, **spec))["spec"] == spec
    assert answered(api.patch(f"{widgets}/w", {"spec": {"port": 80}}))["spec"]["port"] == 80


def test_what_the_schema_does_not_know_is_dropped(api: Api, widgets: str) -> None:
    made = api.made(widgets, widget(widgets, unheard="of") | {"extra": {"a": 1}})
    assert made["spec"] == {"size": 1, "colour": "red"}
    assert "extra" not in made
    changed = answered(api.patch(f"{widgets}/w", {"spec": {"unheard": 1}}))
    assert "unheard" not in changed["spec"]
    assert changed["metadata"]["generation"] == 1


def test_a_missing_field_that_is_required(api: Api, widgets: str) -> None:
    body = widget(widgets)
    del body["spec"]["size"]
    answer = api.post(widgets, body)
    assert refused(answer) == (422, "Invalid")
    (cause,) = answer.json()["details"]["causes"]
    assert (cause["reason"], cause["field"]) == ("FieldValueRequired", "spec.size")


def test_the_status_has_its_own_path(api: Api, widgets: str) -> None:
    made = api.made(widgets, widget(widgets) | {"status": {"note": "too early"}})
    assert "status" not in made
    whole = {"status": {"note": "seen"}, "spec": {"size": 5}}
    told = answered(api.patch(f"{widgets}/w/status", whole))
    assert (told["status"], told["spec"]["size"]) == ({"note": "seen"}, 1)
    assert told["metadata"]["generation"] == 1
    changed = answered(api.patch(f"{widgets}/w", {"status": {"note": "other"}, "spec": {"size": 5}}))
    assert (changed["status"], changed["spec"]["size"]) == ({"note": "seen"}, 5)
    put = answered(api.put(f"{widgets}/w/status", changed | {"status": {"note": "put"}}))
    assert put["status"] == {"note": "put"}


def test_its_scale(api: Api, widgets: str) -> None:
    api.made(widgets, widget(widgets, size=2))
    answered(api.patch(f"{widgets}/w/status", {"status": {"size": 1}}))
    scale = answered(api.get(f"{widgets}/w/scale"))
    assert (scale["kind"], scale["spec"], scale["status"]) == ("Scale", {"replicas": 2}, {"replicas": 1})
    assert answered(api.patch(f"{widgets}/w/scale", {"spec": {"replicas": 4}}))["spec"] == {"replicas": 4}
    assert answered(api.get(f"{widgets}/w"))["spec"]["size"] == 4


def test_a_put_needs_the_version(api: Api, widgets: str) -> None:
    made = api.made(widgets, widget(widgets))
    assert refused(api.put(f"{widgets}/w", widget(widgets, size=2))) == (422, "Invalid")
    replaced = answered(api.put(f"{widgets}/w", made | {"spec": {"size": 2}}))
    assert replaced["spec"] == {"size": 2, "colour": "red"}
    assert refused(api.put(f"{widgets}/w", made)) == (409, "Conflict")


def test_a_watch_of_it(api: Api, widgets: str) -> None:
    since = answered(api.get(widgets))["metadata"]["resourceVersion"]
    api.made(widgets, widget(widgets))
    answered(api.patch(f"{widgets}/w/status", {"status": {"note": "seen"}}))
    answered(api.delete(f"{widgets}/w"))
    events = api.events(widgets, 3, resourceVersion=since)
    assert [event["type"] for event in events] == ["ADDED", "MODIFIED", "DELETED"]


def test_its_table(api: Api, widgets: str) -> None:
    api.made(widgets, widget(widgets, size=4))
    ready = {"conditions": [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]}
    answered(api.patch(f"{widgets}/w/status", {"status": ready}))
    found = answered(api.get(widgets, "application/json;as=Table;v=v1;g=meta.k8s.io"))
    assert [column["name"] for column in found["columnDefinitions"]] == ["Name", "Size", "Ready"]
    assert found["rows"][0]["cells"] == ["w", 4, "True"]


def test_a_kind_goes_with_its_definition(api: Api, ns: str) -> None:
    group = f"g{uuid4().hex[:8]}.example.com"
    api.made(DEFINITIONS, definition(group, "Widget", ANYTHING))
    wait_for(lambda: _established(api, group), "the definition")
    path = f"/apis/{group}/v1/namespaces/{ns}/widgets"
    body = {"apiVersion": f"{group}/v1", "kind": "Widget", "metadata": {"name": "w"}}
    wait_for(lambda: api.post(path, body).status_code in (201, 409), "an object")
    answered(api.delete(f"{DEFINITIONS}/widgets.{group}"))
    gone(api, f"{DEFINITIONS}/widgets.{group}")
    wait_for(lambda: api.get(path).status_code == 404, "the end of the kind")


@pytest.mark.parametrize(
    "change",
    [
        {"group": "other.example.com"},
        {"scope": "Everywhere"},
        {"names": {"plural": "widgets", "kind": ""}},
        {"versions": []},
    ],
)
def test_a_definition_that_is_refused(api: Api, change: dict[str, Any]) -> None:
    body = definition("refused.example.com", "Widget", ANYTHING)
    body["spec"] |= change
    assert refused(api.post(DEFINITIONS, body)) == (422, "Invalid")


def test_a_definition_without_a_schema_is_refused(api: Api) -> None:
    body = definition("refused.example.com", "Widget", ANYTHING)
    del body["spec"]["versions"][0]["schema"]
    assert refused(api.post(DEFINITIONS, body)) == (422, "Invalid")
    body["spec"]["versions"] = [
        {"name": n, "served": True, "storage": False, "schema": {"openAPIV3Schema": {"type": "object"}}}
        for n in ("v1", "v2")
    ]
    assert refused(api.post(DEFINITIONS, body)) == (422, "Invalid"), "one version is stored"
