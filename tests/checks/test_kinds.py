"""All kinds: what they promise the catalog and the factory."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError
from ruamel.yaml import YAML

from servers.situation import make_context, make_system
from upkeep.catalog.models import ProcedureUse, System
from upkeep.checks.registry import Reads, kind, kinds
from upkeep.errors import ConfigurationError

SYSTEMS = Path(__file__).parents[2] / "include" / "systems"
HEAVY = {
    "httpx", "kubernetes", "boto3", "botocore", "urllib3", "confluent_kafka", "sqlalchemy", "redis", "mysql",
    "psycopg2", "cryptography", "airflow",
}  # fmt: skip


def test_the_kinds_and_what_they_read() -> None:
    assert {name: one.reads for name, one in kinds().items()} == {
        "alert_rules": Reads.HISTORY,
        "alerts_since": Reads.HISTORY,
        "backup": Reads.ACTS,
        "backup_proofs": Reads.HISTORY,
        "backup_status": Reads.PRESENT,
        "certificates": Reads.PRESENT,
        "dashboards": Reads.HISTORY,
        "drill_dump": Reads.ACTS,
        "drill_files": Reads.ACTS,
        "drill_moment": Reads.ACTS,
        "drill_namespace": Reads.ACTS,
        "drill_region": Reads.ACTS,
        "drill_snapshot": Reads.ACTS,
        "error_log_archive": Reads.HISTORY,
        "error_logs": Reads.PRESENT,
        "expire_object_versions": Reads.ACTS,
        "fail_over_region": Reads.ACTS,
        "health": Reads.BOTH,
        "kpi_report": Reads.HISTORY,
        "log_archive": Reads.PRESENT,
        "metrics": Reads.HISTORY,
        "resource_usage": Reads.BOTH,
        "restore_bundle": Reads.ACTS,
        "restore_component": Reads.ACTS,
        "restore_dump": Reads.ACTS,
        "restore_files": Reads.ACTS,
        "restore_moment": Reads.ACTS,
        "restore_namespace": Reads.ACTS,
        "restore_object_version": Reads.ACTS,
        "restore_parts": Reads.ACTS,
        "restore_snapshot": Reads.ACTS,
        "restore_volumes": Reads.ACTS,
        "return_traffic": Reads.ACTS,
        "roll_back": Reads.ACTS,
        "security_alerts": Reads.HISTORY,
        "slo": Reads.HISTORY,
        "verify_backup": Reads.ACTS,
        "vulnerabilities": Reads.PRESENT,
    }


def test_an_unknown_kind_is_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigurationError, match="no kind of procedure 'nope'; one of alert_rules, "):
        kind("nope")


def test_importing_them_is_light() -> None:
    code = "import json, sys, upkeep.checks.kinds; print(json.dumps(list(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=True,
        cwd=SYSTEMS.parent,
        timeout=60,
    )
    assert HEAVY.isdisjoint(json.loads(done.stdout))


@pytest.mark.parametrize("name", sorted(kinds()))
def test_every_kind_refuses_what_it_does_not_know(name: str) -> None:
    with pytest.raises(ValidationError, match="unheard_of"):
        kind(name).parameters.model_validate({"unheard_of": 1})


@pytest.mark.parametrize("name", sorted(kinds()))
def test_every_kind_and_parameter_is_explained(name: str) -> None:
    one = kind(name)
    assert one.summary.endswith(".")
    fields = one.parameters.model_json_schema()["properties"]
    assert [field for field, schema in fields.items() if not schema.get("description")] == []


def uses() -> list[Any]:
    found = []
    for path in sorted(SYSTEMS.glob("*.yaml")):
        system = System.model_validate(YAML(typ="safe").load(path.read_text(encoding="utf-8")))
        for routine in system.routines:
            looking = [use for use in routine.procedures if kind(use.kind).act is None]
            found += [pytest.param(system, use, id=use.id) for use in looking]
    return found


@pytest.mark.parametrize(("system", "use"), uses())
def test_every_use_in_the_catalog_lists_its_checks(system: System, use: ProcedureUse) -> None:
    one = kind(use.kind)
    parameters = one.parameters.model_validate(use.parameters)
    # No client is there to be asked: listing must not need one.
    checks = list(one.checks(make_context(system), parameters))
    names = [check.name for check in checks]
    assert names
    assert len(names) == len(set(names))
    assert all(check.source for check in checks)
    if one.reads in (Reads.HISTORY, Reads.PRESENT):
        assert {check.present for check in checks} == {one.reads is Reads.PRESENT}


@pytest.mark.parametrize("name", ["health", "resource_usage"])
def test_a_kind_that_reads_both_says_which_check_reads_what(name: str) -> None:
    metric = {"title": "It", "promql": "it", "unit": "ratio"}
    context = make_context(make_system(metrics={"it": metric}, workload={"namespace": "shop"}))
    parameters = kind(name).parameters.model_validate({"metrics": ["it"], "nodes": True})
    present = {check.name: check.present for check in kind(name).checks(context, parameters)}
    assert present == {"it": False, "nodes" if name == "health" else "node_usage": True}
