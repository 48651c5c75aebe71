"""The catalog holds the guides' facts: a sample of each, and every duty."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from upkeep.catalog.compiled import Catalog
from upkeep.catalog.coverage import coverage
from upkeep.catalog.models import System

FOLDER = Path(__file__).parents[2] / "include" / "systems"
DUTIES = {"quikapp": 33, "maintenance-api": 42, "zetra": 51, "lessay": 16, "tapio": 43}
"""How many procedures each guide asks for."""
WHOLE = {"daily", "alert", "slo", "escalation", "kpi", "backup", "recovery", "disaster"}
"""Topics of which every duty is promised."""
PROMISED = [
    line
    for line in (Path(__file__).parent / "promised.txt").read_text().splitlines()
    if line and not line.startswith("#")
]


def load(system_id: str) -> System:
    return System.model_validate(YAML(typ="safe").load(FOLDER / f"{system_id}.yaml"))


@pytest.fixture(scope="module")
def systems() -> dict[str, System]:
    return {system_id: load(system_id) for system_id in DUTIES}


def test_the_five_systems_are_there():
    assert {file.stem for file in FOLDER.glob("*.yaml")} == set(DUTIES)


@pytest.mark.parametrize("system_id", DUTIES)
def test_editors_find_the_schema(system_id):
    first = (FOLDER / f"{system_id}.yaml").read_text().splitlines()[0]
    assert first == "# yaml-language-server: $schema=schema.json"


@pytest.mark.parametrize(("system_id", "count"), DUTIES.items())
def test_every_duty_is_listed_once(systems, system_id, count):
    ids = [duty.id for duty in systems[system_id].duties]
    assert len(ids) == len(set(ids)) == count
    assert all(one.startswith(f"{system_id}/") for one in ids)


@pytest.mark.parametrize("system_id", DUTIES)
def test_a_duty_says_more_than_its_id(systems, system_id):
    assert all(len(duty.what.split()) >= 2 for duty in systems[system_id].duties)


def test_the_promised_duties_have_a_task(systems):
    served = {
        one
        for system in systems.values()
        for routine in system.routines
        for use in routine.procedures
        for one in use.serves
    }
    paged = {one for system in systems.values() for one in system.escalation.serves}
    known = {duty.id for system in systems.values() for duty in system.duties}
    assert set(PROMISED) <= known
    assert served | paged == set(PROMISED)
    looking = {"daily", "monthly"}
    uses = Counter(
        use.id
        for system in systems.values()
        for routine in system.routines
        if routine.cadence in looking
        for use in routine.procedures
    )
    assert set(uses.values()) == {1}


def test_every_daily_alert_objective_escalation_backup_and_recovery_is_promised(systems):
    asked = {
        duty.id
        for system in systems.values()
        for duty in system.duties
        if duty.id.split("/")[1]
        in {"daily", "alert", "slo", "escalation", "kpi", "backup", "recovery", "disaster"}
    }
    others = {
        "maintenance-api/metric/application", "maintenance-api/incident/severities",
        "quikapp/weekly/dr-test-nonprod", "quikapp/monthly/full-dr-drill", "quikapp/monthly/test-restore",
        "maintenance-api/monthly/disaster-recovery-test", "zetra/monthly/disaster-recovery-test",
        "lessay/weekly/configuration-export", "tapio/monthly/backup-verification",
        "tapio/monthly/disaster-recovery-test", "tapio/quarterly/full-disaster-recovery-test",
    }  # fmt: skip
    assert asked | others == set(PROMISED)


def test_paging_serves_every_escalation_and_every_alert_that_names_who_hears_of_it(systems):
    paged = {one for system in systems.values() for one in system.escalation.serves}
    escalations = {
        duty.id
        for system in systems.values()
        for duty in system.duties
        if duty.id.split("/")[1] == "escalation"
    }
    assert paged == escalations | {
        "maintenance-api/incident/severities",
        "maintenance-api/alert/critical", "maintenance-api/alert/warning",
        "zetra/alert/p1", "zetra/alert/p2", "zetra/alert/p3",
    }  # fmt: skip


def test_coverage_names_the_task_that_pages():
    tasks = {one.id: (one.dag_id, one.task_id) for one in coverage(Catalog(FOLDER))}
    assert {tasks[one] is not None for one in PROMISED} == {True}
    assert tasks["quikapp/escalation/levels"] == ("upkeep_escalation", "escalate")
    assert tasks["maintenance-api/incident/severities"] == ("upkeep_escalation", "escalate")
    assert tasks["zetra/kpi/report"] == ("zetra_kpi_report", "kpi_report")
    # Where the limits are evaluated says more than where all alerts go.
    assert tasks["zetra/alert/p1"] == ("zetra_daily_checks", "health_dashboards")
    assert {one for one, task in tasks.items() if task[0]} == set(PROMISED)


@pytest.mark.parametrize("system_id", DUTIES)
def test_what_an_entry_names_exists(systems, system_id):
    """Owners, runbooks, metrics and policies: a name that leads nowhere would be found at 03:00."""
    system = systems[system_id]
    owners, runbooks, metrics = set(system.owners), set(system.runbooks), set(system.metrics)
    assert {duty.owner for duty in system.duties} - {None} <= owners
    assert {routine.owner for routine in system.routines} <= owners
    assert {level.owner for chain in system.escalation.chains.values() for level in chain.levels} <= owners
    assert {document.owner for document in system.documents.values()} - {None} <= owners
    assert {metric.runbook for metric in system.metrics.values()} - {None} <= runbooks
    assert {alert.runbook for alert in system.alerts.values()} - {None} <= runbooks
    assert {name for dashboard in system.dashboards.values() for name in dashboard.metrics} <= metrics
    assert {slo.metric for slo in system.slos.values()} - {None} <= metrics
    groups = {metric.group for metric in system.metrics.values()}
    for routine in system.routines:
        for use in routine.procedures:
            assert set(use.parameters.get("metrics", [])) <= metrics
            assert set(use.parameters.get("groups", [])) <= groups
            assert set(use.parameters.get("policies", [])) <= set(system.backups)
            endpoints = set(system.tls) if use.kind == "certificates" else set(system.health)
            assert set(use.parameters.get("endpoints", [])) <= endpoints


@pytest.mark.parametrize("system_id", DUTIES)
def test_connections_are_named_after_the_system(systems, system_id):
    prefix = system_id.replace("-", "_")
    for role, connection in systems[system_id].connections.items():
        assert connection == f"{prefix}_{role}"


def limits(system: System, metric: str) -> dict[str, list[str]]:
    found = system.metrics[metric]
    return {"warning": [one.text for one in found.warning], "critical": [one.text for one in found.critical]}


def waits(system: System, chain: str) -> list[float]:
    return [level.wait_minutes for level in system.escalation.chains[chain].levels]


def test_quikapp(systems):
    system = systems["quikapp"]
    assert {name: system.owners[name].email for name in ("oncall", "sre", "security", "dba")} == {
        "oncall": "oncall@quikapp.com",
        "sre": "sre@quikapp.com",
        "security": "security@quikapp.com",
        "dba": "dba@quikapp.com",
    }
    assert system.workload
    assert system.workload.namespace == "quikapp-live"
    assert limits(system, "error_ratio")["critical"] == ["> 1 %"]
    assert limits(system, "latency_p95")["warning"] == ["> 200 ms"]
    assert limits(system, "message_delivery_p95")["warning"] == ["> 1 s"]
    assert limits(system, "pod_cpu_ratio")["warning"] == ["> 70 %"]
    assert limits(system, "redis_memory_ratio")["warning"] == ["> 80 %"]
    # Level 1 for 15 min, level 2 until 30, level 3 until 60, then VP/CTO for what is major.
    assert waits(system, "levels") == [15, 15, 30, 60]
    assert system.escalation.chains["levels"].levels[-1].only_major
    assert {d.url.rsplit("/", 1)[1] for d in system.dashboards.values()} == {
        "overview",
        "api",
        "database",
        "kafka",
    }
    assert {name: (a.label, a.severity) for name, a in system.alerts.items()} == {
        "HighErrorRate": ("critical", "P0"),
        "PodCrashLoopBackOff": ("high", "P1"),
    }
    assert system.runbooks["high_error_rate"].escalate_after_minutes == 15
    assert system.backups["database"].keep.daily_days == 30
    assert system.backups["database"].encryption == "aws:kms"
    assert system.recoveries["test_restore"].parameters["target"] == "quikapp-restore-test"
    assert system.tls["auth"].host == "auth.quikapp.com"
    assert list(system.incident_steps) == [
        "detection", "containment", "investigation", "recovery", "lessons_learned",
    ]  # fmt: skip
    assert {r.name: (r.schedule, r.owner) for r in system.routines} == {
        "daily_review": ("0 9 * * *", "sre"),
        "daily_backups": ("0 10 * * *", "dba"),
        "daily_vulnerabilities": ("0 7 * * *", "security"),
        "backup_database": ("0 3 * * *", "dba"),
        "restore_snapshot": (None, "dba"),
        "restore_point_in_time": (None, "dba"),
        "restore_file": (None, "sre"),
        "verify_backup": (None, "dba"),
        "drill_restore": ("0 5 15 * *", "dba"),
        "drill_nonprod": ("0 6 * * 5", "devops"),
        "drill_full": ("0 6 * * 1#1", "sre"),
    }


def test_maintenance_api(systems):
    system = systems["maintenance-api"]
    assert {name: slo.target_ratio for name, slo in system.slos.items()} == {
        "availability": 0.999,
        "latency": 0.95,
        "error_rate": 0.99,
    }
    assert all(slo.alert_for_minutes == 5 for slo in system.slos.values())
    assert limits(system, "error_ratio") == {"warning": ["> 1 % for 5 min"], "critical": ["> 5 %"]}
    assert limits(system, "service_up")["critical"] == ["< 1 for 1 min"]
    assert limits(system, "latency_p95")["warning"] == ["> 500 ms for 5 min"]
    assert limits(system, "container_memory_ratio")["critical"] == ["> 90 %"]
    assert limits(system, "disk_free_ratio")["warning"] == ["< 10 %"]
    assert limits(system, "certificate_seconds_left")["warning"] == ["< 30 d"]
    targets = {
        name: (one.response_minutes, one.resolution_minutes)
        for name, one in system.escalation.severities.items()
    }
    assert targets == {"P0": (5, 60), "P1": (15, 240), "P2": (60, 1440), "P3": (1440, 10080)}
    assert waits(system, "on_call") == [15, 30, 60]
    chain = system.escalation.chains["on_call"].levels
    assert [(level.owner, level.duties) for level in chain] == [
        ("platform_team", ["Primary"]), ("backend_team", ["Secondary"]),
        ("engineering_manager", ["Escalation"]),
    ]  # fmt: skip
    assert limits(system, "container_cpu_ratio")["warning"] == ["> 80 % for 5 min"]
    assert limits(system, "database_up")["critical"] == ["< 1"]
    # A critical alert goes to PagerDuty first, and to Slack.
    assert [level.channels for level in chain[:2]] == [["pagerduty", "slack", "email"]] * 2
    policy = system.backups["database"]
    assert (policy.schedule, policy.keep.daily_days, policy.encryption) == ("0 2 * * *", 30, "AES256")
    assert system.channels.slack_channel == "#maintenance-api-alerts"
    assert system.channels.email == "platform-team@company.com"
    assert system.channels.pagerduty_service == "Maintenance API Service"
    assert system.channels.by_state == {"critical": ["pagerduty", "slack"], "warning": ["slack", "email"]}
    growth = system.capacity.growth
    assert growth
    assert (growth.users_monthly_ratio, growth.requests_monthly_ratio) == (0.10, 0.15)
    assert growth.data_monthly_ratio == 0.05
    pods, nodes = system.capacity.autoscalers["pods"], system.capacity.autoscalers["nodes"]
    assert (pods.minimum, pods.maximum, nodes.minimum, nodes.maximum) == (2, 20, 2, 10)
    assert (pods.up_above_ratio, pods.up_after_minutes) == (0.70, 2)
    assert (nodes.down_below_ratio, nodes.down_after_minutes) == (0.20, 10)
    tasks = [use.task_id for use in system.routines[0].procedures]
    assert tasks == [
        "overnight_alerts", "error_logs", "backup_completion", "resource_usage",
        "application_metrics", "objectives",
    ]  # fmt: skip


def test_zetra(systems):
    system = systems["zetra"]
    assert limits(system, "response_time_p95") == {"warning": ["> 2 s"], "critical": ["> 5 s", "> 30 s"]}
    assert limits(system, "error_ratio") == {"warning": ["> 0.5 %"], "critical": ["> 1 %", "> 5 %"]}
    assert limits(system, "cpu_ratio") == {"warning": ["> 80 %"], "critical": ["> 90 %"]}
    assert limits(system, "memory_ratio") == {"warning": ["> 85 %"], "critical": ["> 95 %"]}
    assert limits(system, "disk_ratio") == {"warning": ["> 85 %"], "critical": ["> 90 %"]}
    severities = [limit.severity for limit in system.metrics["error_ratio"].critical]
    assert severities == ["P1", "P0"]
    assert system.escalation.severity_words["P1"] == "P0"
    assert waits(system, "performance")[:3] == [30, 120, 240]
    assert waits(system, "security")[:3] == [0, 15, 30]
    assert waits(system, "data_loss")[:3] == [0, 0, 0]
    assert waits(system, "service_down")[:3] == [15, 60, 120]
    assert [(tier.availability, tier.response_minutes) for tier in system.tiers.values()] == [
        ("always", 15), ("business_hours_and_on_call", 60), ("on_call", 120),
    ]  # fmt: skip
    assert {name: owner.tier for name, owner in system.owners.items() if owner.tier} == {
        "l1_team_lead": "l1", "l2_team_lead": "l2", "l3_team_lead": "l3",
    }  # fmt: skip
    assert [level.owner for level in system.escalation.chains["security"].levels] == [
        "l1_team_lead", "l2_team_lead", "l3_team_lead", "engineering_manager", "cto",
    ]  # fmt: skip
    kpis = {name: kpi.incidents or kpi.slo or kpi.metric for name, kpi in system.kpis.items()}
    assert kpis == {
        "detection": "detection", "response": "response", "recovery": "recovery",
        "uptime": "uptime", "satisfaction": None,
    }  # fmt: skip
    monthly = {r.name: (r.schedule, r.owner) for r in system.routines if r.cadence == "monthly"}
    assert monthly == {"kpi_report": ("0 0 1 * *", "production_support")}
    assert set(system.vendors) == {"aws_support", "database_vendor", "security_vendor"}
    assert {name: policy.schedule for name, policy in system.backups.items()} == {
        "database": "0 */6 * * *",
        "files": "0 1 * * *",
        "configuration": "30 1 * * *",
        "full_system": "0 3 * * 0",
    }
    assert system.data["application_logs"].older_than_days == 30
    assert system.data["audit_logs"].action == "archive_then_delete"
    assert system.data["audit_logs"].older_than_days == 365
    assert system.data["deleted_tasks"].older_than_days == 90
    assert system.data["old_documents"].storage_class == "GLACIER"
    assert [(k.below_minutes, k.above_ratio) for k in system.kpis.values()] == [
        (5, None), (15, None), (60, None), (None, 0.999), (None, 0.95),
    ]  # fmt: skip
    assert {name: alert.for_minutes for name, alert in system.alerts.items()} == {
        "ApplicationDown": 1,
        "HighErrorRate": 5,
        "HighResponseTime": 5,
    }
    assert system.changes["deploy"].watch_minutes == 15
    assert len(system.changes["deploy"].checklist) == 6
    assert system.capacity.scalings["resources"].limits == {"cpu": "1000m", "memory": "2Gi"}


def test_lessay(systems):
    system = systems["lessay"]
    assert limits(system, "cpu_ratio") == {"warning": ["> 80 % for 5 min"], "critical": ["> 90 % for 5 min"]}
    assert limits(system, "memory_ratio") == {"warning": ["> 85 %"], "critical": ["> 95 %"]}
    assert limits(system, "disk_ratio") == {"warning": ["> 75 %"], "critical": []}
    assert limits(system, "error_ratio") == {"warning": [], "critical": ["> 5 % for 10 min"]}
    assert limits(system, "database_latency_p95")["warning"] == ["> 500 ms"]
    keep = {name: policy.keep for name, policy in system.backups.items()}
    assert (keep["database_hourly"].hourly_days, keep["database_daily"].daily_days) == (7, 30)
    assert keep["files"].daily_days == 14
    assert system.resources.systemd_units == ["lessay-api"]
    chains = {
        symptom: system.escalation.chains[chain].levels[-1 if symptom == "high_api_latency" else 0].owner
        for symptom, chain in system.escalation.by_symptom.items()
    }
    assert chains == {
        "high_api_latency": "senior_engineer",
        "payment_failures": "payment_team",
        "user_login_issues": "auth_team",
    }
    assert system.changes["patch"].watch_minutes == 24 * 60
    assert system.changes["version_upgrade"].canary_ratio == 0.10


def test_tapio(systems):
    system = systems["tapio"]
    assert system.recovery_targets
    assert (system.recovery_targets.rto_minutes, system.recovery_targets.rpo_minutes) == (240, 60)
    assert len(system.recovery_targets.scenarios) == 3
    assert system.workload
    assert system.workload.daemonsets == ["tapio-agent"]
    windows = {name: (w.schedule, w.minutes) for name, w in system.calendar.windows.items()}
    assert windows == {"weekly": ("0 2 * * 0", 120), "monthly": ("0 6 * * 6#1", 240)}
    before = {name: a.minutes_before for name, a in system.calendar.announcements.items()}
    assert (before["week_before"], before["day_before"]) == (10080, 1440)
    scalings = system.capacity.scalings
    assert (scalings["server"].replicas, scalings["agent"].replicas) == (10, 20)
    assert scalings["server_resources"].requests == {"cpu": "2", "memory": "4Gi"}
    assert scalings["storage"].storage == "200Gi"
    changes = system.changes
    assert [changes[name].cadence for name in ("patch_update", "minor_update", "major_update")] == [
        "weekly", "monthly", "quarterly",
    ]  # fmt: skip
    assert (changes["minor_update"].downtime_minutes_most, changes["major_update"].downtime_minutes_most) == (
        10,
        120,
    )
    # Its objective of losing at most 1 h needs a backup every hour.
    assert system.backups["application_state"].schedule == "0 * * * *"
    assert {t.cadence for t in system.training.values()} == {"monthly", "quarterly", "annual", "on_joining"}
    routines = {routine.name: routine for routine in system.routines}
    daily = routines["daily_automation"]
    assert (daily.schedule, daily.deadline_minutes, len(daily.procedures)) == ("0 0 * * *", 15, 5)
    # The first Saturday at 06:00, within 4 h.
    assert {routines[name].schedule for name in ("monthly_backups", "drill_namespace")} == {"0 6 * * 6#1"}
    assert routines["drill_namespace"].deadline_minutes == 240
