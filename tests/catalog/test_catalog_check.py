"""Checking a system's file: every class of mistake, with its place, in exact words."""

# ruff: noqa: E501  messages are compared whole

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from upkeep.catalog.check import check_catalog, check_file
from upkeep.catalog.problems import errors
from upkeep.checks.context import Check, CheckContext
from upkeep.checks.registry import Parameters, Reads, register
from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from conftest import Folder

USE = "kind: metrics\n        parameters: {metrics: [error_ratio]}"

ROTATION = "rotations:\n  nights: {members: [oncall, team_lead]}\n# Who is paged"
TIERS = (
    """\
tiers:
  first:
    title: First
    availability: business_hours_and_on_call
    on_call: nights
    response_minutes: 15
    responsibilities: [Answers]
"""
    + ROTATION
)


def wrong(path: Path) -> list[str]:
    """Return the file's errors, each as the text that it points at, an arrow and the message."""
    lines = path.read_text(encoding="utf-8").splitlines()
    said = []
    for problem in errors(check_file(path)[1]):
        line, column, message = str(problem).removeprefix(f"{path}:").split(":", 2)
        pointed = re.split(r"[,:\]} ]", lines[int(line) - 1][int(column) - 1 :])[0]
        said.append(f"{pointed} →{message}")
    return said


def test_a_starter_is_right_but_for_its_placeholders(folder: Folder) -> None:
    system, problems = check_file(folder.add("shop"))
    assert system is not None
    assert system.title == "Shop"
    assert not errors(problems)
    assert [str(problem).rpartition("/")[2] for problem in problems] == [
        "shop.yaml:12:3: owners.oncall: On-call engineer has a placeholder for a contact, "
        "fill in the real one and remove 'placeholder' (warning)",
        "shop.yaml:17:3: owners.team_lead: Team lead has a placeholder for a contact, "
        "fill in the real one and remove 'placeholder' (warning)",
    ]


