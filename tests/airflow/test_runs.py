"""Routines of the catalog through a real scheduler."""

from datetime import UTC, time, timedelta
from pathlib import Path

import httpx
from sqlalchemy import select
from sqlalchemy.orm import Session
from tests.airflow.conftest import NOW
from tests.airflow.depot import Depot
from tests.airflow.dues import HOUR
from tests.airflow.shop import SECRET, SHOP_OF_AIRFLOW
from tests.airflow.waiting import ended, wait_for
from tests.servers.airflow import RunningAirflow

from upkeep.clients.airflow_api import AirflowApi, Login
from upkeep.ledger import reads
from upkeep.ledger.tables import FindingRow, Run

DAG = "shop_daily"
PRESENT = "certificates"


def states(running: RunningAirflow, run_id: str) -> dict[str, str]:
    return {row.check_id: row.state for row in reads.findings(running.ledger, DAG, run_id)}


def test_a_run_records_what_it_found_and_writes_a_report(shop: RunningAirflow) -> None:
    shop.api.trigger(DAG, "first")

    assert ended(shop, DAG, "first") == "success"
    found = states(shop, "first")
    assert found["error_ratio"] == "ok"
    assert found["nobody_measures"] == "unknown"
    report = reads.report(shop.ledger, DAG, "first")
    assert report is not None
    assert "What nobody measures" in report.markdown


def test_a_run_of_the_past_finds_the_past_fails_on_it_and_leaves_out_the_present(
    shop: RunningAirflow,
) -> None:
    bad_day = (NOW - timedelta(days=5)).replace(hour=12, minute=0, second=0)
    shop.api.trigger(DAG, "bad-day", {"as_of": bad_day.isoformat()})

    assert ended(shop, DAG, "bad-day") == "failed"
    assert states(shop, "bad-day")["error_ratio"] == "critical"
    tasks = shop.api.task_states(DAG, "bad-day")
    assert (tasks["error_rates"], tasks[PRESENT], tasks["report"]) == ("failed", "skipped", "success")
    assert "asked for" in reads.skips(shop.ledger, DAG, "bad-day")[0].reason


def test_a_misspelt_parameter_fails_the_first_task(shop: RunningAirflow) -> None:
    shop.api.trigger(DAG, "misspelt", {"asof": "2026-01-01T00:00:00Z"})

    assert ended(shop, DAG, "misspelt") == "failed"
    tasks = shop.api.task_states(DAG, "misspelt")
    assert (tasks["open_run"], tasks["report"]) == ("failed", "skipped")
    assert states(shop, "misspelt") == {}
    log = "".join(path.read_text() for path in _logs(shop) if "run_id=misspelt" in str(path))
    assert "unknown keys: asof; known are as_of, procedures, dry_run" in log


def test_a_subset_runs_only_what_was_chosen(shop: RunningAirflow) -> None:
    shop.api.trigger(DAG, "subset", {"procedures": ["gaps"]})

    assert ended(shop, DAG, "subset") == "success"
    assert states(shop, "subset") == {"nobody_measures": "unknown"}


def test_a_cleared_task_supersedes_its_own_findings_and_keeps_them(shop: RunningAirflow) -> None:
    shop.api.trigger(DAG, "cleared", {"procedures": ["error_rates"]})
    ended(shop, DAG, "cleared")
    body = {"dry_run": False, "dag_run_id": "cleared", "task_ids": ["error_rates"], "only_failed": False}
    shop.api._ask("POST", f"/api/v2/dags/{DAG}/clearTaskInstances", json=body)
    wait_for(lambda: len(_rows(shop, "cleared")) == 4, "the second attempt")
    ended(shop, DAG, "cleared")

    current = [(row.check_id, row.attempt) for row in reads.findings(shop.ledger, DAG, "cleared")]
    assert current == [("error_ratio", 2), ("requests", 2)]
    assert [row.attempt for row in _rows(shop, "cleared") if row.superseded_at] == [1, 1]


def test_a_missed_deadline_is_in_the_ledger(shop: RunningAirflow) -> None:
    shop.api.trigger("shop_slow", "late")

    def missed() -> dict[str, str]:
        return {miss.run_id: miss.owner for miss in reads.deadline_misses(shop.ledger, "shop_slow")}

    wait_for(lambda: "late" in missed(), "the missed deadline")
    assert missed()["late"] == "sre"
    assert ended(shop, "shop_slow", "late") == "failed"


