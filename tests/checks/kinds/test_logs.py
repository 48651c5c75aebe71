"""error_logs and error_log_archive: pods' logs, CloudWatch Logs, Loki."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from servers.aws import Aws, aws, aws_client
from servers.bad import hanging, http, refusing, saying
from servers.cluster import Cluster, api_client, cluster, until
from servers.situation import AS_OF, ask, checks_of, make_context, make_system
from servers.web import web
from upkeep.checks.context import CheckContext
from upkeep.clients.endpoint import Endpoint
from upkeep.clients.kubernetes import Kubernetes
from upkeep.errors import ConfigurationError
from upkeep.findings import Finding, State

pytestmark = pytest.mark.integration
NAMESPACE = "shop"
SELECTOR = "app=api"
PODS = 3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    with cluster(tmp_path_factory.mktemp("kubernetes")) as running:
        # Pods that write nothing but what a test lets them write.
        running.api("POST", "/api/v1/namespaces", {"metadata": {"name": NAMESPACE}})
        running.admin("pods", namespace=NAMESPACE, name="api", count=PODS, labels={"app": "api"})
        yield running


@pytest.fixture(scope="module")
def client(server: Cluster) -> Iterator[Kubernetes]:
    with server.client() as opened:
        yield Kubernetes(opened)


def context_of(client: Kubernetes, hours: float = 24, namespace: str = NAMESPACE) -> CheckContext:
    now = datetime.now(UTC) + timedelta(seconds=1)
    system = make_system(workload={"namespace": namespace})
    return make_context(system, as_of=now, since=now - timedelta(hours=hours), kubernetes=client)


def write(server: Cluster, lines: list[tuple[float, str]], selector: str = SELECTOR, **how: Any) -> None:
    """Let the log of the pods be these lines, each so many minutes old."""
    now = datetime.now(UTC)
    dated = [{"time": (now - timedelta(minutes=age)).isoformat(), "text": text} for age, text in lines]
    server.admin("logs", namespace=NAMESPACE, selector=selector, lines=dated, **{"replace": True} | how)


def look(client: Kubernetes, **parameters: Any) -> Finding:
    found = ask("error_logs", context_of(client), **{"selectors": [SELECTOR]} | parameters)
    assert list(found) == ["error_logs"]
    return found["error_logs"]


ERRORS = [(90.0, "ERROR: no route to 10.0.0.7"), (30.0, "ERROR: no route to 10.0.0.8")]


def test_errors_are_grouped_by_pattern(server: Cluster, client: Kubernetes) -> None:
    write(server, [*ERRORS, (20, "INFO all well"), (10, "FATAL: out of memory")])
    found = look(client)
    assert (found.state, found.value) == (State.OK, 3 * PODS)
    first, second = found.evidence["patterns"]
    assert first["pattern"] == "ERROR: no route to <ip>"
    assert first["count"] == 2 * PODS
    assert first["first_seen"] < first["last_seen"]
    assert second["count"] == PODS
    assert found.evidence["lines_read"] == 4 * PODS
    assert found.evidence["pods"] == PODS


@pytest.mark.parametrize(
    ("limits", "state"),
    [
        ({"warn_above_count": 1}, State.WARNING),
        ({"warn_above_count": 1, "critical_above_count": 1}, State.CRITICAL),
        ({"warn_above_count": 10_000}, State.OK),
    ],
)
def test_too_many(server: Cluster, client: Kubernetes, limits: dict[str, int], state: State) -> None:
    write(server, ERRORS)
    assert look(client, **limits).state is state


def test_lines_before_the_last_review_do_not_count(server: Cluster, client: Kubernetes) -> None:
    write(server, [(60 * 30, "ERROR: long ago"), (5, "INFO here")])
    assert look(client).value == 0


def test_the_pattern_and_the_top_are_parameters(server: Cluster, client: Kubernetes) -> None:
    write(server, [(5, f"WARN {word} is odd") for word in ("alpha", "beta", "gamma")])
    found = look(client, pattern=r"\bWARN\b", top=2)
    assert found.value == 3 * PODS
    assert len(found.evidence["patterns"]) == 2
    assert found.evidence["pattern_count"] == 3


def test_secrets_in_logs_stay_there(server: Cluster, client: Kubernetes) -> None:
    write(server, [(5, "ERROR: login failed, password=hunter2sesame")])
    assert "hunter2sesame" not in str(look(client).evidence)


def test_of_too_many_lines_the_count_is_a_lower_bound(server: Cluster, client: Kubernetes) -> None:
    write(server, ERRORS * 5)
    found = look(client, lines_most=4)
    assert found.value == 4 * PODS
    assert "at least" in found.summary
    one = look(client, pods_most=1)
    assert one.evidence["incomplete"]


def test_what_a_container_wrote_before_it_crashed_counts(server: Cluster, client: Kubernetes) -> None:
    where = {"namespace": "production", "selector": "app=redis"}
    rule = server.admin("crashes", **where, log=["ERROR: cannot bind the port"], restarts=2)
    until(lambda: all(pod.waiting for pod in client.pods("production", "app=redis")), "the crash")
    found = ask("error_logs", context_of(client, namespace="production"), selectors=["app=redis"])[
        "error_logs"
    ]
    server.api("DELETE", f"/sandbox/crashes/{rule['id']}")
    assert "cannot bind the port" in str(found.evidence["patterns"])


def test_no_pod_and_no_line_are_unknown(server: Cluster, client: Kubernetes) -> None:
    nobody = look(client, selectors=["app=nobody"])
    write(server, [])
    silent = look(client)
    assert (nobody.state, silent.state) == (State.UNKNOWN, State.UNKNOWN)
    assert "no pod" in (nobody.reason or "")
    assert "no line of log at all" in (silent.reason or "")


@pytest.mark.parametrize(
    "wrong", [{"pattern": "("}, {"warn_above_count": 5, "critical_above_count": 4}, {"unheard_of": 1}]
)
def test_wrong_parameters_are_refused(client: Kubernetes, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        checks_of("error_logs", context_of(client), **wrong)


@pytest.fixture(scope="module")
def cloud() -> Iterator[Aws]:
    with aws() as running:
        yield running


def events(cloud: Aws, group: str, lines: list[tuple[float, str]]) -> None:
    logs = cloud["logs"]
    logs.create_log_group(logGroupName=group)
    logs.create_log_stream(logGroupName=group, logStreamName="one")
    now = datetime.now(UTC)
    dated = [
        {"timestamp": round((now - timedelta(minutes=age)).timestamp() * 1000), "message": text}
        for age, text in sorted(lines, reverse=True)
    ]
    logs.put_log_events(logGroupName=group, logStreamName="one", logEvents=dated)


def archived(cloud: Any, *groups: str, hours_ago: float = 0, **more: Any) -> Finding:
    as_of = datetime.now(UTC) - timedelta(hours=hours_ago)
    context = make_context(make_system(), as_of=as_of, since=as_of - timedelta(hours=1), aws=cloud)
    return ask("error_log_archive", context, source="cloudwatch", log_groups=groups, **more)[
        "error_log_archive"
    ]


def test_cloudwatch(cloud: Aws) -> None:
    events(cloud, "/shop/api", [(50, "ERROR: no stock of 17"), (10, "ERROR: no stock of 4"), (5, "all well")])
    events(cloud, "/shop/web", [(90, "ERROR: before"), (1, "all well")])
    found = archived(cloud, "/shop/api", "/shop/web", warn_above_count=1)
    assert (found.state, found.value) == (State.WARNING, 2)
    assert found.evidence["patterns"][0]["pattern"] == "ERROR: no stock of <n>"
    # A backfill reads the hour before: what came later is not in it.
    past = archived(cloud, "/shop/api", "/shop/web", hours_ago=1)
    assert past.value == 1


def test_a_log_group_that_is_silent_or_missing_is_unknown(cloud: Aws) -> None:
    cloud["logs"].create_log_group(logGroupName="/shop/silent")
    silent, missing = archived(cloud, "/shop/silent"), archived(cloud, "/shop/missing")
    assert (silent.state, missing.state) == (State.UNKNOWN, State.UNKNOWN)
    assert "/shop/missing" in (missing.reason or "")


def loki_context(url: str) -> CheckContext:
    return make_context(
        make_system(), since=AS_OF - timedelta(hours=1), loki=Endpoint(url, timeout_seconds=1)
    )


def test_loki() -> None:
    at = AS_OF - timedelta(minutes=10)
    values = [[str(int(at.timestamp()) * 10**9 + n), f"ERROR: shelf {n} is empty"] for n in range(3)]
    answer = {"data": {"resultType": "streams", "result": [{"stream": {"app": "shop"}, "values": values}]}}
    with web({"/loki/api/v1/query_range": (200, answer)}) as url:
        found = ask("error_log_archive", loki_context(url), source="loki", query='{app="shop"}')
    finding = found["error_log_archive"]
    assert finding.value == 3
    assert finding.source == 'loki: {app="shop"}'
    assert finding.evidence["patterns"][0]["last_seen"].startswith("2025-06-10T11:50")


@pytest.mark.parametrize(
    "wrong",
    [
        {"source": "loki"},
        {"source": "cloudwatch", "query": "{}"},
        {"source": "loki", "query": "{}", "log_groups": ["a"]},
    ],
)
def test_each_source_has_its_own_parameters(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        checks_of("error_log_archive", loki_context("http://127.0.0.1:1"), **wrong)


def test_pods_are_the_present_archives_the_past(client: Kubernetes) -> None:
    present = checks_of("error_logs", context_of(client))
    past = checks_of("error_log_archive", context_of(client), source="loki", query="{}")
    assert [check.present for check in (*present, *past)] == [True, False]


@pytest.mark.parametrize("source", ["pods", "cloudwatch", "loki"])
@pytest.mark.parametrize("fault", ["refuses", "hangs", "garbage", "error"])
def test_a_bad_server_is_unknown(source: str, fault: str) -> None:
    answers = {"garbage": http(200, b"\x00 what?"), "error": http(500, b"oh no")}
    servers: dict[str, Callable[[], Any]] = {"refuses": refusing, "hangs": hanging}
    server = servers.get(fault) or (lambda: saying(answers[fault]))
    with server() as port:
        url = f"http://127.0.0.1:{port}"
        if source == "pods":
            with api_client(url) as raw:
                found = ask("error_logs", context_of(Kubernetes(raw, timeout_seconds=1)), seconds=10)
        elif source == "loki":
            found = ask("error_log_archive", loki_context(url), seconds=10, source="loki", query="{}")
        else:
            context = make_context(make_system(), aws={"logs": aws_client("logs", url, 1)})
            groups = {"source": "cloudwatch", "log_groups": ["g"]}
            found = ask("error_log_archive", context, seconds=20, **groups)
    (finding,) = found.values()
    assert finding.state is State.UNKNOWN
    assert finding.reason
    assert "unexpected" not in finding.reason
    if fault != "garbage":
        assert finding.temporary


def test_a_system_without_workload_says_what_is_missing() -> None:
    with pytest.raises(ConfigurationError, match="no workload"):
        checks_of("error_logs", make_context(make_system()))