SAID = [
    # Keys
    (
        ("    owner: oncall\n", "    ownr: oncall\n"),
        [
            "name → routines[0]: the key 'owner' is missing, add it: text",
            "ownr → routines[0].ownr: unknown key 'ownr', did you mean 'owner'? Known keys: name, title, purpose, "
            "cadence, schedule, timezone, owner, deadline_minutes, timeout_minutes, retry, outcome, "
            "when_it_fails, procedures",
        ],
    ),
    (
        ("    runbook: high_error_rate\n  error", "    runbok: high_error_rate\n  error"),
        [
            "runbok → metrics.service_up.runbok: unknown key 'runbok', did you mean 'runbook'? Known keys: title, promql, "
            "unit, warning, critical, group, absent_is_zero, escalate_after_minutes, runbook"
        ],
    ),
    (
        ("  team_lead: {", "  Team-Lead: {"),
        [
            "Team-Lead → owners.Team-Lead: 'Team-Lead' has not the right form, "
            "write lower-case letters, digits and underscores, beginning with a letter"
        ],
    ),
    # Types and values
    (
        ("    deadline_minutes: 30", "    deadline_minutes: soon"),
        ["soon → routines[0].deadline_minutes: 'soon' is text, write a number"],
    ),
    (
        ("    deadline_minutes: 30", "    deadline_minutes: 0"),
        ["0 → routines[0].deadline_minutes: 0 is too small, write a number above 0"],
    ),
    (
        ("    deadline_minutes: 30", "    deadline_minutes:"),
        [
            "deadline_minutes → routines[0].deadline_minutes: the value is empty, write a number, or leave the key out"
        ],
    ),
    (
        ('below: "1"', "below: 1"),
        [
            "1 → metrics.service_up.critical[0].below: 1 is a number, write text, in quotes",
        ],
    ),
    (
        ("response_minutes: 5,", "response_minutes: 1.5,"),
        ["1.5 → escalation.severities.P0.response_minutes: 1.5 is no whole number, write a whole number"],
    ),
    (
        ("    cadence: daily", "    cadence: dayly"),
        [
            "dayly → routines[0].cadence: 'dayly' is not allowed here, "
            "did you mean 'daily'? Write one of daily, weekly, monthly, quarterly, backup, recovery, drill"
        ],
    ),
    (
        ("    url: https://", "    url: ftp://"),
        [
            "ftp → dashboards.overview.url: 'ftp://grafana.shop.example/d/overview' has not the right form, "
            "write a link that begins with https:// or http://"
        ],
    ),
    # Limits
    (
        ("above: 0.5 %", "above: 500 ms"),
        [
            "500 → metrics.error_ratio.warning[0].above: '500 ms' is in seconds, but ratio is needed, "
            "for example 1 %"
        ],
    ),
    (
        ("above: 0.5 %", "above: half"),
        [
            "half → metrics.error_ratio.warning[0].above: 'half' is no quantity: a number and a unit are needed, "
            "for example 1 %, 500 ms, 10 GiB"
        ],
    ),
    (
        ("above: 0.5 %", "above: 0.5 %, below: 0.1 %"),
        ["{above → metrics.error_ratio.warning[0]: a limit has exactly one of above and below"],
    ),
    # Time
    (
        ('schedule: "0 9 * * *"', 'schedule: "0 25 * * *"'),
        [
            "\"0 → routines[0].schedule: '0 25 * * *' is no cron expression, write five fields: "
            "minute hour day month weekday, such as '0 9 * * *' for 09:00 every day"
        ],
    ),
    (
        ('schedule: "0 9 * * *"', 'schedule: "@daily"'),
        [
            "\"@daily\" → routines[0].schedule: '@daily' is no cron expression, write five fields: "
            "minute hour day month weekday, such as '0 9 * * *' for 09:00 every day"
        ],
    ),
    (
        ('schedule: "0 9 * * *"', 'schedule: "0 9 30 2 *"'),
        ["\"0 → routines[0].schedule: '0 9 30 2 *' is never due, write a day that its months have"],
    ),
    (
        ("timezone: UTC", "timezone: Europe/Berlinn"),
        [
            "Europe/Berlinn → timezone: there is no time zone 'Europe/Berlinn', write an IANA name such as Europe/Berlin"
        ],
    ),
    # References
    (
        ("    owner: oncall\n", "    owner: on_call\n"),
        [
            "on_call → routines[0].owner: there is no owner 'on_call', did you mean 'oncall'? Known owners: oncall, team_lead"
        ],
    ),
    (
        ("- {owner: team_lead", "- {owner: boss"),
        [
            "boss → escalation.chains.standard.levels[1].owner: there is no owner 'boss', "
            "known owners: oncall, team_lead"
        ],
    ),
    (
        ("default_chain: standard", "default_chain: usual\n  by_symptom: {slow: other}"),
        [
            "usual → escalation.default_chain: there is no chain 'usual', known chains: standard",
            "other → escalation.by_symptom.slow: there is no chain 'other', known chains: standard",
        ],
    ),
    (
        ("metrics: [service_up, error_ratio]", "metrics: [service_up, error_rate]"),
        [
            "error_rate → dashboards.overview.metrics[1]: there is no metric 'error_rate', "
            "did you mean 'error_ratio'? Known metrics: service_up, error_ratio"
        ],
    ),
    (
        ("runbook: high_error_rate\n  error", "runbook: none_such\n  error"),
        [
            "none_such → metrics.service_up.runbook: there is no runbook 'none_such', known runbooks: high_error_rate"
        ],
    ),
    # Who answers, and when
    (
        ("  team_lead: {", "  team_lead: {tier: second, "),
        ["second → owners.team_lead.tier: there is no tier 'second', no tiers are defined"],
    ),
    (
        ("# Who is paged", TIERS.replace("on_call: nights", "on_call: night")),
        [
            "night → tiers.first.on_call: there is no owner 'night', "
            "did you mean 'nights'? Known owners: oncall, team_lead, nights"
        ],
    ),
    (
        ("# Who is paged", ROTATION.replace("team_lead", "team_led")),
        [
            "team_led → rotations.nights.members[1]: there is no owner 'team_led', "
            "did you mean 'team_lead'? Known owners: oncall, team_lead"
        ],
    ),
    (
        ("# Who is paged", ROTATION.replace("team_lead", "nights")),
        [
            "nights → rotations.nights.members[1]: there is no owner 'nights', known owners: oncall, team_lead",
        ],
    ),
    # Duties
    (
        ("- id: shop/daily/error-rates", "- id: shop/daily/error-rate"),
        [
            "shop/daily/error-rate → routines[0].procedures[0].id: 'shop/daily/error-rate' is no duty of shop, "
            "did you mean 'shop/daily/error-rates'? Known duties: shop/daily/error-rates, shop/daily/dashboards"
        ],
    ),
    (
        ("{id: shop/daily/dashboards, what", "{id: shop/daily/error-rates, what"),
        [
            "shop/daily/error-rates → duties[1].id: the duty 'shop/daily/error-rates' is listed twice, keep one of the two",
            "shop/daily/dashboards → routines[0].procedures[1].id: 'shop/daily/dashboards' is no duty of shop, "
            "did you mean 'shop/daily/error-rates'? Known duties: shop/daily/error-rates",
        ],
    ),
    (
        ("default_chain: standard", "default_chain: standard\n  serves: [shop/escalation/chain]"),
        [
            "shop/escalation/chain → escalation.serves[0]: 'shop/escalation/chain' is no duty of the system, "
            "known duties: shop/daily/dashboards, shop/daily/error-rates"
        ],
    ),
    # KPIs
    (
        (
            "# Everything that",
            "kpis:\n  uptime: {title: Uptime, above_ratio: 0.9, slo: up}\n# Everything that",
        ),
        ["up → kpis.uptime.slo: there is no objective 'up', no objectives are defined"],
    ),
    (
        (
            "# Everything that",
            "kpis:\n  happy: {title: Happy, above_ratio: 0.9, metric: joy}\n# Everything that",
        ),
        ["joy → kpis.happy.metric: there is no metric 'joy', known metrics: service_up, error_ratio"],
    ),
    # Procedures
    (
        ("parameters: {metrics: [error_ratio]}", "parameters: {metrics: [error_rate]}"),
        [
            "error_rate → routines[0].procedures[0].parameters.metrics[0]: there is nothing called 'error_rate' "
            "among the system's metrics, did you mean 'error_ratio'? Known metrics: service_up, error_ratio"
        ],
    ),
    (
        ("parameters: {metrics: [error_ratio]}", "parameters: {metric: [error_ratio]}"),
        [
            "metric → routines[0].procedures[0].parameters.metric: unknown key 'metric', "
            "did you mean 'metrics'? Known keys: metrics, groups"
        ],
    ),
    (
        ("parameters: {metrics: [error_ratio]}", "parameters: {metrics: error_ratio}"),
        ["error_ratio → routines[0].procedures[0].parameters.metrics: 'error_ratio' is text, write a list"],
    ),
    (
        ("connections:\n  prometheus: shop_prometheus\n", ""),
        [
            "metrics → routines[0].procedures[0].kind: metrics needs the connection 'prometheus', which the system "
            "does not name, add 'connections: {prometheus: <id of an Airflow connection>}'",
            "dashboards → routines[0].procedures[1].kind: dashboards needs the connection 'prometheus', which the system "
            "does not name, add 'connections: {prometheus: <id of an Airflow connection>}'",
        ],
    ),
]


