"""Old versions of a bucket's objects: what is no longer kept is deleted."""

from __future__ import annotations

from pydantic import Field

from upkeep.acts.model import Act, Does, Result, Stage
from upkeep.acts.plans import Plan
from upkeep.backups.objects.expiring import VersionRules
from upkeep.backups.objects.expiry import delete_planned, plan_versions
from upkeep.catalog.models.backups import Keep
from upkeep.checks.registry import Parameters, register_act
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.findings import Finding, State
from upkeep.findings.units import format_value


class VersionsParameters(Parameters):
    """Which versions expire, and when."""

    bucket: str
    """One of `resources.buckets`; its versioning must be enabled."""
    prefix: str = ""
    """Only objects whose keys begin so."""
    keep: Keep = Field(default_factory=Keep)
    """What an object was at the beginning of these periods can be had; with none of them all is kept."""
    forget_deleted: bool = False
    """Whether the last version of a deleted object expires as well; else it is kept for ever."""


def plan(act: Act, parameters: VersionsParameters) -> Result:
    """Read the whole listing and say what would be deleted."""
    bucket = _bucket(act, parameters)
    rules = VersionRules(parameters.keep, act.system.timezone, act.began_at, parameters.forget_deleted)
    found = plan_versions(act.clients.aws("s3"), bucket, parameters.prefix, rules)
    where = f"s3://{bucket}/{parameters.prefix}"
    size = format_value(found["bytes"], "bytes")
    said = f"{found['expiring']:,} of {found['versions']:,} versions under {where} are kept no longer: {size}"
    made = Plan(
        title=f"{act.system.title}: old versions",
        target=where,
        steps=[f"delete {found['expiring']:,} versions, {size}; never a current one nor one that is held"],
        destructive=False,
        facts=found,
        notes=[f"kept: {count:,} {why}" for why, count in found["kept"].items()],
    )
    finding = _finding(act, "plan", parameters, said, found)
    return Result(said, {**made.carried(), "markdown": made.markdown()}, [finding])


def delete(act: Act, parameters: VersionsParameters) -> Result:
    """Delete what the plan names, as far as a fresh listing still says so."""
    carried = act.carried.get("plan")
    if carried is None:
        raise PermanentError("the stage 'plan' has left no plan; clear the run from there")
    facts = carried["facts"]
    gone = delete_planned(act.clients.aws("s3"), facts)
    said = f"{gone:,} versions under s3://{facts['bucket']}/{facts['prefix']} were deleted"
    finding = _finding(act, "expired", parameters, said, {"deleted": gone, "plan": facts["hash"]})
    return Result(said, {"deleted": gone}, [finding])


def _bucket(act: Act, parameters: VersionsParameters) -> str:
    found = act.system.resources.buckets.get(parameters.bucket)
    if found is None:
        raise ConfigurationError(f"{act.system.title} has no bucket {parameters.bucket!r}")
    return found.name


def _finding(
    act: Act, question: str, parameters: VersionsParameters, said: str, evidence: dict[str, object]
) -> Finding:
    return Finding(
        check=f"versions_{question}{{bucket={parameters.bucket}}}",
        state=State.OK,
        summary=said,
        source="s3",
        observed_at=act.now,
        evidence=evidence,
    )


register_act(
    "expire_object_versions",
    "Delete the versions of a bucket's objects that are kept no longer; never a current one.",
    parameters=VersionsParameters,
    stages=(
        Stage("plan", "Look which versions expire", Does.LOOK, plan),
        Stage("delete", "Delete them", Does.CHANGE, delete),
    ),
)
