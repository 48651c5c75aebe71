"""S3: an object read as a stream that survives a lost connection."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

from upkeep.clients.aws.errors import aws_errors
from upkeep.errors import PermanentError, TemporaryError

CHUNK_BYTES = 1024**2
ATTEMPTS = 4
"""Connections in a row that may end without a byte."""


def read_object(
    client: Any,
    bucket: str,
    key: str,
    *,
    version_id: str | None = None,
    pause_seconds: float = 1.0,
) -> Iterator[bytes]:
    """Yield an object's bytes; after a lost connection, reading goes on where it stopped.

    Raises what `s3_objects` raises, and PermanentError if the object changes meanwhile.
    """
    where = f"s3://{bucket}/{key}"
    options = {} if version_id is None else {"VersionId": version_id}
    offset, etag, length, failures = 0, None, None, 0
    while length is None or offset < length:
        before = offset
        try:
            with aws_errors(where):
                wanted = {"Range": f"bytes={offset}-"} if offset else {}
                answer = client.get_object(Bucket=bucket, Key=key, **options, **wanted)
                if length is None:
                    etag, length = answer["ETag"], answer["ContentLength"]
                elif answer["ETag"] != etag:
                    raise PermanentError(f"{where} was replaced while it was read; start again")
                body = answer["Body"]
                try:
                    for chunk in body.iter_chunks(CHUNK_BYTES):
                        offset += len(chunk)
                        yield chunk
                finally:
                    body.close()
                if offset < length:
                    raise TemporaryError(f"{where}: the answer ended at byte {offset:,} of {length:,}")
        except (TemporaryError, PermanentError) as e:
            # botocore reports an answer that is too short as an error of no kind that it would repeat.
            if not isinstance(e, TemporaryError) and "IncompleteRead" not in type(e.__cause__).__name__:
                raise
            failures = failures + 1 if offset == before else 1
            if failures >= ATTEMPTS or length is None:
                raise TemporaryError(
                    f"{where}: cut off at byte {offset:,}, {failures} connections brought no more: {e}"
                ) from e
            time.sleep(pause_seconds)
