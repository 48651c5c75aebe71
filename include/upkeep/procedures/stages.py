"""Builds the task group of a procedure that acts: a task for each of its stages, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.empty import EmptyOperator
from airflow.sdk import DAG, BaseOperator, TaskGroup, TriggerRule

from upkeep.acts.model import By, Does
from upkeep.catalog.plans import RoutinePlan, StagePlan, TaskPlan
from upkeep.operators.approving import ApproveStage
from upkeep.operators.run import RoutineFacts
from upkeep.operators.stages import RunStage, StageFacts, WaitForStage

MOST_APPROVALS = 2
"""Persons that a catalog may ask to approve one plan."""


def stages(
    dag: DAG, plan: RoutinePlan, task: TaskPlan, routine: RoutineFacts, before: Sequence[BaseOperator]
) -> tuple[BaseOperator, BaseOperator]:
    """Put the stages of a procedure after other tasks; return the last that must end well, and the last.

    The two differ where the procedure cleans up.
    """
    group = TaskGroup(task.task_id, dag=dag, tooltip=task.procedure_id)
    decisive: BaseOperator | None = None
    earlier: list[str] = []
    for stage in task.stages:
        facts = StageFacts(
            routine=routine,
            procedure_id=task.procedure_id,
            procedure=task.task_id,
            kind=task.kind,
            stage=stage.name,
            parameters=dict(task.parameters),
            fields={field.name: (field.parameter, field.default) for field in task.fields},
            earlier=list(earlier),
            fail_on=list(plan.fail_on),
        )
        common = {"doc_md": task.doc_md, "dag": dag, "task_group": group, "facts": facts}
        for operator in _operators(stage, common):
            for one in before:
                one >> operator
            before = [operator]
            if not operator.is_teardown:
                decisive = operator
        earlier.append(stage.name)
    if decisive is None:
        raise ValueError(f"{task.kind} has no stage that must end well")
    return decisive, before[0]


def _operators(stage: StagePlan, common: dict[str, Any]) -> list[BaseOperator]:
    if stage.does == Does.APPROVE:
        numbers = range(1, MOST_APPROVALS + 1)
        return [ApproveStage(task_id=f"{stage.name}_{n}", number=n, **common) for n in numbers]
    if stage.does == Does.WAIT:
        times = {"poke_interval": stage.poll_seconds, "timeout": stage.longest_seconds}
        return [_operator(stage, WaitForStage)(task_id=stage.name, **times, **common)]
    if stage.does == Does.CLEAN:
        # It runs whatever became of the others, and a mess that stays fails the run. So does what failed
        # before: Airflow judges a run by its last tasks, and `ended` keeps this one from being the only one.
        ended = EmptyOperator(
            task_id="ended",
            trigger_rule=TriggerRule.ALL_DONE,
            on_failure_callback=None,
            dag=common["dag"],
            task_group=common["task_group"],
        ).as_teardown()
        cleaning = _operator(stage, RunStage)(task_id=stage.name, trigger_rule=TriggerRule.ALL_DONE, **common)
        return [ended, cleaning.as_teardown(on_failure_fail_dagrun=True)]
    longest = timedelta(seconds=stage.longest_seconds)
    return [_operator(stage, RunStage)(task_id=stage.name, execution_timeout=longest, **common)]


def _operator(stage: StagePlan, otherwise: type[BaseOperator]) -> Any:
    """Return the provider's operator that does a stage, or otherwise ours.

    Imported here, for few DAGs need one, and it takes up to a second.
    """
    if stage.by == By.WORKER:
        return otherwise
    if stage.by == By.JOB:
        from upkeep.operators.jobs import JobStage

        return JobStage
    from upkeep.operators import rds

    return {
        By.SNAPSHOT: rds.SnapshotStage,
        By.SNAPSHOT_SENSOR: rds.WaitForSnapshot,
        By.SNAPSHOT_DELETION: rds.DeleteSnapshots,
        By.INSTANCE_SENSOR: rds.WaitForInstance,
        By.INSTANCE_DELETION: rds.DeleteInstance,
    }[By(stage.by)]
