"""Recoveries in Kubernetes: a namespace, one component, a version; and the drill of a namespace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from upkeep.acts.choosing import CHOICE, chosen, proven_by
from upkeep.acts.forms import ChooseFirst
from upkeep.acts.model import Act, FormField
from upkeep.acts.recovering.registering import register_recovery
from upkeep.backups.kubernetes.archive import read_archive
from upkeep.backups.kubernetes.verify import failed_components
from upkeep.backups.kubernetes.wanted import Target
from upkeep.backups.model import Copy
from upkeep.catalog.models.backups import VolumesSource
from upkeep.checks.registry import Parameters
from upkeep.errors import ConfigurationError
from upkeep.ledger.backups import Known, backup_id, known_backup
from upkeep.recoveries.namespaces import NamespaceRecovery, as_drill
from upkeep.recoveries.rollback import Rollback

SNAPSHOTS, EMPTY = "from snapshots", "empty"
"""How claims come back."""


class NamespaceParameters(Parameters):
    """Which export is recreated."""

    policy: str
    """A backup policy whose source is the namespace."""
    approvals: int = Field(default=1, ge=1, le=2)
    """Persons who must approve that objects which are there are changed."""
    wait_seconds: float = Field(default=300, gt=0)
    """For claims to be bound, and for rollouts."""
    volumes: str | None = None
    """A backup policy of the namespace's volumes, whose snapshots fill the claims that are made."""


class RollbackParameters(Parameters):
    """Which deployments can be rolled back."""

    deployments: tuple[str, ...]
    """In the workload's namespace."""
    approvals: int = Field(default=1, ge=1, le=2)
    """Persons who must approve."""
    wait_seconds: float = Field(default=300, gt=0)
    """For the rollout."""


def whole(act: Act, parameters: NamespaceParameters) -> NamespaceRecovery:
    """Return the recovery of a whole namespace, into itself or into another."""
    copy = _copy(act, parameters)
    return _recovery(act, parameters, copy, act.form.get("namespace") or str(copy.facts["namespace"]), None)


def drill(act: Act, parameters: NamespaceParameters) -> NamespaceRecovery:
    """Return the drill, on a copy of the namespace."""
    copy = _copy(act, parameters)
    # Empty: the copy is compared with the export, and pods of a drill must not act on data of production.
    empty = parameters.model_copy(update={"volumes": None})
    return as_drill(_recovery(act, empty, copy, str(copy.facts["namespace"]), None), act.label)


def component(act: Act, parameters: NamespaceParameters) -> NamespaceRecovery:
    """Return the recovery of one component; without one, list those that have failed."""
    copy = _copy(act, parameters)
    wanted = act.form.get("component")
    namespace = str(copy.facts["namespace"])
    if not wanted:
        archive = read_archive(act.clients.aws("s3"), copy, None)
        failed = failed_components(act.clients.kubernetes().api, namespace, archive)
        choices = [f"{one['component']}: {one['why']}" for one in failed]
        raise ChooseFirst(
            "Choose a component, such as Deployment/web; these have failed", choices or ["none"]
        )
    return _recovery(act, parameters, copy, namespace, wanted)


def rollback(act: Act, parameters: RollbackParameters) -> Rollback:
    """Return the rollback of the deployment that the form names."""
    if act.system.workload is None:
        raise ConfigurationError(f"{act.system.title} names no workload, so no namespace")
    return Rollback(
        api=act.clients.kubernetes().api,
        namespace=act.system.workload.namespace,
        deployment=act.form["deployment"],
        revision=act.form.get("revision") or None,
        approvals=parameters.approvals,
        wait_seconds=parameters.wait_seconds,
    )


def _copy(act: Act, parameters: NamespaceParameters) -> Copy:
    return chosen(act, parameters.policy).copy


def _recovery(
    act: Act, parameters: NamespaceParameters, copy: Copy, namespace: str, only: str | None
) -> NamespaceRecovery:
    return NamespaceRecovery(
        api=act.clients.kubernetes().api,
        s3=act.clients.aws("s3"),
        copy=copy,
        identity=act.clients.backup_key().opening(),
        target=Target(namespace, only=only),
        approvals=parameters.approvals,
        wait_seconds=parameters.wait_seconds,
        volumes=_volumes(act, parameters.volumes, copy),
        backup_id=backup_id(act.system_id, parameters.policy, copy.name),
    )


def _volumes(act: Act, policy_name: str | None, copy: Copy) -> Copy | None:
    """Return the snapshots that the plan has chosen; before there is one the newest up to the export."""
    if policy_name is None or act.form.get("claims") == EMPTY:
        return None
    policy = act.system.backups.get(policy_name)
    if policy is None or not isinstance(policy.source, VolumesSource):
        raise ConfigurationError(f"{policy_name!r} is no policy of {act.system.title} for volumes")
    known: Known | None
    if (facts := act.carried.get("plan", {}).get("facts")) is not None:
        name = facts["volumes"]
        known = known_backup(act.engine, backup_id(act.system_id, policy_name, name)) if name else None
    else:
        known = proven_by(act, policy_name, copy.started_at)
    return known.copy if known else None


def _claims_field(parameters: NamespaceParameters) -> list[FormField]:
    if parameters.volumes is None:
        return []
    what = "Of claims that are made anew: filled from the newest proven snapshot up to the export, or empty."
    return [FormField("claims", "Claims", what, default=SNAPSHOTS, choices=(SNAPSHOTS, EMPTY))]


def _whole_fields(system: Any, parameters: NamespaceParameters) -> Sequence[FormField]:  # noqa: ARG001
    other = "Another to make it in; by default its own. Changing what is there needs approval."
    return [CHOICE, FormField("namespace", "Namespace", other, default=""), *_claims_field(parameters)]


def _component_fields(system: Any, parameters: NamespaceParameters) -> Sequence[FormField]:  # noqa: ARG001
    which = "Such as Deployment/web, with what its pods need; left empty, the run lists those that failed."
    return [CHOICE, FormField("component", "Component", which, default=""), *_claims_field(parameters)]


def _rollback_fields(system: Any, parameters: RollbackParameters) -> Sequence[FormField]:  # noqa: ARG001
    first = parameters.deployments[0]
    return [
        FormField("deployment", "Deployment", "Which one.", default=first, choices=parameters.deployments),
        FormField("revision", "Revision", "0 is the one before the current.", type="integer", default=0),
    ]


register_recovery(
    "restore_namespace",
    "Recreate a namespace from an export: resources, secrets, custom resources; wait and compare.",
    parameters=NamespaceParameters,
    make=whole,
    fields=_whole_fields,
)
register_recovery(
    "restore_component",
    "Find the failed component of a namespace and recreate it alone from an export.",
    parameters=NamespaceParameters,
    make=component,
    fields=_component_fields,
)
register_recovery(
    "roll_back",
    "Put a deployment back to its version before, and wait for the rollout.",
    parameters=RollbackParameters,
    make=rollback,
    fields=_rollback_fields,
)
register_recovery(
    "drill_namespace",
    "Copy a namespace, delete the copy, recreate it from the export, compare, measure, take it down.",
    parameters=NamespaceParameters,
    make=drill,
    drill=True,
)
