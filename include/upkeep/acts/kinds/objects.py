"""Recovery of one version of one object of a bucket."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from upkeep.acts.forms import ChooseFirst
from upkeep.acts.model import Act, FormField
from upkeep.acts.recovering.registering import register_recovery
from upkeep.backups.objects.recovery import Wanted, find_versions
from upkeep.backups.objects.versions import ObjectVersion
from upkeep.checks.registry import Parameters
from upkeep.errors import ConfigurationError
from upkeep.recoveries.objects import ObjectRecovery

SHOWN = 50
"""Versions that a refusal lists."""


class ObjectParameters(Parameters):
    """Whose versions are restored."""

    bucket: str
    """One of `resources.buckets`."""
    prefix: str = ""
    """Only objects whose keys begin so."""
    approvals: int = Field(default=1, ge=1, le=2)
    """Persons who must approve that an object is replaced."""


def version(act: Act, parameters: ObjectParameters) -> ObjectRecovery:
    """Return the recovery of the version that the form names; without one, refuse with those there are."""
    found = act.system.resources.buckets.get(parameters.bucket)
    if found is None:
        raise ConfigurationError(f"{act.system.title} has no bucket {parameters.bucket!r}")
    client = act.clients.aws("s3")
    key, version_id = act.form.get("key") or "", act.form.get("version") or ""
    if not key.startswith(parameters.prefix) or not key or not version_id:
        there = find_versions(client, found.name, key or parameters.prefix, SHOWN)
        more = "; there are more: give a longer key" if there.more else ""
        raise ChooseFirst(
            f"Choose a key under {key or parameters.prefix!r} and a version of it{more}",
            [_shown(one) for one in there.versions],
        )
    wanted = Wanted(
        bucket=found.name,
        key=key,
        version_id=version_id,
        at=act.began_at,
        in_place=bool(act.form.get("in_place")),
        target=act.form.get("target") or f"{key}.restored-{act.label}",
    )
    return ObjectRecovery(client, wanted, parameters.approvals)


def _shown(one: ObjectVersion) -> str:
    what = "deleted" if one.delete_marker else f"{one.size_bytes:,} bytes"
    newest = ", the newest" if one.latest else ""
    return f"{one.key}: version {one.version_id}, {one.modified_at:%Y-%m-%d %H:%M:%S} UTC, {what}{newest}"


def _fields(system: Any, parameters: ObjectParameters) -> Sequence[FormField]:  # noqa: ARG001
    return [
        FormField(
            "key", "Key", "Of the object; an incomplete one lists what is there.", default=parameters.prefix
        ),
        FormField("version", "Version", "Its id; left empty, the run lists the versions.", default=""),
        FormField(
            "in_place", "In place", "Replace the object; needs approval.", type="boolean", default=False
        ),
        FormField("target", "Beside, as", "Another key for the copy.", default=""),
    ]


register_recovery(
    "restore_object_version",
    "Restore one version of one object, beside it or in its place.",
    parameters=ObjectParameters,
    make=version,
    fields=_fields,
)