@pytest.mark.parametrize(("change", "said"), SAID)
def test_a_mistake_is_said_with_its_place_and_what_would_be_right(
    folder: Folder, change: tuple[str, str], said: list[str]
) -> None:
    assert wrong(folder.add("shop", change)) == said


def test_a_rotation_may_stand_where_an_owner_is_paged(folder: Folder) -> None:
    level = ("- {owner: team_lead,", "- {owner: nights,")
    system, problems = check_file(folder.add("shop", ("# Who is paged", TIERS), level))
    assert not errors(problems)
    assert system is not None
    assert [one.owner for one in system.escalation.chains["standard"].levels] == ["oncall", "nights"]
    # It owns no routine: one team answers for that.
    owner = ("    owner: oncall\n", "    owner: nights\n")
    assert wrong(folder.add("shop", ("# Who is paged", TIERS), owner)) == [
        "nights → routines[0].owner: there is no owner 'nights', known owners: oncall, team_lead"
    ]


def test_a_tier_that_is_misspelt_is_said_with_the_known_ones(folder: Folder) -> None:
    tier = ("  team_lead: {", "  team_lead: {tier: fist, ")
    assert wrong(folder.add("shop", ("# Who is paged", TIERS), tier)) == [
        "fist → owners.team_lead.tier: there is no tier 'fist', did you mean 'first'? Known tiers: first"
    ]