def test_a_backfill_tells_each_day_truly_and_misses_no_deadline(shop: RunningAirflow) -> None:
    start, end = (NOW - timedelta(days=7)).date(), (NOW - timedelta(days=1)).date()
    shop.command(
        "airflow", "backfill", "create", "--dag-id", DAG, "--from-date", f"{start}T00:00:00+00:00",
        "--to-date", f"{end}T23:59:00+00:00", "--max-active-runs", "2",
    )  # fmt: skip
    wait_for(lambda: len(_backfilled(shop)) == 7, "seven runs", seconds=120)
    for run in _backfilled(shop):
        ended(shop, DAG, run.run_id)

    bad_day = (NOW - timedelta(days=5)).date()
    for run in _backfilled(shop):
        assert run.as_of.timetz() == time(HOUR, tzinfo=UTC)
        values = {r.check_id: r.value for r in reads.findings(shop.ledger, DAG, run.run_id)}
        assert values["error_ratio"] == (0.03 if run.as_of.date() == bad_day else 0.001)
        assert "backfill" in reads.skips(shop.ledger, DAG, run.run_id)[0].reason
    missed = reads.deadline_misses(shop.ledger, DAG)
    assert [(miss.run_id, miss.deadline_at) for miss in missed] == []


def test_a_broken_file_is_an_import_error_and_breaks_nothing_else(shop: RunningAirflow) -> None:
    good = SHOP_OF_AIRFLOW.replace("title: Shop", "title: Kiosk").replace("shop/daily", "kiosk/daily")
    kiosk = shop.systems / "kiosk.yaml"
    kiosk.write_text(good)
    wait_for(lambda: "kiosk_daily" in shop.api.dag_ids("cadence:daily"), "the new system's DAG")

    broken = good.replace("above: 1 %", "above: 500 ms")
    line = broken[: broken.index("above: 500 ms")].count("\n") + 1
    kiosk.write_text(broken)
    wait_for(lambda: bool(shop.api.import_errors()), "the import error")
    said = shop.api.import_errors()[0]["stack_trace"]
    assert f"kiosk.yaml:{line}:24:" in said
    assert "500 ms" in said

    wait_for(lambda: "upkeep_kiosk" in shop.api.pools(), "the new system's pool", seconds=120)
    for dag_id in (DAG, "kiosk_daily"):
        shop.api.trigger(dag_id, "beside-a-broken-file", {"procedures": ["error_rates"]})
        assert ended(shop, dag_id, "beside-a-broken-file") == "success"


def test_pages_ask_for_airflows_own_authentication(shop: RunningAirflow) -> None:
    shop.api.trigger(DAG, "shown", {"procedures": ["gaps"]})
    ended(shop, DAG, "shown")
    page = f"{shop.platform.url}/upkeep/reports/{DAG}/shown"

    for path in (page, f"{shop.platform.url}/upkeep/", f"{shop.platform.url}/upkeep/openapi.json"):
        assert httpx.get(path).status_code in (401, 404)
    viewer = Login(shop.platform.url, "viewer", shop.platform.password("viewer"))
    with AirflowApi(viewer) as api:
        headers = {"Authorization": f"Bearer {api.new_token()}"}
    shown = httpx.get(page, headers=headers)
    assert shown.status_code == 200
    assert "What nobody measures" in shown.text
    assert shown.headers["content-security-policy"].startswith("default-src 'none'")
    assert DAG in httpx.get(f"{shop.platform.url}/upkeep/", headers=headers).text


def test_no_secret_is_in_any_log(shop: RunningAirflow, depot: Depot) -> None:
    """Runs last: by then every kind of run has been logged."""
    secrets = [
        SECRET, shop.platform.password("admin"), str(shop.ledger.url.password), depot.server.password,
    ]  # fmt: skip

    logs = _logs(shop)

    assert len(logs) > 20
    assert [str(log) for log in logs if any(secret in log.read_text() for secret in secrets)] == []


def _rows(running: RunningAirflow, run_id: str) -> list[FindingRow]:
    with Session(running.ledger, expire_on_commit=False) as session:
        query = select(FindingRow).where(FindingRow.dag_id == DAG, FindingRow.run_id == run_id)
        return list(session.scalars(query.order_by(FindingRow.id)))


def _backfilled(running: RunningAirflow) -> list[Run]:
    with Session(running.ledger, expire_on_commit=False) as session:
        return list(session.scalars(select(Run).where(Run.dag_id == DAG, Run.run_type == "backfill")))


def _logs(running: RunningAirflow) -> list[Path]:
    return [path for path in (running.state / "airflow" / "logs").rglob("*") if path.is_file()]
