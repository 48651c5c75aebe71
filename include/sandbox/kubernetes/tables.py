"""Tables: what `kubectl get` prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sandbox.kubernetes.clock import duration, seconds_since
from sandbox.kubernetes.columns import COLUMNS, Column
from sandbox.kubernetes.objects import Object, dig
from sandbox.kubernetes.resources import Resource


def table(
    resource: Resource, items: Iterable[Object], metadata: Object, include: str, now: datetime
) -> dict[str, Any]:
    """Return the Table of some objects.

    include: what each row carries of its object: `Metadata` (also if empty), `Object` or `None`.
    """
    columns = _columns(resource)
    definitions = [
        {"name": c.name, "type": c.type, "format": "name" if c.name == "Name" else "", "priority": c.priority}
        | {"description": ""}
        for c in columns
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": metadata,
        "columnDefinitions": definitions,
        "rows": [_row(columns, item, include, now) for item in items],
    }


def _columns(resource: Resource) -> tuple[Column, ...]:
    name, age = Column("Name", lambda o, _: o["metadata"]["name"]), Column("Age", age_of)
    if resource.custom:
        return (name, *(Column(n, _json_path(path)) for n, path in resource.columns), age)
    own = COLUMNS.get(resource.id, ())
    wide = tuple(c for c in own if c.priority)
    if resource.id == ("", "events"):
        return own
    return (name, *(c for c in own if not c.priority), age, *wide)


def _row(columns: tuple[Column, ...], item: Object, include: str, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {"cells": [column.cell(item, now) for column in columns]}
    if include == "Object":
        row["object"] = item
    elif include != "None":
        head = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
        row["object"] = {**head, "metadata": item["metadata"]}
    return row


def age_of(obj: Object, now: datetime) -> str:
    """Return an object's age as a person reads it."""
    return duration(seconds_since(obj["metadata"]["creationTimestamp"], now))


def _json_path(path: str) -> Callable[[Object, datetime], Any]:
    """Return the reader of a simple JSON path: fields, and `[?(@.type=="X")]` on a list."""
    steps = path.lstrip(".").replace('[?(@.type=="', ".?").replace('")]', "").split(".")

    def read(obj: Object, _: datetime) -> Any:
        value: Any = obj
        for step in steps:
            if step.startswith("?"):
                items = value if isinstance(value, list) else []
                value = next((item for item in items if item.get("type") == step[1:]), None)
            else:
                value = dig(value, step)
        return "" if value is None else str(value)

    return read