def test_an_unknown_kind_of_procedure_is_said_with_the_known_ones(folder: Folder) -> None:
    (message,) = wrong(folder.add("shop", ("kind: dashboards}", "kind: dashbords}")))
    assert message.startswith(
        "dashbords → routines[0].procedures[1].kind: there is no kind of procedure 'dashbords', "
        "did you mean 'dashboards'? Known kinds: alert_rules, "
    )


def test_a_text_that_is_not_promql_is_refused_where_it_stands(folder: Folder) -> None:
    (message,) = wrong(folder.add("shop", ('min(up{job="shop"})', 'min(up{job="shop")')))
    assert message.startswith('min(up{job="shop") → metrics.service_up.promql: this is not PromQL: ')


def test_a_routine_without_procedures_is_refused(folder: Folder) -> None:
    path = folder.add("shop")
    text = path.read_text()
    path.write_text(text[: text.index("    procedures:")] + "    procedures: []\n")
    assert wrong(path) == ["[ → routines[0].procedures: the list has too few entries, give at least 1"]


def test_task_ids_are_unique_and_not_those_of_every_routine(folder: Folder) -> None:
    path = folder.add(
        "shop",
        ("{id: shop/daily/dashboards, what", "{id: shop/weekly/error-rates, what"),
        ("{id: shop/daily/dashboards, kind", "{id: shop/weekly/error-rates, kind"),
    )
    assert wrong(path) == [
        "shop/weekly/error-rates → routines[0].procedures[1].id: the task 'error_rates' is in the routine twice, "
        "also for 'shop/daily/error-rates', move one of the two to another routine"
    ]
    path = folder.add("shop", ("shop/daily/dashboards", "shop/daily/report"))
    assert wrong(path) == [
        "shop/daily/report → routines[0].procedures[1].id: the task would be called 'report', as every routine's own, "
        "give the duty another last part"
    ]


def test_routines_have_names_of_their_own_and_short_enough_for_a_dag(folder: Folder) -> None:
    path = folder.add("shop")
    text = path.read_text()
    routine = text[text.index("  - name: daily_review") :]
    path.write_text(text + routine)
    assert wrong(path) == [
        "daily_review → routines[1].name: there are two routines 'daily_review', give each a name of its own"
    ]
    path = folder.add("shop", ("name: daily_review", f"name: {'a' * 200}"))
    assert wrong(path) == [
        f"{'a' * 200} → routines[0].name: the DAG's id would have 205 characters, shorten it to 200"
    ]


def test_times_that_cannot_be_meant(folder: Folder) -> None:
    retry = "    retry: {delay_seconds: 60, longest_delay_seconds: 10}\n"
    path = folder.add("shop", ("    deadline_minutes: 30\n", f"    deadline_minutes: 1e9\n{retry}"))
    assert wrong(path) == [
        "1e9 → routines[0].deadline_minutes: this is longer than a year, write it in minutes",
        "10 → routines[0].retry.longest_delay_seconds: 10 s is shorter than delay_seconds, 60 s, write 60 or more",
    ]


def test_doubtful_times_are_warned_of(folder: Folder) -> None:
    path = folder.add(
        "shop",
        ('"0 9 * * *"', '"0 9 * * 1"'),
        ("deadline_minutes: 30", "deadline_minutes: 5"),
        ("placeholder", "phone"),
    )
    path.write_text(path.read_text().replace("phone: true", "phone: '1'"))
    system, problems = check_file(path)
    assert system is not None
    assert [str(problem).rpartition("shop.yaml:")[2] for problem in problems] == [
        "80:5: routines[0].timeout_minutes: one task may run for 15 min, but the whole routine is due in 5 min, "
        "set timeout_minutes to 5 or less (warning)",
        "85:15: routines[0].schedule: the routine is daily, but '0 9 * * 1' runs 7 days apart, "
        "change the schedule or the cadence (warning)",
    ]


