"""DAGs of the catalog through a real scheduler."""

import time
from collections.abc import Callable

from tests.servers.airflow import RunningAirflow
from upkeep.ledger import reads
from upkeep.runs.pools import ensure_pools

DAG = "shop_daily"


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"{what}: not within {seconds} s"
        time.sleep(0.3)


def ended(running: RunningAirflow, run_id: str) -> str:
    states = ("success", "failed")
    wait_for(lambda: running.api.run_state(DAG, run_id) in states, f"the end of {run_id}")
    return running.api.run_state(DAG, run_id)


def states_of(running: RunningAirflow, run_id: str) -> dict[str, str]:
    return {row.check_id: row.state for row in reads.findings(running.ledger, DAG, run_id)}


def test_a_run_records_what_it_found_and_writes_a_report(running: RunningAirflow) -> None:
    wait_for(lambda: DAG in running.api.dag_ids("cadence:daily"), "the DAG")
    ensure_pools(running.api, ["shop"])
    running.api.trigger(DAG, "first")

    assert ended(running, "first") == "success"
    found = states_of(running, "first")
    assert found["error_ratio"] == "ok", [(r.reason, r.source, r.observed_at) for r in reads.findings(running.ledger, DAG, "first")]
    assert found["nobody_measures"] == "unknown"
    assert reads.report(running.ledger, DAG, "first") is not None
