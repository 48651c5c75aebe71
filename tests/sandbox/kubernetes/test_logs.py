"""Pod logs: what is chosen of them, and what is refused."""

from __future__ import annotations

import threading
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kubernetes import client

from sandbox.kubernetes.clock import stamp
from sandbox.kubernetes.logs import LogOptions

moments = st.datetimes(datetime(2026, 1, 1), datetime(2026, 1, 2), timezones=st.just(UTC))  # noqa: DTZ001
logs = st.lists(st.tuples(moments, st.text("abc ", max_size=5))).map(sorted)


@given(logs, st.integers(0, 5), moments)
def test_tail_and_since_choose_the_last_lines(lines, tail, since):
    text = LogOptions(tail_lines=tail, since=since).render(lines).decode()
    newer = [line for at, line in lines if at >= since]
    assert text.splitlines() == newer[max(len(newer) - tail, 0) :]
    assert LogOptions(limit_bytes=4).render(lines) == LogOptions().render(lines)[:4]


@pytest.fixture
def pod(http, namespace, wait_for):
    """The path of a running pod."""
    path = f"/api/v1/namespaces/{namespace}/pods"
    body = {"metadata": {"name": "talker", "labels": {"app": "talker"}}}
    body["spec"] = {"containers": [{"name": "main", "image": "registry.example/talker:1"}]}
    http.post(path, json=body).raise_for_status()
    wait_for(lambda: http.get(f"{path}/talker").json()["status"]["phase"] == "Running")
    return f"{path}/talker"


@pytest.fixture
def say(http, namespace):
    def tell(*lines, **more):
        body = {"namespace": namespace, "selector": "app=talker", "lines": lines, **more}
        return http.post("/sandbox/logs", json=body).raise_for_status()

    return tell


def test_options(http, pod, say):
    now = datetime.now(UTC)
    old = {"time": stamp(now - timedelta(hours=2)), "text": "old"}
    say(old, "new")
    assert http.get(f"{pod}/log").text == "old\nnew\n"
    assert http.get(f"{pod}/log", params={"tailLines": 1}).text == "new\n"
    assert http.get(f"{pod}/log", params={"tailLines": 0}).text == ""
    assert http.get(f"{pod}/log", params={"sinceSeconds": 60}).text == "new\n"
    assert http.get(f"{pod}/log", params={"sinceTime": stamp(now - timedelta(minutes=1))}).text == "new\n"
    stamped = http.get(f"{pod}/log", params={"timestamps": "true", "tailLines": 2}).text.splitlines()
    assert stamped[0] == f"{old['time'].removesuffix('Z')}.000000000Z old"
    say("only", replace=True)
    assert http.get(f"{pod}/log").text == "only\n"


def test_an_earlier_run_has_its_own_log(http, pod, say):
    refused = http.get(f"{pod}/log", params={"previous": "true"})
    assert (refused.status_code, "previous terminated container" in refused.json()["message"]) == (400, True)
    say("it broke", previous=True)
    assert http.get(f"{pod}/log", params={"previous": "true"}).text == "it broke\n"


@pytest.mark.parametrize(
    "query",
    [
        {"container": "other"},
        {"tailLines": "-1"},
        {"sinceSeconds": "x"},
        {"sinceTime": "yesterday"},
        {"sinceSeconds": "1", "sinceTime": "2026-01-01T00:00:00Z"},
    ],
)
def test_unusable_queries(http, pod, query):
    answer = http.get(f"{pod}/log", params=query)
    assert (answer.status_code, answer.json()["reason"]) == (400, "BadRequest")


def test_a_pod_of_two_containers_wants_a_choice(http, namespace):
    path = f"/api/v1/namespaces/{namespace}/pods"
    containers = [{"name": name, "image": "registry.example/x:does-not-exist"} for name in ("a", "b")]
    http.post(path, json={"metadata": {"name": "two"}, "spec": {"containers": containers}})
    message = http.get(f"{path}/two/log").json()["message"]
    assert message.endswith("choose one of: [a b]")
    waiting = http.get(f"{path}/two/log", params={"container": "a"})
    assert (waiting.status_code, "is waiting to start" in waiting.json()["message"]) == (400, True)


def test_following_shows_lines_as_they_come_and_ends_with_the_pod(api, http, namespace, pod, say):
    core, seen, first = client.CoreV1Api(api), [], threading.Event()

    def follow():
        options = {"follow": True, "_preload_content": False}
        answer = core.read_namespaced_pod_log("talker", namespace, **options)
        for line in answer.stream():
            seen.append(line.decode())
            first.set()
        answer.release_conn()

    say("before")
    reader = threading.Thread(target=follow)
    reader.start()
    assert first.wait(10)
    say("during")
    deadline = threading.Event()
    while "during" not in "".join(seen) and not deadline.wait(0.05):
        assert reader.is_alive()
    http.request("DELETE", pod, json={"gracePeriodSeconds": 0})
    reader.join(timeout=15)
    assert not reader.is_alive()
    assert "".join(seen) == "before\nduring\n"
