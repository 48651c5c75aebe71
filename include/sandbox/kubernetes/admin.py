"""What no real API has: paths under `/sandbox` by which the supervisor and tests make things happen.

Pods are chosen by `namespace` and `selector`, a label selector in which `pod` stands for the pod's name.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable
from datetime import timedelta
from typing import Any

from aiohttp import web

from sandbox.kubernetes.behaviours import Crash
from sandbox.kubernetes.bulk import make_running_pods
from sandbox.kubernetes.clock import parse, stamp
from sandbox.kubernetes.cluster import Cluster
from sandbox.kubernetes.controllers.certificates import NO_RENEWAL, issue
from sandbox.kubernetes.controllers.certificates import RESOURCE as CERTIFICATES
from sandbox.kubernetes.errors import ApiError, bad_request, no_such_path, not_found
from sandbox.kubernetes.logs import Line
from sandbox.kubernetes.messages import read_json, respond
from sandbox.kubernetes.objects import Object, annotations_of, dig, key_of, labels_of, with_metadata
from sandbox.kubernetes.quantities import parse_quantity
from sandbox.kubernetes.selectors import label_predicate
from sandbox.kubernetes.usage import Override

_Body = dict[str, Any]


class Admin:
    """The supervisor's requests."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    def status(self, _: _Body) -> Object:
        """Return how many objects of each kind there are, and the crash rules in force."""
        counts = {r.qualified: self._cluster.store.count(r) for r in self._cluster.registry.stored()}
        crashes = {str(number): vars(crash) for number, crash in self._cluster.behaviours.crashes.items()}
        return {"objects": {name: count for name, count in counts.items() if count}, "crashes": crashes}

    def set_usage(self, body: _Body) -> Object:
        """Let the containers of pods (`namespace`, `selector`) or a `node` use `cpu` and `memory`.

        A number that is left out is as it would be; with neither, all is as before.
        """
        cpu, memory = (_amount(body, name) for name in ("cpu", "memory"))
        if "node" in body:
            self._cluster.usage.set_node(body["node"], cpu, memory)
            return {"node": body["node"]}
        override = Override(body["namespace"], body["selector"], cpu, memory)
        self._cluster.usage.set_pods(override)
        return {"pods": [key_of(pod)[1] for pod in self._pods(body)]}

    def set_logs(self, body: _Body) -> Object:
        """Add `lines` (texts, or `{"time", "text"}`) to the pods' logs.

        `replace`: they are the whole log. `previous`: they are the log of the earlier run.
        `container`: the first one if left out.
        """
        pods, now, logs = self._pods(body), self._cluster.clock.now(), self._cluster.logs
        lines = [self._line(line) for line in body["lines"]]
        for pod in pods:
            container = body.get("container") or pod["spec"]["containers"][0]["name"]
            if body.get("previous"):
                logs.set_previous(pod, container, lines)
            elif body.get("replace"):
                logs.replace(pod, container, lines, now)
            else:
                logs.read(pod, container, now)  # what was due before comes first
                logs.append(pod, container, lines)
        return {"pods": [key_of(pod)[1] for pod in pods]}

    def add_crash(self, body: _Body) -> Object:
        """Let the pods crash on start until the rule is taken back.

        `image`: only containers of that image. `exit_code`, `reason`, `restarts`, `log`: how it looks.
        """
        known = {k: body[k] for k in ("image", "exit_code", "reason", "restarts") if k in body}
        crash = Crash(
            namespace=body["namespace"], selector=body["selector"], log=tuple(body.get("log", ())), **known
        )
        number = self._cluster.behaviours.add_crash(crash)
        return {"id": number, "pods": self._attend(self._pods(body))}

    def remove_crash(self, body: _Body) -> Object:
        """Take a crash rule back: its pods heal."""
        rule = self._cluster.behaviours.crashes.pop(int(body["id"]), None)
        if rule is None:
            raise no_such_path()
        return {"pods": self._attend(self._pods({"namespace": rule.namespace, "selector": rule.selector}))}

    def set_image(self, body: _Body) -> Object:
        """Let the registry have an `image`, or not (`pullable`)."""
        self._cluster.behaviours.set_pullable(body["image"], bool(body["pullable"]))
        return {"image": body["image"]}

    def set_program(self, body: _Body) -> Object:
        """Let containers of an `image` that end really run `command`, with their arguments and secrets."""
        self._cluster.programs.set(body["image"], body["command"])
        return {"image": body["image"]}

    def make_pods(self, body: _Body) -> Object:
        """Make `count` running pods named `name`-1 … in a `namespace`, with `labels`."""
        namespace = body["namespace"]
        if self._cluster.get("namespaces", ("", namespace)) is None:
            raise not_found(self._cluster.registry["namespaces"], namespace)
        name, labels = body.get("name", "many"), body.get("labels", {"app": "many"})
        make_running_pods(self._cluster, namespace, name, int(body["count"]), labels)
        return {"created": int(body["count"])}

    def set_certificate(self, body: _Body) -> Object:
        """Issue a certificate (`namespace`, `name`) with `days_left`; it renews only when asked."""
        key, days = (body["namespace"], body["name"]), float(body["days_left"])
        resource = self._cluster.registry[CERTIFICATES]
        certificate = self._cluster.get(CERTIFICATES, key)
        if certificate is None:
            raise not_found(resource, key[1])
        annotations = {**annotations_of(certificate), NO_RENEWAL: "true"}
        certificate = self._cluster.store.update(
            resource, with_metadata(certificate, annotations=annotations)
        )
        until = self._cluster.clock.now() + timedelta(days=days)
        issue(self._cluster, certificate, until - timedelta(days=90), until)
        return {"not_after": stamp(until)}

    def expire(self, _: _Body) -> Object:
        """Let all continue tokens and all earlier resource versions be too old."""
        self._cluster.pager.expire()
        self._cluster.store.forget_history()
        return {"revision": self._cluster.store.revision}

    def _pods(self, body: _Body) -> list[Object]:
        chosen = label_predicate(body["selector"])
        pods = self._cluster.all("pods", body["namespace"])
        return [pod for pod in pods if chosen(labels_of(pod) | {"pod": key_of(pod)[1]})]

    def _attend(self, pods: Iterable[Object]) -> list[str]:
        """Apply the crash rules now, so that the effect is there when the request is answered."""
        names = []
        for pod in pods:
            if dig(pod, "status", "podIP"):
                self._cluster.manager.reconcile_now("pods", key_of(pod))
            names.append(key_of(pod)[1])
        return names

    def _line(self, line: str | dict[str, str]) -> Line:
        if isinstance(line, str):
            return self._cluster.clock.now(), line
        return parse(line["time"]), line["text"]


