"""The small object beside a dump that is written last: it makes the dump complete."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from upkeep.backups.model import Copy
from upkeep.clients.answers import NotFoundError, safe_excerpt
from upkeep.clients.aws.errors import aws_errors
from upkeep.errors import BadAnswer, ConfigurationError

SUFFIX = ".manifest.json"
_MOST_BYTES = 16 * 1024**2


class Manifest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What was stored, and what is known of the source at that time.

    bytes, sha256 (hex), parts, version_id: of the object as stored. format: `sql.zst` or `dump`, with
    `.age` where it is encrypted by us. server_version, database: of the source. facts: see `Copy`.
    """

    version: int = 1
    name: str
    key: str
    format: str
    engine: str
    database: str
    server_version: str
    program: str
    encryption: str
    kms_key_id: str | None
    recipients: list[str]
    bytes: int
    sha256: str
    parts: int
    etag: str
    version_id: str | None
    started_at: datetime
    ended_at: datetime
    facts: dict[str, Any]

    def copy(self, bucket: str, held: bool = False) -> Copy:
        """Return the copy that it describes."""
        known = {
            "engine": self.engine,
            "database": self.database,
            "server_version": self.server_version,
            "format": self.format,
            "parts": self.parts,
        }
        return Copy(
            name=self.name,
            reference=f"s3://{bucket}/{self.key}",
            started_at=self.started_at,
            ended_at=self.ended_at,
            bytes=self.bytes,
            sha256=self.sha256,
            encryption=self.encryption,
            facts=known | self.facts,
            held=held,
        )


def write_manifest(client: Any, bucket: str, manifest: Manifest, options: dict[str, Any]) -> None:
    """Store it; options: how it is encrypted."""
    key = manifest.key + SUFFIX
    with aws_errors(f"s3://{bucket}/{key}"):
        client.put_object(
            Bucket=bucket, Key=key, Body=msgspec.json.format(msgspec.json.encode(manifest), indent=1),
            ContentType="application/json", **options,
        )  # fmt: skip


def read_manifest(client: Any, bucket: str, key: str) -> Manifest | None:
    """Return the manifest of the dump with this key, None if there is none.

    Raises what `s3_objects` raises, and BadAnswer if it is damaged or describes another object.
    """
    where = f"s3://{bucket}/{key}{SUFFIX}"
    try:
        with aws_errors(where):
            body = client.get_object(Bucket=bucket, Key=key + SUFFIX)["Body"].read(_MOST_BYTES)
    except NotFoundError as e:
        if "NoSuchBucket" in str(e):
            raise ConfigurationError(f"{where}: the bucket does not exist; check its name") from e
        return None
    try:
        found = msgspec.json.decode(body, type=Manifest)
    except (msgspec.DecodeError, UnicodeDecodeError) as e:
        raise BadAnswer(f"{where}: the manifest cannot be read: {safe_excerpt(str(e))}") from e
    if found.key != key:
        raise BadAnswer(f"{where}: the manifest describes another object: {found.key!r}")
    return found


def split(reference: str) -> tuple[str, str]:
    """Return bucket and key of a reference.

    >>> split("s3://backups/shop/1.sql.zst")
    ('backups', 'shop/1.sql.zst')
    """
    bucket, _, key = reference.removeprefix("s3://").partition("/")
    if not reference.startswith("s3://") or not bucket or not key:
        raise ConfigurationError(f"not the place of an object in S3: {reference!r}")
    return bucket, key
