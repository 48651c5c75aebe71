"""Plain HTTP to a cluster, the kinds of patches, and waiting."""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable
from typing import Any

import httpx

PATCHES = {
    "json": "application/json-patch+json",
    "merge": "application/merge-patch+json",
    "strategic": "application/strategic-merge-patch+json",
}
WAIT_SECONDS = 30


class Api:
    """A cluster's API as JSON over HTTP. Paths begin with `/api` or `/apis`."""

    def __init__(self, configuration: Any) -> None:
        """configuration: `kubernetes.client.Configuration`, whose address and identity are used."""
        verify: ssl.SSLContext | bool = True
        if configuration.host.startswith("https"):
            verify = ssl.create_default_context(cafile=configuration.ssl_ca_cert)
            if configuration.cert_file:
                verify.load_cert_chain(configuration.cert_file, configuration.key_file)
        headers = {way["key"]: way["value"] for way in configuration.auth_settings().values()}
        self._client = httpx.Client(
            base_url=configuration.host, headers=headers, verify=verify, timeout=30, trust_env=False
        )

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def get(self, path: str, accept: str = "application/json", **query: Any) -> httpx.Response:
        """GET."""
        return self._client.get(path, params=query, headers={"Accept": accept})

    def post(self, path: str, body: Any, **query: Any) -> httpx.Response:
        """POST."""
        return self._client.post(path, json=body, params=query)

    def put(self, path: str, body: Any, **query: Any) -> httpx.Response:
        """PUT."""
        return self._client.put(path, json=body, params=query)

    def patch(self, path: str, body: Any, kind: str = "merge", **query: Any) -> httpx.Response:
        """PATCH of a kind: `json`, `merge`, `strategic`, or a content type."""
        headers = {"Content-Type": PATCHES.get(kind, kind)}
        return self._client.patch(path, content=json.dumps(body), params=query, headers=headers)

    def delete(self, path: str, query: dict[str, str] | None = None, **options: Any) -> httpx.Response:
        """DELETE; options: the fields of DeleteOptions."""
        return self._client.request("DELETE", path, params=query, json=options or None)

    def made(self, path: str, body: Any) -> dict[str, Any]:
        """Create an object that must be accepted; return it as stored."""
        return answered(self.post(path, body), 201)

    def events(self, path: str, count: int = 0, seconds: int = 1, **query: Any) -> list[dict[str, Any]]:
        """Return the first events of a watch; without a count, all that come within some seconds."""
        query |= {"watch": "true", "timeoutSeconds": WAIT_SECONDS if count else seconds}
        found = []
        with self._client.stream("GET", path, params=query) as stream:
            for line in stream.iter_lines():
                found.append(json.loads(line))
                if len(found) == count:
                    break
        return found


def answered(response: httpx.Response, code: int = 200) -> dict[str, Any]:
    """Return an answer's body, which must have this status code."""
    assert response.status_code == code, response.text
    found: dict[str, Any] = response.json()
    return found


def refused(response: httpx.Response) -> tuple[int, str]:
    """Return the code and the reason of a refusal, whose body must be a Status that agrees with its code."""
    status = response.json()
    kind = {key: status[key] for key in ("kind", "apiVersion", "status")}
    assert kind == {"kind": "Status", "apiVersion": "v1", "status": "Failure"}, response.text
    assert status["code"] == response.status_code
    return response.status_code, status.get("reason", "")


def wait_for(question: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
    """Return a question's first true answer."""
    end = time.monotonic() + seconds
    while not (answer := question()):
        assert time.monotonic() < end, f"not within {seconds} s: {what}"
        time.sleep(0.1)
    return answer


def gone(api: Api, path: str) -> None:
    """Wait until nothing is there."""
    wait_for(lambda: api.get(path).status_code == 404, f"{path} gone")


def names(listed: dict[str, Any]) -> list[str]:
    """Return the names of a list's items."""
    return [item["metadata"]["name"] for item in listed["items"]]
