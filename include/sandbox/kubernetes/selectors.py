"""Label and field selectors, as texts in a query and as objects in a spec."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from sandbox.kubernetes.errors import bad_request
from sandbox.kubernetes.objects import Object, dig, labels_of
from sandbox.kubernetes.resources import Resource

Predicate = Callable[[Object], bool]
Labels = Mapping[str, str]

_NAME = r"[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?"
_VALUE = r"(?:[A-Za-z0-9](?:[-A-Za-z0-9_.]*[A-Za-z0-9])?)?"
_SET = re.compile(rf"({_NAME})\s+(in|notin)\s*\(([^()]*)\)")
_EQUAL = re.compile(rf"({_NAME})\s*(==|=|!=)\s*({_VALUE})")
_COMPARE = re.compile(rf"({_NAME})\s*([<>])\s*([0-9]+)")
_EXISTS = re.compile(rf"(!?)\s*({_NAME})")

_FIELDS = {
    ("", "pods"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.nominatedNodeName",
    ),
    ("", "nodes"): ("spec.unschedulable",),
    ("", "namespaces"): ("status.phase",),
    ("", "secrets"): ("type",),
    ("", "services"): ("spec.clusterIP", "spec.type"),
    ("", "events"): (
        "involvedObject.kind",
        "involvedObject.namespace",
        "involvedObject.name",
        "involvedObject.uid",
        "involvedObject.apiVersion",
        "involvedObject.resourceVersion",
        "involvedObject.fieldPath",
        "reason",
        "reportingComponent",
        "source",
        "type",
    ),
    ("batch", "jobs"): ("status.successful",),
    ("apps", "replicasets"): ("status.replicas",),
}
_ABSENT = {"spec.unschedulable": "false", "spec.hostNetwork": "false", "status.replicas": "0"}


def label_predicate(text: str) -> Callable[[Labels], bool]:
    """Return the test that a label selector's text describes; raise ApiError 400 if it is none."""
    terms = [_label_term(term) for term in _split(text)]
    return lambda labels: all(term(labels) for term in terms)


def _split(text: str) -> list[str]:
    parts = re.split(r",(?![^(]*\))", text)
    return [] if not text.strip() else [part.strip() for part in parts]


def _label_term(term: str) -> Callable[[Labels], bool]:
    if match := _SET.fullmatch(term):
        key, operator, body = match.groups()
        values = {value.strip() for value in body.split(",")}
        return _membership(key, values, operator == "in")
    if match := _EQUAL.fullmatch(term):
        key, operator, value = match.groups()
        return _membership(key, {value}, operator != "!=")
    if match := _COMPARE.fullmatch(term):
        key, operator, value = match.groups()
        return _comparison(key, operator, int(value))
    if match := _EXISTS.fullmatch(term):
        negated, key = match.groups()
        return lambda labels: (key in labels) != bool(negated)
    raise bad_request(f"unable to parse requirement: {term!r} is no label selector")


def _membership(key: str, values: set[str], wanted: bool) -> Callable[[Labels], bool]:
    """An absent label is in no set: it fails `in` and `=` and passes `notin` and `!=`."""
    return lambda labels: (key in labels and labels[key] in values) == wanted


def _comparison(key: str, operator: str, limit: int) -> Callable[[Labels], bool]:
    def compare(labels: Labels) -> bool:
        value = labels.get(key, "")
        if not re.fullmatch(r"-?[0-9]+", value):
            return False
        return int(value) > limit if operator == ">" else int(value) < limit

    return compare


def field_predicate(resource: Resource, text: str) -> Predicate:
    """Return the test that a field selector describes; raise ApiError 400 for an unsupported field."""
    terms = [_field_term(resource, term.strip()) for term in text.split(",") if term.strip()]
    return lambda obj: all(term(obj) for term in terms)


def _field_term(resource: Resource, term: str) -> Predicate:
    match = re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", term)
    if not match:
        raise bad_request(f"invalid selector: {term!r}; can't understand {term!r}")
    path, operator, wanted = match.groups()
    if path not in ("metadata.name", "metadata.namespace", *_FIELDS.get(resource.id, ())):
        raise bad_request(f"field label not supported: {path}")
    return lambda obj: (_field(obj, path) == wanted) == (operator != "!=")


def _field(obj: Object, path: str) -> str:
    if path == "status.successful":
        return str(dig(obj, "status", "succeeded") or 0)
    if path == "source":
        return str(dig(obj, "source", "component") or "")
    value = dig(obj, *path.split("."))
    if value is None:
        return _ABSENT.get(path, "")
    return str(value).lower() if isinstance(value, bool) else str(value)


def query_predicate(resource: Resource, query: Mapping[str, str]) -> Predicate:
    """Return the test for the labelSelector and fieldSelector of a request."""
    labels = label_predicate(query.get("labelSelector", ""))
    fields = field_predicate(resource, query.get("fieldSelector", ""))
    return lambda obj: labels(labels_of(obj)) and fields(obj)


def matches(selector: Mapping[str, Any] | None, labels: Labels) -> bool:
    """Tell whether labels satisfy a spec's selector (matchLabels, matchExpressions); none matches none."""
    if selector is None:
        return False
    wanted = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression(entry, labels) for entry in selector.get("matchExpressions") or ())


def _expression(entry: Mapping[str, Any], labels: Labels) -> bool:
    key, operator, values = entry["key"], entry["operator"], set(entry.get("values") or ())
    if operator in ("In", "NotIn"):
        return _membership(key, values, operator == "In")(labels)
    return bool((key in labels) == (operator == "Exists"))


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """Return a spec's selector as a query would write it."""
    selector = selector or {}
    terms = [f"{key}={value}" for key, value in (selector.get("matchLabels") or {}).items()]
    for entry in selector.get("matchExpressions") or ():
        key, operator, values = entry["key"], entry["operator"], ",".join(entry.get("values") or [])
        words = {"In": f"{key} in ({values})", "NotIn": f"{key} notin ({values})", "Exists": key}
        terms.append(words.get(operator, f"!{key}"))
    return ",".join(terms)
