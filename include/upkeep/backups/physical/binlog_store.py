"""Where archived binary logs are kept: a folder or S3. A file is there whole or not at all."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from upkeep.clients.aws import s3_objects
from upkeep.clients.aws.errors import aws_errors
from upkeep.errors import PermanentError


class BinlogStore(Protocol):
    """An archive of binary logs."""

    def sizes(self) -> dict[str, int]:
        """Return the size of each archived file in bytes, by its name."""

    def put(self, path: Path) -> None:
        """Archive a file under its name."""

    def get(self, name: str, folder: Path) -> Path:
        """Copy an archived file into a folder and return its path."""


@dataclass(frozen=True)
class FolderStore:
    """An archive in a folder that is there."""

    folder: Path

    def sizes(self) -> dict[str, int]:
        """Return the size of each archived file in bytes, by its name."""
        try:
            return {file.name: file.stat().st_size for file in self.folder.iterdir() if file.suffix != ".new"}
        except OSError as e:
            raise PermanentError(
                f"{self.folder} cannot be read: {e.strerror}; is the archive mounted?"
            ) from e

    def put(self, path: Path) -> None:
        """Archive a file under its name."""
        draft = self.folder / f"{path.name}.new"
        try:
            shutil.copyfile(path, draft)
            with draft.open("rb") as file:
                os.fsync(file.fileno())
            draft.replace(self.folder / path.name)
        except OSError as e:
            draft.unlink(missing_ok=True)
            raise PermanentError(f"{path.name} cannot be written to {self.folder}: {e.strerror}") from e

    def get(self, name: str, folder: Path) -> Path:
        """Copy an archived file into a folder and return its path."""
        return Path(shutil.copyfile(self.folder / name, folder / name))


@dataclass(frozen=True)
class S3Store:
    """An archive in S3. client: boto3's `s3`. prefix: without a last slash. options: of what is stored."""

    client: Any
    bucket: str
    prefix: str
    options: Mapping[str, Any] = field(default_factory=dict)

    def sizes(self) -> dict[str, int]:
        """Return the size of each archived file in bytes, by its name."""
        objects = s3_objects(self.client, self.bucket, f"{self.prefix}/")
        return {one.key.rpartition("/")[2]: one.size_bytes for one in objects}

    def put(self, path: Path) -> None:
        """Archive a file under its name."""
        key = self._key(path.name)
        with aws_errors(f"s3://{self.bucket}/{key}"), path.open("rb") as body:
            self.client.put_object(
                Bucket=self.bucket, Key=key, Body=body, ChecksumAlgorithm="SHA256", **self.options
            )

    def get(self, name: str, folder: Path) -> Path:
        """Copy an archived file into a folder and return its path."""
        with aws_errors(f"s3://{self.bucket}/{self._key(name)}"):
            self.client.download_file(self.bucket, self._key(name), str(folder / name))
        return folder / name

    def _key(self, name: str) -> str:
        return f"{self.prefix}/{name}"