def _amount(body: _Body, name: str) -> float | None:
    return None if body.get(name) is None else parse_quantity(body[name])


def add_admin_routes(app: web.Application, cluster: Cluster) -> None:
    """Serve the admin paths."""
    admin = Admin(cluster)
    routes = (
        ("GET", "/sandbox/status", admin.status),
        ("POST", "/sandbox/usage", admin.set_usage),
        ("POST", "/sandbox/logs", admin.set_logs),
        ("POST", "/sandbox/crashes", admin.add_crash),
        ("DELETE", "/sandbox/crashes/{id}", admin.remove_crash),
        ("POST", "/sandbox/images", admin.set_image),
        ("POST", "/sandbox/programs", admin.set_program),
        ("POST", "/sandbox/pods", admin.make_pods),
        ("POST", "/sandbox/certificates", admin.set_certificate),
        ("POST", "/sandbox/expire", admin.expire),
    )
    for method, path, action in routes:
        app.router.add_route(method, path, _handler(action))


def _handler(action: Callable[[_Body], Object]) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def handle(request: web.Request) -> web.Response:
        body = await read_json(request) or {}
        try:
            return respond(action({**body, **request.match_info}))
        except ApiError:
            raise
        except (KeyError, TypeError, ValueError) as e:
            raise bad_request(f"{request.path}: {e!r}") from e

    return handle