@pytest.mark.parametrize(
    ("cadence", "schedule"),
    [
        ("daily", "0 9 * * 1-5"),
        ("weekly", "0 2 * * 0"),
        ("monthly", "0 6 * * 6#1"),
        ("monthly", "0 6 28 * *"),
        ("quarterly", "0 6 1 1,4,7,10 *"),
    ],
)
def test_usual_schedules_fit_their_cadence(folder: Folder, cadence: str, schedule: str) -> None:
    path = folder.add("shop", ("cadence: daily", f"cadence: {cadence}"), ('"0 9 * * *"', f'"{schedule}"'))
    assert not [problem for problem in check_file(path)[1] if "schedule" in problem.path]


BACKUP = """
backups:
  database:
    title: Database
    what: all of it
    method: dump
    schedule: "0 3 * * *"
    location: {kind: %s}
    encryption: AES256
"""


@pytest.mark.parametrize(
    ("location", "said"),
    [
        (
            "s3_objects, connection: shop_aws, bucket: b",
            "shop_aws → backups.database.location.connection: there is no connection 'shop_aws', "
            "known connections: shop_prometheus",
        ),
        (
            "replica, metric: lag",
            "lag → backups.database.location.metric: there is no metric 'lag', known metrics: service_up, error_ratio",
        ),
        (
            "s3_object, bucket: b",
            "s3_object → backups.database.location.kind: 's3_object' is not allowed here, "
            "did you mean 's3_objects'? Write one of rds_snapshot, s3_objects, pgbackrest, git, replica",
        ),
        (
            "s3_objects, connection: shop_prometheus",
            "location → backups.database.location: the key 'bucket' is missing, add it: text",
        ),
        (
            "s3_objects, connection: shop_prometheus, bucket: b, buckets: c",
            "buckets → backups.database.location.buckets: unknown key 'buckets', did you mean 'bucket'? "
            "Known keys: kind, connection, bucket, prefix",
        ),
    ],
)
def test_where_backups_are(folder: Folder, location: str, said: str) -> None:
    path = folder.add("shop")
    path.write_text(path.read_text() + BACKUP % location)
    assert wrong(path) == [said]


def test_a_binary_log_continues_dumps(folder: Folder) -> None:
    path = folder.add("shop")
    place = "s3_objects, connection: shop_prometheus, bucket: b"
    source = "    source: {kind: binlog, dumps: databse}\n"
    path.write_text(path.read_text() + BACKUP % place + source)
    assert wrong(path) == [
        "databse → backups.database.source.dumps: there is no dump 'databse', no dumps are defined"
    ]


SECOND_REGION = """
recovery_targets:
  rto_minutes: 240
  rpo_minutes: 60
  second_region:
    region: us-west-2
    source: shop-primary
    replica: shop-standby
    lag_metric: %s
    most_lag_seconds: 600
    dns:
      - {zone: Z1, name: shop.example, primary: [east.example], secondary: [%s]}
    backups:
      - {bucket: shop-west, oldest_hours: 26}
"""


@pytest.mark.parametrize(
    ("metric", "secondary", "said"),
    [
        ("service_up", "west.example", "'service_up' is in count, the lag of a replica is needed in seconds, "
         "name a metric whose unit is seconds"),
        ("lag", "west.example", "there is no metric 'lag', known metrics: service_up, error_ratio"),
        ("replica_lag", "east.example", "shop.example leads to the same in both regions, "
         "write what it leads to in the second region"),
        ("replica_lag", "west.example", None),
    ],
)  # fmt: skip
def test_what_takes_over_in_a_second_region(
    folder: Folder, metric: str, secondary: str, said: str | None
) -> None:
    lag = "metrics:\n  replica_lag: {title: Lag, promql: max(lag_seconds), unit: seconds}\n"
    changes = [("metrics:\n  service_up", f"{lag}  service_up")] if metric == "replica_lag" else []
    path = folder.add("shop", *changes)
    path.write_text(path.read_text() + SECOND_REGION % (metric, secondary))
    place = "dns[0].secondary" if secondary == "east.example" else "lag_metric"
    word = "[east.example" if secondary == "east.example" else metric
    assert wrong(path) == ([f"{word} → recovery_targets.second_region.{place}: {said}"] if said else [])


