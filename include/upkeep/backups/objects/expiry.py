"""Old versions of a bucket's objects: what is to be deleted, and the deleting, in flat memory."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import IO, Any

from upkeep.backups.objects.deletion import VersionId, delete_versions
from upkeep.backups.objects.expiring import VersionRules, decided
from upkeep.backups.objects.holds import lock_of
from upkeep.backups.objects.versions import ObjectVersion, versions
from upkeep.backups.plans import checked, digest
from upkeep.catalog.models.backups import Keep
from upkeep.clients.aws.errors import aws_errors
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError

_SHOWN = 100
"""Versions that a plan names; the others are counted."""


@dataclass
class _Sum:
    """What a listing comes to: how many versions are kept, by reason, and which expire."""

    kept: Counter[str] = field(default_factory=Counter)
    expiring: int = 0
    size_bytes: int = 0
    first: list[dict[str, Any]] = field(default_factory=list)
    sha256: Any = field(default_factory=hashlib.sha256)

    def add(self, one: ObjectVersion, line: bytes) -> None:
        self.expiring += 1
        self.size_bytes += one.size_bytes
        self.sha256.update(line)
        if len(self.first) < _SHOWN:
            at = one.modified_at.isoformat()
            self.first.append({"key": one.key, "version_id": one.version_id, "modified_at": at})


def plan_versions(client: Any, bucket: str, prefix: str, rules: VersionRules) -> dict[str, Any]:
    """Return as JSON values which versions under a prefix expire; nothing is changed.

    `versions` is how many there are, `kept` how many by reason, `expiring` how many expire and `bytes` their
    size, `first` names up to 100 of them, `sha256` is of all their names; an approval is bound to `hash`.
    client: boto3's `s3`. Raises ConfigurationError for a bucket whose versioning is not enabled, and what
    `versions` raises: without the whole listing there is no plan.
    """
    plan = {
        "bucket": bucket,
        "prefix": prefix,
        "at": rules.now.isoformat(),
        "keep": rules.keep.model_dump(exclude_none=True),
        "zone": rules.zone,
        "forget_deleted": rules.forget_deleted,
    }
    total = _Sum()
    for _ in _expiring(client, bucket, versions(client, bucket, prefix), rules, total):
        pass
    plan |= {
        "versions": total.kept.total() + total.expiring,
        "kept": dict(sorted(total.kept.items())),
        "expiring": total.expiring,
        "bytes": total.size_bytes,
        "first": total.first,
        "sha256": total.sha256.hexdigest(),
    }
    return plan | {"hash": digest(plan)}


def delete_planned(client: Any, plan: Mapping[str, Any]) -> int:
    """Delete what a plan of `plan_versions` says and return how many versions that were.

    Decides anew, by the plan's rules and its moment, from a fresh listing that is read to its end before
    anything is deleted. What was written, replaced or locked since is kept, so a repeat after a kill and a
    run beside this one delete no more than the plan has. Raises PermanentError if the plan was changed or if
    more would go than it says, TemporaryError if the disk has no room for the list, and what
    `delete_versions` raises.
    """
    checked(plan)
    rules = VersionRules(
        Keep.model_validate(plan["keep"]),
        plan["zone"],
        datetime.fromisoformat(plan["at"]),
        plan["forget_deleted"],
    )
    bucket, total = plan["bucket"], _Sum()
    with tempfile.TemporaryFile(prefix="upkeep-versions-") as spool:
        _spool(spool, _expiring(client, bucket, versions(client, bucket, plan["prefix"]), rules, total))
        if total.expiring > plan["expiring"]:
            raise PermanentError(
                f"s3://{bucket}/{plan['prefix']}: {total.expiring:,} versions would be deleted, the plan has "
                f"{plan['expiring']:,}: nothing is deleted; plan again"
            )
        return delete_versions(client, bucket, _read(spool))


def _expiring(
    client: Any, bucket: str, stream: Iterable[ObjectVersion], rules: VersionRules, total: _Sum
) -> Iterator[bytes]:
    """Yield a line for each version that expires, and add up."""
    _require_versioning(client, bucket)
    locked = lock_of(client, bucket, rules.now)
    kept = total.kept
    for one, decision in decided(stream, rules):
        why = decision or locked(one)
        if why:
            kept[why] += 1
        else:
            line = json.dumps((one.key, one.version_id)).encode() + b"\n"
            total.add(one, line)
            yield line


def _spool(spool: IO[bytes], lines: Iterable[bytes]) -> None:
    try:
        for line in lines:
            spool.write(line)
        spool.flush()
    except OSError as e:
        raise TemporaryError(
            f"no room in {tempfile.gettempdir()} for the list of versions to delete: {e}; nothing is deleted"
        ) from e


def _read(spool: IO[bytes]) -> Iterator[VersionId]:
    spool.seek(0)
    for line in spool:
        key, version_id = json.loads(line)
        yield key, version_id


def _require_versioning(client: Any, bucket: str) -> None:
    """Refuse a bucket in which a version may be overwritten: its versioning is suspended or never was on."""
    with aws_errors(f"s3://{bucket}"):
        status = client.get_bucket_versioning(Bucket=bucket).get("Status", "never enabled")
    if status != "Enabled":
        raise ConfigurationError(
            f"s3://{bucket}: versioning is {status.lower()}, so its versions are not safe from being "
            "overwritten and none is deleted; enable versioning or leave the bucket out"
        )
