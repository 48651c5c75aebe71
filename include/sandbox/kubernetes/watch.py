"""Watches: a stream of changes from a resource version on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial

from aiohttp import web

from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.errors import ApiError, bad_request, expired, unclear
from sandbox.kubernetes.messages import encode, wants_table
from sandbox.kubernetes.objects import Object, key_of, with_metadata
from sandbox.kubernetes.routing import Target
from sandbox.kubernetes.selectors import Predicate, query_predicate
from sandbox.kubernetes.store import Change
from sandbox.kubernetes.tables import table

_DEFAULT_SECONDS = 1800.0
"""The lower end of what the real server chooses."""
_BOOKMARK_SECONDS = 60.0


@dataclass(frozen=True)
class Event:
    """One event of a watch."""

    type: str
    object: Object


async def watch(cluster: Cluster, request: web.Request, target: Target) -> web.StreamResponse:
    """Stream a collection's changes until the time is up or the client leaves."""
    query = request.query
    initial = _initial(query)
    seconds = _seconds(query.get("timeoutSeconds"))
    selected = _select(target, query_predicate(target.resource, query))
    first = _first_events(cluster, target, "" if initial else query.get("resourceVersion", ""), selected)
    wanted = query.get("allowWatchBookmarks") == "true"
    if initial and wanted:
        first.append(_bookmark(cluster, target, {"k8s.io/initial-events-end": "true"}))
    stream = _Stream(_renderer(cluster, request, target))
    listen = stream.changes.put_nowait
    cluster.store.listeners.append(listen)
    try:
        await stream.response.prepare(request)
        for event in first:
            await stream.send(event)
        if not any(event.type == "ERROR" for event in first):
            bookmark = partial(_bookmark, cluster, target)
            await _follow(stream, selected, seconds, bookmark if wanted else None)
    except ConnectionError:
        pass  # the client has left
    finally:
        cluster.store.listeners.remove(listen)
    return stream.response


class _Stream:
    """Writes events, one JSON document a line."""

    def __init__(self, render: Callable[[Object], Object]) -> None:
        self.response = web.StreamResponse(headers={"Content-Type": "application/json"})
        self.changes: asyncio.Queue[Change] = asyncio.Queue()
        self._render = render

    async def send(self, event: Event) -> None:
        obj = event.object if event.type in ("ERROR", "BOOKMARK") else self._render(event.object)
        await self.response.write(encode({"type": event.type, "object": obj}) + b"\n")


async def _follow(
    stream: _Stream,
    selected: Callable[[Change], Event | None],
    seconds: float,
    bookmark: Callable[[], Event] | None,
) -> None:
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while (left := end - loop.time()) > 0:
        try:
            change = await asyncio.wait_for(stream.changes.get(), min(left, _BOOKMARK_SECONDS))
        except TimeoutError:
            if bookmark:
                await stream.send(bookmark())
            continue
        if event := selected(change):
            await stream.send(event)


def _first_events(
    cluster: Cluster, target: Target, version: str, selected: Callable[[Change], Event | None]
) -> list[Event]:
    """Return what the client has missed since its version; without one, every object as ADDED."""
    store = cluster.store
    if version in ("", "0"):
        present = store.all(target.resource, target.namespace)
        added = (Change(store.revision, "ADDED", target.resource, obj, None) for obj in present)
        return [event for change in added if (event := selected(change))]
    if not version.isdecimal():
        raise unclear(f'resourceVersion: Invalid value: "{version}"')
    since = int(version)
    if since < store.forgotten:
        error = expired(f"too old resource version: {since} ({store.forgotten})")
        return [Event("ERROR", error.status())]
    missed = (change for change in list(store.history) if change.revision > since)
    return [event for change in missed if (event := selected(change))]


def _select(target: Target, matching: Predicate) -> Callable[[Change], Event | None]:
    """Return the function that turns a change into the event that this client sees, if any."""

    def selected(change: Change) -> Event | None:
        if change.resource.id != target.resource.id:
            return None
        if target.namespace and key_of(change.object)[0] != target.namespace:
            return None
        before = change.previous is not None and matching(change.previous)
        after = change.type != "DELETED" and matching(change.object)
        if not before and not after:
            return None
        kind = "DELETED" if not after else "MODIFIED" if before else "ADDED"
        shown = change.object
        if kind == "DELETED" and change.type != "DELETED" and change.previous is not None:
            # It is still there: the client gets it as it was when last selected, at the version of leaving.
            shown = with_metadata(change.previous, resourceVersion=shown["metadata"]["resourceVersion"])
        return Event(kind, {**shown, "apiVersion": target.resource.api_version})

    return selected


def _renderer(cluster: Cluster, request: web.Request, target: Target) -> Callable[[Object], Object]:
    if not wants_table(request):
        return lambda obj: obj
    include = request.query.get("includeObject", "")

    def render(obj: Object) -> Object:
        metadata = {"resourceVersion": obj["metadata"]["resourceVersion"]}
        return table(target.resource, [obj], metadata, include, cluster.clock.now())

    return render


def _initial(query: Mapping[str, str]) -> bool:
    """Tell whether a client wants the whole list first, as events; raise ApiError 422 for half an option."""
    if "sendInitialEvents" not in query:
        return False
    if query.get("resourceVersionMatch") != "NotOlderThan":
        why = "sendInitialEvents requires setting resourceVersionMatch to NotOlderThan"
        raise ApiError(422, "Invalid", f'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: {why}')
    return query["sendInitialEvents"] == "true"


def _bookmark(cluster: Cluster, target: Target, annotations: dict[str, str] | None = None) -> Event:
    metadata: Object = {"resourceVersion": str(cluster.store.revision), "creationTimestamp": None}
    if annotations:
        metadata["annotations"] = annotations
    resource = target.resource
    return Event(
        "BOOKMARK", {"kind": resource.kind, "apiVersion": resource.api_version, "metadata": metadata}
    )


def _seconds(text: str | None) -> float:
    if not text:
        return _DEFAULT_SECONDS
    if not text.isdecimal():
        raise bad_request(f'timeoutSeconds: Invalid value: "{text}"')
    return float(text) or _DEFAULT_SECONDS