class EveryParameter(Parameters):
    """Parameters that ask for connections."""

    endpoints: tuple[str, ...] = ()
    policies: tuple[str, ...] = ()
    groups: tuple[str, ...] = ()
    workload: bool = False
    database: Literal["mysql"] | None = None
    source: Literal["loki"] | None = None


def _nothing(context: CheckContext, parameters: EveryParameter) -> Iterable[Check]:
    """Nothing at all."""
    return ()


@pytest.mark.usefixtures("own_kinds")
@pytest.mark.parametrize(
    ("kind", "parameters", "said"),
    [
        (
            "health",
            "{endpoints: [api]}",
            ["nothing called 'api' among the system's health, no health are defined", "'http'"],
        ),
        ("health", "{workload: true}", ["'kubernetes'", "the system names no workload"]),
        ("health", "{groups: [cache]}", ["nothing called 'cache' among the system's groups of metrics"]),
        ("error_logs", "{}", ["'kubernetes'", "the system names no workload"]),
        ("resource_usage", "{database: mysql}", ["'mysql'"]),
        ("error_log_archive", "{source: loki}", ["'loki'"]),
        ("certificates", "{endpoints: [api]}", ["nothing called 'api' among the system's tls"]),
        ("backup_status", "{policies: [none]}", ["nothing called 'none' among the system's backups"]),
    ],
)
def test_what_a_kind_needs_must_be_there(folder: Folder, kind: str, parameters: str, said: list[str]) -> None:
    register(kind, reads=Reads.PRESENT, parameters=EveryParameter)(_nothing)
    path = folder.add("shop", (USE, f"kind: {kind}\n        parameters: {parameters}"))
    messages = wrong(path)
    assert len(messages) == len(said)
    for expected in said:
        assert any(expected in message for message in messages), (expected, messages)


class NeedsSource(Parameters):
    """Parameters with a required one."""

    source: str


@pytest.mark.usefixtures("own_kinds")
def test_a_required_parameter_is_missed_where_the_use_stands(folder: Folder) -> None:
    def nothing(context: CheckContext, parameters: NeedsSource) -> Iterable[Check]:
        """Nothing at all."""
        return ()

    register("needs_source", reads=Reads.HISTORY, parameters=NeedsSource)(nothing)
    path = folder.add("shop", ("kind: dashboards}", "kind: needs_source}"))
    assert wrong(path) == [
        "needs_source → routines[0].procedures[1].kind: the parameter 'source' is missing, "
        "add it to 'parameters' of needs_source"
    ]


def test_a_name_that_is_no_id_is_refused(folder: Folder) -> None:
    path = folder.add("shop")
    for name in ("Shop.yaml", "my_shop.yaml", "shop.yml.yaml", "läden.yaml"):
        renamed = path.with_name(name)
        renamed.write_text(path.read_text())
        assert wrong(renamed)[0] == (
            f"# → the file: the file's name {name!r} gives no system id, "
            "name it in lower-case letters, digits and hyphens, ending in .yaml"
        )


def test_two_systems_of_one_name_are_both_refused_and_the_others_stand(folder: Folder) -> None:
    folder.add("bank")
    for suffix in (".yaml", ".yml"):
        folder.add("shop", suffix=suffix)
    checked = check_catalog(folder.path)
    assert list(checked.systems) == ["bank"]
    assert [str(problem).removeprefix(f"{folder.path}/") for problem in errors(checked.problems)] == [
        "shop.yaml:1:1: the file: two systems of one name: shop.yml would be the same system, "
        "keep one file or rename the other",
        "shop.yml:1:1: the file: two systems of one name: shop.yaml would be the same system, "
        "keep one file or rename the other",
    ]


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"nowhere cannot be read: No such file.*set UPKEEP_SYSTEMS"):
        check_catalog(tmp_path / "nowhere")


def test_other_files_are_none_of_the_catalogs(folder: Folder) -> None:
    for name in ("schema.json", ".hidden.yaml", "README.md", "shop.yaml~"):
        (folder.path / name).write_text("x: [")
    assert check_catalog(folder.path).problems == []


def test_no_secret_is_asked_for_or_shown(folder: Folder) -> None:
    path = folder.add("shop", ("prometheus: shop_prometheus", "prometheus: 'http://user:pass@host'"))
    (message,) = wrong(path)
    assert "the id of an Airflow connection" in message
