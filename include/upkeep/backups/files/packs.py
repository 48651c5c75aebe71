"""The packs of a restic repository: files in `data/` that are named after the SHA-256 of their bytes."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from upkeep.clients.answers import NotFoundError
from upkeep.clients.aws import s3_objects
from upkeep.clients.aws.errors import aws_errors
from upkeep.errors import TemporaryError

PIECE_BYTES = 1024 * 1024
_NAME = re.compile(r"[0-9a-f]{64}")


class Packs(Protocol):
    """Where a repository's packs are."""

    def sizes(self) -> dict[str, int]:
        """Return the size of each pack in bytes, by its name."""

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a pack's bytes, in hex; NotFoundError where it is gone."""

    def missing(self) -> str | None:
        """Return what must be there before a repository can be made, and is not."""


@dataclass(frozen=True)
class FolderPacks:
    """The packs of a repository in a folder."""

    folder: Path

    def sizes(self) -> dict[str, int]:
        """Return the size of each pack in bytes, by its name."""
        files = (self.folder / "data").glob("??/*")
        return {file.name: file.stat().st_size for file in files if _NAME.fullmatch(file.name)}

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a pack's bytes, in hex; NotFoundError where it is gone."""
        path = self.folder / "data" / name[:2] / name
        try:
            with path.open("rb") as file:
                return hashlib.file_digest(file, "sha256").hexdigest()
        except FileNotFoundError as e:
            raise NotFoundError(f"{path} is gone") from e
        except OSError as e:
            raise TemporaryError(f"{path} cannot be read: {e.strerror}; look at the disk") from e

    def missing(self) -> str | None:
        """Return what must be there before a repository can be made, and is not."""
        return None if self.folder.parent.is_dir() else f"the folder {self.folder.parent}"


@dataclass(frozen=True)
class S3Packs:
    """The packs of a repository in S3. client: boto3's `s3`. prefix: without a slash at its end."""

    client: Any
    bucket: str
    prefix: str

    def sizes(self) -> dict[str, int]:
        """Return the size of each pack in bytes, by its name."""
        objects = s3_objects(self.client, self.bucket, f"{self.prefix}/data/")
        found = {one.key.rpartition("/")[2]: one.size_bytes for one in objects}
        return {name: size for name, size in found.items() if _NAME.fullmatch(name)}

    def digest(self, name: str) -> str:
        """Return the SHA-256 of a pack's bytes, in hex; NotFoundError where it is gone."""
        key = f"{self.prefix}/data/{name[:2]}/{name}"
        digest = hashlib.sha256()
        with aws_errors(f"s3://{self.bucket}/{key}"):
            body = self.client.get_object(Bucket=self.bucket, Key=key)["Body"]
            for piece in body.iter_chunks(PIECE_BYTES):
                digest.update(piece)
        return digest.hexdigest()

    def missing(self) -> str | None:
        """Return what must be there before a repository can be made, and is not."""
        try:
            with aws_errors(f"s3://{self.bucket}"):
                self.client.head_bucket(Bucket=self.bucket)
        except NotFoundError:
            return f"the bucket {self.bucket}"
        return None
