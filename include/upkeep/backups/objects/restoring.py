"""The copy that brings a version back, and the proof that it is the same."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any

from upkeep.backups.objects.heads import current, head
from upkeep.backups.objects.recovery import RESTORED_FROM
from upkeep.backups.plans import checked
from upkeep.clients.aws.download import read_object
from upkeep.clients.aws.errors import aws_errors, page_items
from upkeep.errors import PermanentError

ONE_COPY_BYTES = 5 * 1024**3
"""What S3 copies in one request; more is copied in parts."""

_PART_BYTES = 512 * 1024**2
_KEPT_HEADERS = (
    "CacheControl", "ContentDisposition", "ContentEncoding", "ContentLanguage", "ContentType",
    "ServerSideEncryption", "SSEKMSKeyId",
)  # fmt: skip
_CHECKSUMS = ("ChecksumCRC64NVME", "ChecksumSHA256", "ChecksumSHA1", "ChecksumCRC32C", "ChecksumCRC32")


def restore_version(
    client: Any, plan: Mapping[str, Any], *, one_copy_bytes: int = ONE_COPY_BYTES
) -> dict[str, Any]:
    """Do what a plan of `plan_restore` says; return `{bucket, key, version_id, etag, bytes}` of the copy.

    A repeat finds the copy that an earlier attempt made by its metadata, and makes no second one. Nothing is
    ever deleted, but for what a killed attempt left of a copy in parts beside. client: boto3's `s3`. Raises
    PermanentError where the plan was changed, or the target changed since it was made; else what
    `plan_restore` raises.
    """
    checked(plan)
    bucket, target, version_id = plan["bucket"], plan["target"], plan["source"]["version_id"]
    source = head(client, bucket, plan["source"]["key"], version_id)
    now = current(client, bucket, target)
    if now is None or now["Metadata"].get(RESTORED_FROM) != version_id:
        _require_unchanged(plan, now)
        if source["ContentLength"] <= one_copy_bytes:
            _copy(client, plan, source, now)
        else:
            _copy_in_parts(client, plan, source, one_copy_bytes)
        now = current(client, bucket, target)
    if now is None:
        raise PermanentError(f"s3://{bucket}/{target} was deleted after it was restored; ask who did")
    return {
        "bucket": bucket,
        "key": target,
        "version_id": now.get("VersionId"),
        "etag": now["ETag"].strip('"'),
        "bytes": now["ContentLength"],
    }


def verify_restored(client: Any, plan: Mapping[str, Any]) -> dict[str, Any]:
    """Compare the copy with the version that it was made of; return `{bytes, by}`, the size and the evidence.

    `by` is a checksum that S3 has of both, or `etag`, or `sha256` of every byte of both, read in flat memory,
    where S3 has nothing to compare: copies in parts and under a KMS key have other etags. Raises
    PermanentError where they differ; else what `plan_restore` raises.
    """
    bucket, target, source_key = plan["bucket"], plan["target"], plan["source"]["key"]
    version_id = plan["source"]["version_id"]
    source, copy = head(client, bucket, source_key, version_id), current(client, bucket, target)
    where = f"s3://{bucket}/{target}"
    if copy is None:
        raise PermanentError(f"{where} is not there; restore again")
    if copy["ContentLength"] != source["ContentLength"]:
        raise PermanentError(
            f"{where} has {copy['ContentLength']:,} bytes, version {version_id} of {source_key} has "
            f"{source['ContentLength']:,}; restore to another target"
        )
    by = _same(source, copy)
    if by is None:
        by = "sha256"
        ours = _sha256(client, bucket, target, copy.get("VersionId"))
        if ours != _sha256(client, bucket, source_key, version_id):
            raise PermanentError(f"{where} differs from version {version_id} of {source_key}; restore again")
    return {"bytes": copy["ContentLength"], "by": by}


def _require_unchanged(plan: Mapping[str, Any], now: dict[str, Any] | None) -> None:
    found = None if now is None else now.get("VersionId")
    if found != plan["replaces"]:
        raise PermanentError(
            f"s3://{plan['bucket']}/{plan['target']}: the current version was {plan['replaces'] or 'none'} "
            f"when this was planned and is {found or 'none'} now; plan again"
        )


def _options(plan: Mapping[str, Any], source: Mapping[str, Any]) -> dict[str, Any]:
    """Return how to write the copy: all that the version has, and where it comes from."""
    kept = {name: source[name] for name in _KEPT_HEADERS if source.get(name)}
    metadata = source["Metadata"] | {RESTORED_FROM: plan["source"]["version_id"]}
    return kept | {"Metadata": metadata, "MetadataDirective": "REPLACE", "TaggingDirective": "COPY"}


def _pinned(plan: Mapping[str, Any]) -> dict[str, str]:
    source = plan["source"]
    return {"Bucket": plan["bucket"], "Key": source["key"], "VersionId": source["version_id"]}


def _copy(
    client: Any, plan: Mapping[str, Any], source: Mapping[str, Any], now: Mapping[str, Any] | None
) -> None:
    """Copy in one request, which S3 refuses if the target changed meanwhile or the copy is there already."""
    bucket, target = plan["bucket"], plan["target"]
    unchanged = {"IfNoneMatch": "*"} if now is None else {"IfMatch": now["ETag"]}
    with aws_errors(f"s3://{bucket}/{target}"):
        client.copy_object(
            Bucket=bucket, Key=target, CopySource=_pinned(plan), **_options(plan, source), **unchanged
        )


def _copy_in_parts(
    client: Any, plan: Mapping[str, Any], source: Mapping[str, Any], one_copy_bytes: int
) -> None:
    from boto3.s3.transfer import TransferConfig

    bucket, target = plan["bucket"], plan["target"]
    if not plan["in_place"]:
        # The target is this restore's own name: what was begun under it is of an attempt that was killed.
        _abort(client, bucket, target)
    settings = TransferConfig(
        multipart_threshold=one_copy_bytes, multipart_chunksize=min(_PART_BYTES, one_copy_bytes)
    )
    with aws_errors(f"s3://{bucket}/{target}"):
        client.copy(_pinned(plan), bucket, target, ExtraArgs=_options(plan, source), Config=settings)


def _abort(client: Any, bucket: str, key: str) -> None:
    """Abort what was begun of copies to a key and never finished."""
    where = f"s3://{bucket}/{key}"
    with aws_errors(where):
        wanted = {"Bucket": bucket, "Prefix": key}
        for upload in page_items(client, "list_multipart_uploads", wanted, "Uploads", where):
            if upload["Key"] == key:
                client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload["UploadId"])


def _same(source: Mapping[str, Any], copy: Mapping[str, Any]) -> str | None:
    """Return by which checksum both are the same as far as S3 tells; None where that does not say."""
    if source.get("ChecksumType", "FULL_OBJECT") == copy.get("ChecksumType", "FULL_OBJECT") == "FULL_OBJECT":
        for name in _CHECKSUMS:
            if source.get(name) and source.get(name) == copy.get(name):
                return name
    return "etag" if source["ETag"] == copy["ETag"] else None


def _sha256(client: Any, bucket: str, key: str, version_id: str | None) -> str:
    seen = hashlib.sha256()
    for chunk in read_object(client, bucket, key, version_id=version_id):
        seen.update(chunk)
    return seen.hexdigest()
