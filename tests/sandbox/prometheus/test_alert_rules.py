"""The guides' alert rules: promtool accepts them, and they fire when the guides say."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sandbox.errors import PartMissing
from sandbox.programs import find
from upkeep.catalog.prometheus_rules import first_paged, rule_groups, rules_yaml

ALERTS = Path(__file__).parent / "alerts"
WITH_ALERTS = ("lessay", "maintenance-api", "quikapp", "zetra")


@pytest.fixture(scope="module")
def promtool() -> str:
    try:
        return str(find("promtool"))
    except PartMissing as absent:
        pytest.skip(str(absent))


@pytest.mark.parametrize("system_id", WITH_ALERTS)
def test_promtool_accepts_the_rules(promtool, systems, system_id, tmp_path):
    (tmp_path / "rules.yml").write_text(rules_yaml(rule_groups(system_id, systems[system_id])))
    done = subprocess.run(
        [promtool, "check", "rules", "--lint-fatal", "rules.yml"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{len(systems[system_id].alerts)} rules found" in done.stdout


@pytest.mark.parametrize("system_id", WITH_ALERTS)
def test_rules_fire_when_the_guide_says(promtool, systems, system_id, tmp_path):
    (tmp_path / "rules.yml").write_text(rules_yaml(rule_groups(system_id, systems[system_id])))
    shutil.copy(ALERTS / f"{system_id}.yml", tmp_path / "test.yml")
    done = subprocess.run(
        [promtool, "test", "rules", "test.yml"], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_system_without_alerts_has_no_group(systems):
    assert rule_groups("tapio", systems["tapio"]) == []


def test_a_rule_says_whose_it_is_and_what_to_do(systems):
    (group,) = rule_groups("quikapp", systems["quikapp"])
    rule = next(rule for rule in group["rules"] if rule["alert"] == "PodCrashLoopBackOff")
    assert rule["labels"] == {
        "system": "quikapp",
        "severity": "high",
        "owner": "oncall",
        "issue_type": "service_down",
    }
    assert rule["annotations"]["runbook"] == "pod_crash_loop"
    assert "for" not in rule


def test_the_owner_is_the_first_of_the_chain_that_serves_the_issue(systems):
    assert first_paged(systems["lessay"], "payment") == "payment_team"
    assert first_paged(systems["lessay"], "performance") == "operations"
    assert first_paged(systems["lessay"], "something_else") == "operations"


def test_the_text_reads_back_as_the_same_rules(systems):
    groups = rule_groups("zetra", systems["zetra"])
    assert YAML(typ="safe").load(rules_yaml(groups)) == {"groups": groups}
