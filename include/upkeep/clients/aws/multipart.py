"""S3: a stream of unknown length written as one object, in parts, with little memory."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from upkeep.clients.answers import NotFoundError
from upkeep.clients.aws.errors import aws_errors, page_items
from upkeep.errors import PermanentError

MIB = 1024**2
MOST_PARTS = 10_000
"""S3's own limit."""

PARALLEL = 4
"""Parts on their way at once; one more is being filled: 40 MiB at first, 320 in a dump above 56 GB."""


@dataclass(frozen=True)
class Stored:
    """An object that was written. sha256: of its bytes, in hex. version_id: None in a bucket without."""

    key: str
    bytes: int
    sha256: str
    parts: int
    etag: str
    version_id: str | None


def part_bytes(number: int) -> int:
    """Return the size of a part, counted from 1: 8 MiB that grow to 64, about 500 GB in 10,000 parts.

    >>> [part_bytes(n) // MIB for n in (1, 1000, 1001, 2001, 3001, 10_000)]
    [8, 8, 16, 32, 64, 64]
    """
    return 8 * MIB << min((number - 1) // 1000, 3)


class MultipartUpload:
    """One object, written part by part; each part carries its SHA-256, which S3 compares.

    As a context: an exception inside aborts the upload, so that no object appears and no part is left.
    At most PARALLEL + 1 parts are in memory. client: boto3's `s3`. options: what `create_multipart_upload`
    takes besides, such as `ServerSideEncryption`. Every call raises what `s3_objects` raises.
    """

    def __init__(self, client: Any, bucket: str, key: str, options: Mapping[str, Any] | None = None) -> None:
        self._client, self._bucket, self._key = client, bucket, key
        self._where = f"s3://{bucket}/{key}"
        self._sha256 = hashlib.sha256()
        self._bytes = self._filled = self._number = 0
        self._part = bytearray(part_bytes(1))
        self._parts: list[dict[str, Any]] = []
        self._sending: list[tuple[Future[dict[str, Any]], bytearray]] = []
        self._spare: list[bytearray] = []
        self._done = False
        with aws_errors(self._where):
            made = client.create_multipart_upload(
                Bucket=bucket, Key=key, ChecksumAlgorithm="SHA256", **(options or {})
            )
            self._id = made["UploadId"]
        self._pool = ThreadPoolExecutor(PARALLEL, thread_name_prefix="upload")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._done:
            self.abort()

    def write(self, data: bytes) -> None:
        """Take bytes; waits while PARALLEL parts are on their way."""
        self._sha256.update(data)
        self._bytes += len(data)
        view = memoryview(data)
        while view:
            taken = view[: len(self._part) - self._filled]
            memoryview(self._part)[self._filled : self._filled + len(taken)] = taken
            self._filled += len(taken)
            view = view[len(taken) :]
            if self._filled == len(self._part):
                self._send()
                self._part = self._empty(part_bytes(self._number + 1))

    def finish(self) -> Stored:
        """Send the last part and make the object appear."""
        if self._filled or not self._number:
            del self._part[self._filled :]
            self._send()
        while self._sending:
            self._collect()
        with aws_errors(self._where):
            made = self._client.complete_multipart_upload(
                Bucket=self._bucket, Key=self._key, UploadId=self._id, MultipartUpload={"Parts": self._parts}
            )
        self._done = True
        self._pool.shutdown()
        version = made.get("VersionId")
        return Stored(
            key=self._key,
            bytes=self._bytes,
            sha256=self._sha256.hexdigest(),
            parts=self._number,
            etag=str(made.get("ETag", "")).strip('"'),
            version_id=None if version in {None, "null"} else version,
        )

    def abort(self) -> None:
        """Give the upload up and have S3 forget its parts."""
        self._done = True
        # A part that arrives after the upload was aborted would be kept: wait for those on their way.
        self._pool.shutdown(wait=True, cancel_futures=True)
        _abort(self._client, self._bucket, self._key, self._id)

    def _send(self) -> None:
        if self._number == MOST_PARTS:
            raise PermanentError(
                f"{self._where}: {self._bytes // 1024**3} GiB fill all {MOST_PARTS:,} parts; "
                "for a database of this size use a snapshot or a base backup"
            )
        while len(self._sending) >= PARALLEL:
            self._collect()
        self._number += 1
        self._sending.append((self._pool.submit(self._put, self._number, self._part), self._part))
        self._filled = 0

    def _collect(self) -> None:
        sent, part = self._sending.pop(0)
        self._parts.append(sent.result())
        self._spare.append(part)

    def _empty(self, size: int) -> bytearray:
        """Return room for a part: that of one that was sent, for new memory costs more than to fill it."""
        part = self._spare.pop() if self._spare else bytearray()
        return part if len(part) == size else bytearray(size)

    def _put(self, number: int, body: bytearray) -> dict[str, Any]:
        checksum = base64.b64encode(hashlib.sha256(body).digest()).decode()
        with aws_errors(f"{self._where}, part {number}"):
            put = self._client.upload_part(
                Bucket=self._bucket, Key=self._key, UploadId=self._id, PartNumber=number, Body=body,
                ChecksumSHA256=checksum,
            )  # fmt: skip
            return {"PartNumber": number, "ETag": put["ETag"], "ChecksumSHA256": checksum}


def unfinished_uploads(client: Any, bucket: str, prefix: str) -> list[dict[str, Any]]:
    """Return the uploads under a prefix that were begun and neither completed nor aborted."""
    where = f"s3://{bucket}/{prefix}"
    with aws_errors(where):
        wanted = {"Bucket": bucket, "Prefix": prefix}
        return list(page_items(client, "list_multipart_uploads", wanted, "Uploads", where))


def abort_uploads(client: Any, bucket: str, key: str) -> int:
    """Abort every unfinished upload of exactly this key; return how many there were."""
    found = [one for one in unfinished_uploads(client, bucket, key) if one["Key"] == key]
    for one in found:
        _abort(client, bucket, key, one["UploadId"])
    return len(found)


def _abort(client: Any, bucket: str, key: str, upload: str) -> None:
    try:
        with aws_errors(f"s3://{bucket}/{key}"):
            client.abort_multipart_upload(Bucket=bucket, Key=key, UploadId=upload)
    except NotFoundError:
        pass  # completed or aborted meanwhile
