"""Versions of objects deleted for good, a thousand at a time."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import Any

from upkeep.clients.answers import safe_excerpt
from upkeep.clients.aws.errors import aws_errors
from upkeep.errors import PermanentError, TemporaryError

BATCH = 1_000
"""The most that S3 takes in one request."""

ATTEMPTS = 5
_KEYS_SHOWN = 10
_TEMPORARY = {"SlowDown", "InternalError", "ServiceUnavailable", "RequestTimeout", "Throttling", "503", "500"}
_GONE = {"NoSuchKey", "NoSuchVersion"}

VersionId = tuple[str, str]
"""A key and the id of one of its versions."""


def delete_versions(client: Any, bucket: str, ids: Iterable[VersionId], *, pause_seconds: float = 1.0) -> int:
    """Delete versions and return how many are gone by this; one that is gone already counts as well.

    client: boto3's `s3`. ids: read a batch at a time. What S3 refuses for a single version does not hold up
    the others: after all, a PermanentError names those that it never deletes, such as what is under legal
    hold, or a TemporaryError those for which it was too busy, in ATTEMPTS tries. Raises also
    ConfigurationError, NotFoundError (no bucket). Repeating it does no harm.
    """
    where = f"s3://{bucket}"
    gone, refused, busy = 0, _Refused(), _Refused()
    for batch in _batches(ids):
        waiting: Sequence[VersionId] = batch
        for attempt in range(ATTEMPTS):
            with aws_errors(where):
                errors = _delete(client, bucket, waiting)
            gone += len(waiting) - len(errors)
            refused.add(one for one in errors if one["Code"] not in _TEMPORARY)
            again = [one for one in errors if one["Code"] in _TEMPORARY]
            waiting = [(one["Key"], one.get("VersionId", "null")) for one in again]
            if not waiting:
                break
            time.sleep(pause_seconds * 2**attempt)
        else:
            busy.add(again)
    if refused:
        raise PermanentError(
            f"{where}: {refused}; those are under legal hold or object lock, or the rights lack "
            f"s3:DeleteObjectVersion; {gone:,} others are deleted"
        )
    if busy:
        raise TemporaryError(f"{where}: {busy}; {gone:,} others are deleted; try again")
    return gone


def _batches(ids: Iterable[VersionId]) -> Iterator[list[VersionId]]:
    rest = iter(ids)
    while batch := list(islice(rest, BATCH)):
        yield batch


def _delete(client: Any, bucket: str, ids: Sequence[VersionId]) -> list[dict[str, Any]]:
    """Ask S3 to delete a batch and return its errors but those for what is gone."""
    objects = [{"Key": key, "VersionId": version_id} for key, version_id in ids]
    answer = client.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
    return [one for one in answer.get("Errors", ()) if one["Code"] not in _GONE]


class _Refused:
    """Errors of single versions: their number, and the first few in words."""

    def __init__(self) -> None:
        self._count = 0
        self._shown: list[str] = []

    def add(self, errors: Iterable[dict[str, Any]]) -> None:
        for one in errors:
            self._count += 1
            if len(self._shown) < _KEYS_SHOWN:
                said = safe_excerpt(str(one.get("Message", "")))
                self._shown.append(f"{one['Key']} ({one.get('VersionId')}): {one['Code']} {said}".rstrip())

    def __bool__(self) -> bool:
        return self._count > 0

    def __str__(self) -> str:
        more = self._count - len(self._shown)
        return f"{self._count:,} not deleted: {'; '.join(self._shown)}" + (f"; {more:,} more" if more else "")
