"""The operators of procedures that change something: one task for each stage."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator, BaseSensorOperator, PokeReturnValue
from airflow.sdk.exceptions import AirflowSkipException

from upkeep.acts.model import Act, Does, Result, Stage
from upkeep.backups.provider import WORKER, Provider
from upkeep.errors import PermanentError
from upkeep.operators.procedure import FindingsOfTask
from upkeep.operators.run import RoutineFacts, run_moment, run_of, run_parameters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from airflow.sdk import Context

    from upkeep.catalog.models import System
    from upkeep.operators.clients import AirflowClients


@dataclass(frozen=True)
class StageFacts:
    """What the task of a stage knows of it; plain values.

    procedure: the id of the stages' task group. earlier: the
    stages whose results it may read. fields: the form's fields, each with the
    run's parameter that holds it and its default.
    """

    routine: RoutineFacts
    procedure_id: str
    procedure: str
    kind: str
    stage: str
    parameters: dict[str, Any]
    fields: dict[str, tuple[str, Any]]
    earlier: list[str]
    fail_on: list[str]


class OfStage(FindingsOfTask):
    """What the tasks of all stages share."""

    facts: StageFacts

    def _take(self, facts: StageFacts) -> None:
        self.facts = facts
        self.routine = facts.routine
        self.procedure_id = facts.procedure_id
        self.kind = facts.kind
        self.fail_on = facts.fail_on

    def _run(self, context: Context) -> Result:
        """Do the stage's work, record its findings, and let the worst decide."""
        from upkeep.catalog.compiled import Catalog
        from upkeep.operators.clients import AirflowClients

        wanted = run_parameters(context, self.routine)
        if not wanted.wants(self.facts.procedure):
            raise AirflowSkipException("not among the procedures that this run was asked for")
        stage, parameters = self._stage()
        past = run_moment(context, self.routine, wanted).past
        dry = wanted.is_dry(context["dag_run"].run_type.value)
        if reason := past or (_DRY.get(stage.does) if dry else None):
            self._record(context, [], f"{stage.title}: {reason}")
            raise AirflowSkipException(reason)
        system = Catalog().system(self.routine["system"])
        with AirflowClients(system) as clients:
            assert stage.function is not None  # noqa: S101  approvals have a task of their own
            result = stage.function(self._act(context, system, clients, dry=dry), parameters)
        self.log.info(result.said)
        if result.ready:
            findings = list(result.findings)
            self._record(context, findings, None)
            self._raise(run_of(context, self.routine, wanted), findings)
            if findings:
                self._decide(context, findings)
        if result.stop:
            raise AirflowSkipException(result.stop)
        return result

    def _stage(self) -> tuple[Stage, Any]:
        from upkeep.checks.registry import kind

        spec = kind(self.kind)
        if spec.act is None:
            raise PermanentError(f"{self.kind} has no stages")
        stage = next(stage for stage in spec.act.stages if stage.name == self.facts.stage)
        return stage, spec.parameters.model_validate(self.facts.parameters)

    def _act(self, context: Context, system: System, clients: AirflowClients, *, dry: bool) -> Act:
        from upkeep.operators.ledger import ledger_engine

        run = context["dag_run"]
        return Act(
            system_id=self.routine["system"],
            system=system,
            clients=clients,
            engine=ledger_engine(),
            task_id=self.facts.procedure,
            label=label_of(run.dag_id, run.run_id, run.run_after),
            began_at=run.start_date or datetime.now(UTC),
            now=datetime.now(UTC),
            dry_run=dry,
            form=_form(context, self.facts.fields),
            carried=self._carried(context),
            run=(run.dag_id, run.run_id),
            attempt=run.clear_number or 0,
            provider=self._provider(context, system),
        )

    def _provider(self, context: Context, system: System) -> Provider:  # noqa: ARG002 - for those that do more
        """Return what this operator does itself: nothing, unless it is one of a provider's."""
        return WORKER

    def _carried(self, context: Context) -> dict[str, Mapping[str, Any]]:
        carried: dict[str, Mapping[str, Any]] = {}
        for name in self.facts.earlier:
            value = context["ti"].xcom_pull(task_ids=f"{self.facts.procedure}.{name}")
            if isinstance(value, dict):
                carried[name] = value
        return carried


_DRY = {
    Does.CHANGE: "a dry run changes nothing; the plan says what would be done",
    Does.WAIT: "a dry run has nothing to wait for",
    Does.CLEAN: "a dry run has made nothing",
}


class RunStage(OfStage, BaseOperator):
    """Do one stage: look, change, or clean up. Returns what the stage carries to those after it."""

    ui_color = "#fef3c7"

    def __init__(self, *, facts: StageFacts, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._take(facts)

    def execute(self, context: Context) -> dict[str, Any]:
        """Return what later stages read."""
        return dict(self._run(context).carried)


class WaitForStage(OfStage, BaseSensorOperator):
    """Ask again and again whether something is ready, holding no worker in between."""

    ui_color = "#e0e7ff"

    def __init__(self, *, facts: StageFacts, **kwargs: Any) -> None:
        super().__init__(mode="reschedule", **kwargs)
        self._take(facts)

    def poke(self, context: Context) -> PokeReturnValue:
        """Return whether it is ready, and what it carries."""
        result = self._run(context)
        return PokeReturnValue(result.ready, dict(result.carried))


def label_of(dag_id: str, run_id: str, due: datetime) -> str:
    """Return what follows from a run and names what it makes: `20261121t020000z-1a2b3c4d`.

    Lower case letters, digits and a hyphen: every service takes it. Two runs of one moment differ.
    """
    digest = hashlib.sha256(f"{dag_id} {run_id}".encode()).hexdigest()[:8]
    return f"{due.astimezone(UTC):%Y%m%dt%H%M%Sz}-{digest}"


def _form(context: Context, fields: Mapping[str, tuple[str, Any]]) -> dict[str, Any]:
    params = context["params"]
    return {name: params.get(parameter, default) for name, (parameter, default) in fields.items()}
