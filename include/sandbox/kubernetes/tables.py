"""Tables: what `kubectl get` prints."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import Any

from sandbox.kubernetes.clock import duration, seconds_since
from sandbox.kubernetes.columns import AGE, COLUMNS, Column
from sandbox.kubernetes.messages import partial
from sandbox.kubernetes.objects import Object, dig
from sandbox.kubernetes.resources import Printed, Resource


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
    name = Column("Name", lambda o, _: o["metadata"]["name"])
    if resource.custom:
        return (name, *(Column(c.name, _printed(c), c.type, c.priority) for c in resource.columns))
    own = COLUMNS.get(resource.id, ())
    wide = tuple(c for c in own if c.priority)
    if resource.id == ("", "events"):
        return own
    if AGE in own:
        return (name, *own)
    return (name, *(c for c in own if not c.priority), AGE, *wide)


def _row(columns: tuple[Column, ...], item: Object, include: str, now: datetime) -> dict[str, Any]:
    row: dict[str, Any] = {"cells": [column.cell(item, now) for column in columns]}
    if include == "Object":
        row["object"] = item
    elif include != "None":
        row["object"] = partial(item)
    return row


def _printed(column: Printed) -> Callable[[Object, datetime], Any]:
    """Return the reader of a column that a definition adds."""
    read = _json_path(column.path)

    def cell(obj: Object, now: datetime) -> Any:
        value = read(obj)
        if value is None:
            return "" if column.type == "string" else None
        if column.type == "date":
            return duration(seconds_since(value, now))
        return value if column.type in ("integer", "number", "boolean") else str(value)

    return cell


def _json_path(path: str) -> Callable[[Object], Any]:
    """Return the reader of a simple JSON path: fields, and `[?(@.type=="X")]` on a list."""
    steps = path.lstrip(".").replace('[?(@.type=="', ".?").replace('")]', "").split(".")

    def read(obj: Object) -> Any:
        value: Any = obj
        for step in steps:
            if step.startswith("?"):
                items = value if isinstance(value, list) else []
                value = next((item for item in items if item.get("type") == step[1:]), None)
            else:
                value = dig(value, step)
        return value

    return read
