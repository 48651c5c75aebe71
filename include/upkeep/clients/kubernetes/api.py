"""The Kubernetes API over raw JSON: one request, lists page by page, and writes.

The generated client builds an object tree of every answer, which for 10,000 pods takes hundreds of
megabytes; here one page is in memory at a time. Its connection pool and credentials are used as given.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlencode

from upkeep.clients.answers import child, children, mapping, parse_json, safe_excerpt, text
from upkeep.clients.endpoint import MAX_ANSWER_BYTES
from upkeep.clients.kubernetes.errors import ExpiredError, read_error, write_error
from upkeep.clients.transport import Response, once, pieces, transport_errors
from upkeep.errors import BadAnswer, ConfigurationError, TemporaryError

if TYPE_CHECKING:
    from kubernetes.client import ApiClient

PAGE = 500
"""Objects asked for at once; kubectl asks for as many."""

KINDS: Mapping[str, str] = {
    **dict.fromkeys(
        ("pods", "nodes", "services", "endpoints", "configmaps", "secrets", "events", "namespaces"), "api/v1"
    ),
    **dict.fromkeys(("persistentvolumeclaims", "persistentvolumes"), "api/v1"),
    **dict.fromkeys(("deployments", "statefulsets", "daemonsets", "replicasets"), "apis/apps/v1"),
    **dict.fromkeys(("jobs", "cronjobs"), "apis/batch/v1"),
    "horizontalpodautoscalers": "apis/autoscaling/v2",
    **dict.fromkeys(("ingresses", "networkpolicies"), "apis/networking.k8s.io/v1"),
    "poddisruptionbudgets": "apis/policy/v1",
    "endpointslices": "apis/discovery.k8s.io/v1",
}
"""Where each kind lives. Custom resources name their group and version themselves."""


class Api:
    """Requests to one cluster; safe to use from several threads."""

    def __init__(self, api_client: ApiClient, timeout_seconds: float = 10) -> None:
        self._client = api_client
        self._timeout = timeout_seconds
        self.host: str = api_client.configuration.host

    @contextmanager
    def open(self, path: str, params: Mapping[str, Any]) -> Iterator[Iterator[bytes]]:
        """GET `path` and give its body piece by piece, bounded in time.

        Raises TemporaryError, ConfigurationError, NotFoundError, PermanentError by status and fault.
        """
        where = f"Kubernetes GET {self.host}{path}"
        deadline = time.monotonic() + self._timeout
        with transport_errors(where, self._timeout):
            response = self._request(path, params)
            try:
                if response.status != 200:
                    raise read_error(response, where)
                yield pieces(response, deadline, where, self._timeout)
                response.release_conn()
            finally:
                response.close()

    def get(self, path: str, params: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """GET `path` and return its JSON object; raises what `open` raises, and BadAnswer."""
        where = f"Kubernetes GET {self.host}{path}"
        body = bytearray()
        with self.open(path, params or {}) as pieces:
            for piece in pieces:
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise BadAnswer(f"{where}: the answer is longer than {MAX_ANSWER_BYTES} bytes; use pages")
        return mapping(parse_json(bytes(body), where), where)

    def send(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        content_type: str = "application/json",
        params: Mapping[str, Any] | None = None,
    ) -> tuple[int, dict[str, Any]]:
        """Send one request that changes something; return the status and the answer.

        content_type: of the body, such as `application/merge-patch+json`. It is sent once: whether it was
        done is unknown after a TemporaryError. Raises what `get` raises, and RefusedError (400, 403, 409, …).
        """
        where = f"Kubernetes {method} {self.host}{path}"
        deadline = time.monotonic() + self._timeout
        sent = None if body is None else json.dumps(body).encode()
        with transport_errors(where, self._timeout):
            response = self._request(path, params or {}, method, sent, content_type)
            try:
                if not 200 <= response.status < 300:
                    raise write_error(response, where)
                answer = b"".join(pieces(response, deadline, where, self._timeout))
                response.release_conn()
            finally:
                response.close()
        return response.status, mapping(parse_json(answer, where), where)

    def pages(self, path: str, params: Mapping[str, Any], page: int) -> Iterator[list[dict[str, Any]]]:
        """Yield the items of a list, page by page.

        If the list expires between two pages, the rest is read from the newest state, with the token that
        the server gives for that: nothing comes twice. Raises TemporaryError if it gives none.
        """
        token = ""
        while True:
            try:
                answer = self.get(path, {**params, "limit": page, **({"continue": token} if token else {})})
            except ExpiredError as e:
                if not e.token or e.token == token:
                    raise TemporaryError(f"{e}; the list expired while it was read: read it again") from e
                token = e.token
                continue
            metadata = child(answer, "metadata")
            if "items" not in answer:
                raise BadAnswer(f"Kubernetes GET {self.host}{path}: not a list: {safe_excerpt(repr(answer))}")
            items = children(answer, "items")
            del answer
            yield items
            following = text(metadata, "continue")
            if not following:
                return
            if following == token:
                raise BadAnswer(f"Kubernetes GET {self.host}{path}: the same page again and again")
            token = following

    def _request(
        self,
        path: str,
        params: Mapping[str, Any],
        method: str = "GET",
        body: bytes | None = None,
        content_type: str | None = None,
    ) -> Response:
        """Send one request over the client's own pool, with time-outs and retries of our choice."""
        headers = {**self._client.default_headers, "Accept": "application/json"}
        if body is not None and content_type is not None:
            headers["Content-Type"] = content_type
        query = [(key, value) for key, value in params.items() if value not in (None, "")]
        self._client.update_params_for_auth(headers, query, ["BearerToken"])
        response = self._client.rest_client.pool_manager.request(
            method,
            self.host + path + (f"?{urlencode(query)}" if query else ""),
            body=body,
            headers=headers,
            **once(self._timeout),
        )
        return cast("Response", response)


def list_path(kind: str, namespace: str | None) -> str:
    """Return the path of a list of `kind`; raise ConfigurationError if the kind is unknown."""
    if kind not in KINDS:
        raise ConfigurationError(f"unknown kind {kind!r}; known are: {', '.join(sorted(KINDS))}")
    return join(KINDS[kind], namespace, kind)


def join(prefix: str, namespace: str | None, *names: str) -> str:
    """Return a path of the API; every name is escaped.

    >>> join("api/v1", "shop", "pods", "a/b")
    '/api/v1/namespaces/shop/pods/a%2Fb'
    """
    parts = ("namespaces", namespace, *names) if namespace else names
    return f"/{prefix}/" + "/".join(quote(part, safe="") for part in parts)
