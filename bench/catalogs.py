"""Catalogs of many systems, and the same DAGs written by hand and for dag-factory."""

from __future__ import annotations

import json
from pathlib import Path

import yaml

from upkeep.catalog.plans import RoutinePlan
from upkeep.procedures import factory

TASKS = 10


def system_file(number: int) -> str:
    """Return a system's YAML file with one daily routine of ten procedures."""
    name = f"bench-{number:04}"
    metric = {"title": "Requests", "promql": f'sum(rate(r_total{{job="{name}"}}[5m]))', "unit": "per_second"}
    names = [f"metric_{task}" for task in range(TASKS)]
    duties = [f"{name}/daily/procedure-{task}" for task in range(TASKS)]
    return yaml.safe_dump(
        {
            "title": f"Bench {number}",
            "description": "A system that is only parsed.",
            "guide": "none",
            "owners": {"sre": {"title": "SRE", "email": "sre@example.com"}},
            "connections": {"prometheus": "bench_prometheus"},
            "metrics": dict.fromkeys(names, metric),
            "escalation": {
                "severities": {},
                "chains": {"main": {"levels": [{"owner": "sre", "wait_minutes": 15}]}},
                "default_chain": "main",
            },
            "duties": [{"id": duty, "what": "A number within its limits"} for duty in duties],
            "routines": [
                {
                    "name": "daily",
                    "title": "Daily review",
                    "purpose": "Ten numbers.",
                    "cadence": "daily",
                    "schedule": "0 9 * * *",
                    "owner": "sre",
                    "deadline_minutes": 60,
                    "procedures": [
                        {"id": duty, "kind": "metrics", "parameters": {"metrics": [metric_name]}}
                        for duty, metric_name in zip(duties, names, strict=True)
                    ],
                }
            ],
        },
        sort_keys=False,
    )


def write_systems(folder: Path, count: int) -> None:
    """Write `count` system files."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        (folder / f"bench-{number:04}.yaml").write_text(system_file(number))


_HEAD = """\
from datetime import timedelta
from airflow.sdk import DAG, AsyncCallback, CronTriggerTimetable, DeadlineAlert, Param
from upkeep.deadlines.run_due import RunDue
from upkeep.operators.checks import RunChecks
from upkeep.operators.errors import retry_policy
from upkeep.operators.opening import OpenRun
from upkeep.operators.report import WriteReport
"""


def by_hand(plans: list[RoutinePlan]) -> str:
    """Return a DAG file with every DAG written out as a person would."""
    return _HEAD + "\n".join(map(_dag_by_hand, plans))


def _dag_by_hand(plan: RoutinePlan) -> str:
    routine = factory.routine_facts(plan)
    choices = [task.task_id for task in plan.tasks]
    tasks = "\n".join(
        f"    t{n} = RunChecks(task_id={task.task_id!r}, doc_md={task.doc_md!r}, routine={routine!r}, "
        f"procedure_id={task.procedure_id!r}, kind={task.kind!r}, parameters={dict(task.parameters)!r}, "
        f"fail_on={list(plan.fail_on)!r})\n    opening >> t{n} >> report"
        for n, task in enumerate(plan.tasks)
    )
    return f"""
with DAG(
    {plan.dag_id!r}, description={plan.title!r}, doc_md={plan.doc_md!r},
    schedule=CronTriggerTimetable({plan.schedule!r}, timezone={plan.timezone!r}, interval=timedelta(days=1)),
    catchup=False, max_active_runs=1, tags={list(plan.tags)!r}, owner_links={dict(plan.owner_links)!r},
    default_args=dict(owner={plan.owner!r}, pool={plan.pool!r}, retries={plan.retries},
        retry_delay=timedelta(seconds={plan.delay_seconds}), retry_exponential_backoff=2.0,
        max_retry_delay=timedelta(seconds={plan.longest_delay_seconds}), retry_policy=retry_policy(),
        execution_timeout=timedelta(seconds={plan.timeout_seconds})),
    params=dict(
        as_of=Param(None, type=["null", "string"], format="date-time", title="As of", description="When"),
        procedures=Param([], type="array", items=dict(type="string", enum={choices!r}), examples={choices!r},
            title="Procedures", description="Which"),
        dry_run=Param("auto", type="string", enum=["auto", "yes", "no"], title="Dry", description="Dry"),
    ),
    deadline=DeadlineAlert(reference=RunDue(), interval=timedelta(seconds={plan.deadline_seconds}),
        callback=AsyncCallback({factory.MISSED!r}, kwargs=dict(system={plan.system!r},
            routine={plan.routine!r}, owner={plan.owner!r}, deadline_seconds={plan.deadline_seconds}))),
):
    opening = OpenRun(task_id="open_run", routine={routine!r})
    report = WriteReport(task_id="report", routine={routine!r}).as_teardown()
{tasks}
"""


def for_dag_factory(plans: list[RoutinePlan]) -> str:
    """Return the same DAGs as a dag-factory file; it has no words for deadlines and retry policies."""
    return yaml.safe_dump({plan.dag_id: _dag_for_factory(plan) for plan in plans}, sort_keys=False)


def _dag_for_factory(plan: RoutinePlan) -> dict[str, object]:
    routine = json.loads(json.dumps(factory.routine_facts(plan)))
    names = [task.task_id for task in plan.tasks]
    tasks: list[dict[str, object]] = [
        {"task_id": "open_run", "operator": "upkeep.operators.opening.OpenRun", "routine": routine}
    ]
    tasks += [
        {
            "task_id": task.task_id,
            "operator": "upkeep.operators.checks.RunChecks",
            "doc_md": task.doc_md,
            "routine": routine,
            "procedure_id": task.procedure_id,
            "kind": task.kind,
            "parameters": dict(task.parameters),
            "fail_on": list(plan.fail_on),
            "dependencies": ["open_run"],
        }
        for task in plan.tasks
    ]
    tasks.append(
        {
            "task_id": "report",
            "operator": "upkeep.operators.report.WriteReport",
            "routine": routine,
            "dependencies": names,
        }
    )
    return {
        "description": plan.title,
        "doc_md": plan.doc_md,
        "schedule": plan.schedule,
        "catchup": False,
        "max_active_runs": 1,
        "tags": list(plan.tags),
        "default_args": {"owner": plan.owner, "pool": plan.pool, "retries": plan.retries},
        # Plain defaults: dag-factory has no words for a parameter's type, choices and description.
        "params": {"as_of": None, "procedures": [], "dry_run": "auto"},
        "tasks": tasks,
    }
