"""Who may ask, what is served, and how refusals look."""

from __future__ import annotations

import json
import os
import signal
import ssl
import stat
import subprocess
import sys
import time

import httpx
import pytest


def test_a_request_without_the_token_is_refused(server):
    context = ssl.create_default_context(cafile=server.ca_file)
    with httpx.Client(base_url=server.url, verify=context) as anonymous:
        for headers in ({}, {"Authorization": "Bearer wrong"}):
            for path in ("/api/v1/pods", "/apis", "/sandbox/status"):
                answer = anonymous.get(path, headers=headers)
                assert answer.status_code == 401
                assert answer.json()["reason"] == "Unauthorized"
        for path in ("/healthz", "/readyz", "/livez", "/version"):
            assert anonymous.get(path).status_code == 200


def test_the_token_file_is_for_its_owner_only(server):
    mode = (server.folder / "token").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_discovery_lists_every_group_and_resource(http):
    groups = {group["name"] for group in http.get("/apis").json()["groups"]}
    assert {"apps", "batch", "metrics.k8s.io", "cert-manager.io", "tapio.io"} <= groups
    for group in groups:
        preferred = http.get(f"/apis/{group}").json()["preferredVersion"]["groupVersion"]
        resources = http.get(f"/apis/{preferred}").json()["resources"]
        assert resources
    names = {r["name"] for r in http.get("/api/v1").json()["resources"]}
    assert {"pods", "pods/log", "pods/status", "pods/eviction", "namespaces", "events"} <= names


@pytest.mark.parametrize(
    ("method", "path", "what"),
    [
        ("POST", "/api/v1/namespaces/lessay/pods/x/exec", "pods/exec"),
        ("GET", "/api/v1/namespaces/lessay/pods/x/portforward", "pods/portforward"),
        ("GET", "/api/v1/replicationcontrollers", "replicationcontrollers"),
        ("GET", "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas", "flowschemas"),
        ("GET", "/openapi/v2", "OpenAPI version 2"),
    ],
)
def test_what_only_the_real_api_has_is_named(http, method, path, what):
    answer = http.request(method, path)
    assert answer.status_code == 501
    assert answer.json()["kind"] == "Status"
    assert what in answer.json()["message"]


def test_yaml_and_protobuf_are_named(http):
    applied = http.patch(
        "/api/v1/namespaces/lessay/configmaps/new?fieldManager=test",
        content="data: {}",
        headers={"Content-Type": "application/apply-patch+yaml"},
    )
    assert (applied.status_code, "YAML" in applied.json()["message"]) == (501, True)
    for headers in ({"Content-Type": "application/vnd.kubernetes.protobuf"}, {}):
        created = http.post("/api/v1/namespaces", content=b"k8s\x00...", headers=headers)
        assert (created.status_code, "protobuf" in created.json()["message"]) == (501, True)
    listed = http.get("/api/v1/pods", headers={"Accept": "application/vnd.kubernetes.protobuf"})
    assert listed.status_code == 501


@pytest.mark.parametrize(
    "path",
    ["/nowhere", "/apis/example.com/v1/things", "/api/v1/namespaces/lessay/pods/x/nothing", "/api/v1/pods/x"],
)
def test_what_no_api_has_is_not_found(http, path):
    answer = http.get(path)
    assert (answer.status_code, answer.json()["reason"]) == (404, "NotFound")


def test_verbs_that_a_resource_lacks_are_not_allowed(http):
    assert http.delete("/api/v1/namespaces").status_code == 405
    assert http.put("/api/v1/namespaces/lessay/configmaps", json={}).status_code == 405
    assert http.get("/apis/authorization.k8s.io/v1/selfsubjectaccessreviews").status_code == 405
    assert http.delete("/apis/metrics.k8s.io/v1beta1/nodes/worker-1").status_code == 405


def test_garbage_is_a_bad_request(http):
    for body in (b"{", b"[]", b'"text"'):
        answer = http.post("/api/v1/namespaces", content=body)
        assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")
    big = http.post("/api/v1/namespaces", content=b'"' + b"x" * (4 * 2**20) + b'"')
    assert (big.status_code, big.json()["kind"]) == (413, "Status")


def test_access_reviews_allow(http):
    path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
    spec = {"resourceAttributes": {"verb": "delete", "resource": "pods"}}
    answer = http.post(path, json={"spec": spec})
    assert (answer.status_code, answer.json()["status"]["allowed"]) == (201, True)


def test_it_starts_fast_and_stops_on_sigterm(tmp_path, start_another):
    began = time.monotonic()
    running, process = start_another(tmp_path)
    took = time.monotonic() - began
    state = json.loads((running.folder / "state.json").read_text())
    assert state["pid"] == process.pid
    os.kill(process.pid, signal.SIGTERM)
    assert process.wait(timeout=10) == 0
    assert took < 10, "a cold machine with much to do may take seconds; a warm one takes less than one"


def test_the_command_line_says_what_is_wrong():
    command = [sys.executable, "-m", "sandbox.kubernetes", "--state-file", "s", "--token-file", "t"]
    done = subprocess.run([*command, "--tls-cert", "c"], capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "--tls-key" in done.stderr
