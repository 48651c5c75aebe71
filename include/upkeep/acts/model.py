"""A procedure that changes a system is a row of stages; each becomes one task.

find → gate → act → verify → record: a stage that looks runs in a dry run, too; one that changes something
does not. Every stage may be killed and run again: what it makes has a name that follows from the run.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

from upkeep.backups.provider import WORKER, Provider
from upkeep.findings import Finding

if TYPE_CHECKING:
    from pydantic import BaseModel
    from sqlalchemy import Engine

    from upkeep.catalog.models import System
    from upkeep.checks.context import Clients


class Does(StrEnum):
    """What a stage does, which decides when it runs and how."""

    LOOK = "look"
    """Reads; runs in a dry run, too."""
    APPROVE = "approve"
    """Waits for people, where the plan says that it needs them; holds no worker."""
    CHANGE = "change"
    """Changes something; a dry run leaves it out and says so."""
    WAIT = "wait"
    """Asks again and again whether something is ready; holds no worker in between."""
    CLEAN = "clean"
    """Takes away what the run made for itself, whatever became of it."""


class By(StrEnum):
    """What does a stage: a worker, or an operator of one of Airflow's providers, and which of them."""

    WORKER = "worker"
    JOB = "job"
    """Begun by KubernetesJobOperator."""
    SNAPSHOT = "snapshot"
    """Begun by RdsCreateDbSnapshotOperator."""
    SNAPSHOT_SENSOR = "snapshot_sensor"
    """Awaited by RdsSnapshotExistenceSensor."""
    SNAPSHOT_DELETION = "snapshot_deletion"
    """Each by RdsDeleteDbSnapshotOperator."""
    INSTANCE_SENSOR = "instance_sensor"
    """Awaited by RdsDbSensor."""
    INSTANCE_DELETION = "instance_deletion"
    """Begun by RdsDeleteDbInstanceOperator."""


@dataclass(frozen=True)
class Result:
    """What a stage has to say.

    carried: plain values that later stages and the report read; no secrets. ready: of a stage that waits,
    whether it is over. said: one sentence for the log and the task's result.
    """

    said: str
    carried: Mapping[str, Any] = field(default_factory=dict)
    findings: Sequence[Finding] = ()
    ready: bool = True
    stop: str | None = None
    """Why the run ends here, well: there is nothing more to do, or a person must choose first."""


@dataclass(frozen=True)
class Act:
    """One run's doing, as its stages see it.

    label: follows from the run and is part of the name of all that it makes; the same in every attempt.
    began_at: when the run began. now: this moment; all times with time zone. form: what the person chose in
    the run's form. carried: what earlier stages carried, by stage.
    attempt: how often a person has cleared the run; an approval holds for one. run: the DAG's and run's ids.
    """

    system_id: str
    system: System
    clients: Clients
    engine: Engine
    task_id: str
    label: str
    began_at: datetime
    now: datetime
    dry_run: bool
    form: Mapping[str, Any]
    carried: Mapping[str, Mapping[str, Any]]
    run: tuple[str, str]
    attempt: int
    provider: Provider = WORKER
    """What the task's operator does, where it is one of a provider's."""


StageFunction = Callable[[Act, Any], Result]
ByFunction = Callable[["System", Any], By]


@dataclass(frozen=True)
class Stage:
    """One step of a procedure. poll_seconds and longest_seconds: of one that waits. by: what does it."""

    name: str
    title: str
    does: Does
    function: StageFunction | None = None
    """None only for an approval, which Airflow itself asks for."""
    poll_seconds: float = 15
    longest_seconds: float = 4 * 3600
    by: ByFunction = lambda _system, _parameters: By.WORKER


FieldType = Literal["string", "integer", "boolean"]


@dataclass(frozen=True)
class FormField:
    """One field of the form from which a run by hand starts."""

    name: str
    title: str
    description: str
    type: FieldType = "string"
    default: str | int | bool | None = None
    choices: Sequence[str] = ()
    format: str | None = None
    shared: bool = False
    """Whether all procedures of a routine mean the same by it."""


FormFunction = Callable[["System", Any], Sequence[FormField]]


@dataclass(frozen=True)
class ActKind:
    """The stages of a kind of procedure that changes something, and the form that starts it."""

    stages: Sequence[Stage]
    form: FormFunction | None = None

    def fields(self, system: System, parameters: BaseModel) -> Sequence[FormField]:
        """Return the form's fields for a system."""
        return self.form(system, parameters) if self.form else ()
