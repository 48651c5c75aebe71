"""An admission webhook of ours is asked before an object is written."""

from __future__ import annotations

import base64
import json
import ssl
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
import trustme
from kubernetes import client
from tests.conformance.cluster import until
from tests.conformance.real.refusals import refused

# A cluster that was given could not reach the webhook.
pytestmark = pytest.mark.usefixtures("plane")

REASON = "config maps are frozen during the drill"


@dataclass
class Webhook:
    """An HTTPS server that refuses what is labelled `frozen`. asked: the names that it was asked about."""

    url: str
    authority: bytes
    server: ThreadingHTTPServer
    asked: list[str] = field(default_factory=list)

    def stop(self) -> None:
        """Be down: connections are refused from now on."""
        self.server.shutdown()
        self.server.server_close()


class Handler(BaseHTTPRequestHandler):
    webhook: Webhook

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["request"]
        metadata = asked["object"]["metadata"]
        self.webhook.asked.append(metadata["name"])
        allowed = "frozen" not in metadata.get("labels", {})
        answer: dict[str, Any] = {"uid": asked["uid"], "allowed": allowed}
        if not allowed:
            answer["status"] = {"code": 403, "message": REASON}
        body = json.dumps(
            {"apiVersion": "admission.k8s.io/v1", "kind": "AdmissionReview", "response": answer}
        )
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())

    def log_message(self, *arguments: Any) -> None:
        """Say nothing."""


@pytest.fixture
def webhook(tmp_path: Path) -> Iterator[Webhook]:
    """The server, with an authority of its own."""
    authority = trustme.CA()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    handler = type("OwnHandler", (Handler,), {})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    made = Webhook(f"https://127.0.0.1:{server.server_port}/", authority.cert_pem.bytes(), server)
    handler.webhook = made
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield made
    made.stop()
    thread.join(10)


@pytest.fixture(params=["Fail"])
def policy(request: pytest.FixtureRequest) -> str:
    """What the API does when the webhook cannot be asked."""
    return str(request.param)


@pytest.fixture
def registered(
    api: client.ApiClient, core: client.CoreV1Api, ns: str, webhook: Webhook, policy: str
) -> Iterator[Webhook]:
    """The webhook in force, for config maps of this test's namespace alone."""
    admission = client.AdmissionregistrationV1Api(api)
    one = {
        "name": "frozen.upkeep.example",
        "clientConfig": {"url": webhook.url, "caBundle": base64.b64encode(webhook.authority).decode()},
        "rules": [
            {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["configmaps"]}
        ],
        "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": ns}},
        "failurePolicy": policy,
        "sideEffects": "None",
        "admissionReviewVersions": ["v1"],
        "timeoutSeconds": 5,
    }
    admission.create_validating_webhook_configuration({"metadata": {"name": ns}, "webhooks": [one]})

    def in_force() -> bool:
        # Nothing says when the API server has seen it, so it is asked until the webhook is.
        core.create_namespaced_config_map(ns, {"metadata": {"generateName": "probe-"}}, dry_run="All")
        return bool(webhook.asked)

    until(in_force, "the webhook to be in force")
    webhook.asked.clear()
    yield webhook
    admission.delete_validating_webhook_configuration(ns)


def config_map(name: str, **labels: str) -> dict[str, Any]:
    return {"metadata": {"name": name, "labels": labels}}


def test_it_refuses_with_its_own_words(core: client.CoreV1Api, ns: str, registered: Webhook) -> None:
    with pytest.raises(client.ApiException) as raised:
        core.create_namespaced_config_map(ns, config_map("one", frozen="yes"))
    assert raised.value.status == 403
    message = json.loads(raised.value.body)["message"]
    assert message == f'admission webhook "frozen.upkeep.example" denied the request: {REASON}'
    assert "one" not in [found.metadata.name for found in core.list_namespaced_config_map(ns).items]


def test_it_lets_the_others_through(core: client.CoreV1Api, ns: str, registered: Webhook) -> None:
    core.create_namespaced_config_map(ns, config_map("two"))
    assert registered.asked == ["two"]


def test_it_is_not_asked_about_other_kinds(core: client.CoreV1Api, ns: str, registered: Webhook) -> None:
    core.create_namespaced_secret(ns, config_map("three", frozen="yes"))
    assert registered.asked == []


def test_when_it_is_down_nothing_is_written(core: client.CoreV1Api, ns: str, registered: Webhook) -> None:
    registered.stop()
    with refused(500, "InternalError") as refusal:
        core.create_namespaced_config_map(ns, config_map("four"))
    assert 'failed calling webhook "frozen.upkeep.example"' in refusal.message


@pytest.mark.parametrize("policy", ["Ignore"], indirect=True)
def test_when_it_is_down_and_may_be_ignored_all_is_written(
    core: client.CoreV1Api, ns: str, registered: Webhook
) -> None:
    registered.stop()
    core.create_namespaced_config_map(ns, config_map("five", frozen="yes"))


def test_a_webhook_that_is_not_trusted_counts_as_down(
    api: client.ApiClient, core: client.CoreV1Api, ns: str, registered: Webhook
) -> None:
    stranger = base64.b64encode(trustme.CA().cert_pem.bytes()).decode()
    change = [{"op": "replace", "path": "/webhooks/0/clientConfig/caBundle", "value": stranger}]
    client.AdmissionregistrationV1Api(api).patch_validating_webhook_configuration(ns, change)

    def refusal() -> str:
        try:
            core.create_namespaced_config_map(ns, {"metadata": {"generateName": "probe-"}}, dry_run="All")
        except client.ApiException as e:
            return str(e.body)
        return ""

    assert "certificate signed by unknown authority" in until(refusal, "the webhook to be refused")
