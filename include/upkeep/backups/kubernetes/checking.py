"""Whether an archive in S3 is what its manifest says, byte by byte, and keeps its secrets."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from upkeep.backups.kubernetes.sealing import AGE_HEADER, in_clear
from upkeep.backups.kubernetes.tarball import MANIFEST, read_members
from upkeep.backups.model import Copy, Level, Proof
from upkeep.clients.answers import NotFoundError
from upkeep.clients.aws.errors import aws_errors
from upkeep.clients.aws.s3 import s3_head
from upkeep.errors import PermanentError

CHUNK = 1024 * 1024


class Body:
    """The bytes of an S3 object as they come, hashed; a file to read from."""

    def __init__(self, client: Any, bucket: str, key: str) -> None:
        self.where = f"s3://{bucket}/{key}"
        with aws_errors(self.where):
            self._stream = client.get_object(Bucket=bucket, Key=key)["Body"]
        self._hash = hashlib.sha256()

    def read(self, size: int = CHUNK) -> bytes:
        """Return up to `size` bytes, none at the end; raises what `aws_errors` raises."""
        with aws_errors(self.where):
            piece: bytes = self._stream.read(CHUNK if size < 0 else size)
        self._hash.update(piece)
        return piece

    def sha256(self) -> str:
        """Read to the end; return the checksum of all."""
        while self.read():
            pass
        return self._hash.hexdigest()

    def close(self) -> None:
        """Close the connection."""
        self._stream.close()


def check_archive(client: Any, bucket: str, key: str, copy: Copy, before: Sequence[Proof]) -> list[Proof]:
    """Return the proofs up to the checksums; an archive whose bytes are proven is not read again."""
    try:
        head = s3_head(client, bucket, key)
    except NotFoundError as e:
        return [_proof(Level.EXISTS, [str(e)])]
    proofs = [_proof(Level.EXISTS, [], bytes=head.size_bytes)]
    problems = [*copy.problems]
    if copy.bytes is not None and head.size_bytes != copy.bytes:
        problems.append(f"{key} has {head.size_bytes} bytes, {copy.bytes} were written")
    if problems or "members" not in copy.facts:
        return [*proofs, _proof(Level.COMPLETE, problems or [f"{key} has no manifest"])]
    if any(proof.holds and proof.evidence.get("sha256") == copy.sha256 for proof in before):
        return [*proofs, _proof(Level.COMPLETE, [], sha256=copy.sha256)]
    return [*proofs, *_read(Body(client, bucket, key), copy)]


def _read(body: Body, copy: Copy) -> Iterator[Proof]:
    """Read the archive once for both: what is in it, and its checksums."""
    incomplete: list[str] = []
    damaged: list[str] = []
    wanted = {row["name"]: row for row in copy.facts["members"]}
    found: set[str] = set()
    try:
        for name, content in read_members(body, body.where):
            found.add(name)
            if name != MANIFEST:
                _member(name, content, wanted.get(name), incomplete, damaged)
        digest = body.sha256()
    except PermanentError as e:
        damaged.append(str(e))
        digest = ""
    finally:
        body.close()
    missing = sorted({*wanted, MANIFEST} - found)
    incomplete += [f"{body.where}: {name} is missing" for name in missing]
    incomplete += _miscounted(copy.facts)
    if digest and digest != copy.sha256:
        damaged.append(f"{body.where}: its sha256 is {digest}, {copy.sha256} was written")
    yield _proof(Level.COMPLETE, incomplete, members=len(found), counts=dict(copy.facts["counts"]))
    yield _proof(Level.CHECKSUMS, damaged, sha256=digest)


def _member(
    name: str, content: bytes, wanted: Mapping[str, Any] | None, incomplete: list[str], damaged: list[str]
) -> None:
    if wanted is None:
        incomplete.append(f"{name} is not in the manifest")
    elif hashlib.sha256(content).hexdigest() != wanted["sha256"]:
        damaged.append(f"{name}: its bytes are not those that were written")
    if name.endswith(".age"):
        if not content.startswith(AGE_HEADER):
            incomplete.append(f"{name}: a secret in clear: not encrypted with age")
        return
    lines = content.decode(errors="replace").splitlines()
    if wanted is not None and len(lines) != wanted["objects"]:
        incomplete.append(f"{name} has {len(lines)} objects, {wanted['objects']} were written")
    for number, line in enumerate(lines, 1):
        try:
            secret = in_clear(line)
        except (json.JSONDecodeError, AttributeError):
            damaged.append(f"{name}:{number}: not an object")
            continue
        if secret:
            incomplete.append(f"{name}:{number}: a secret in clear: {secret}")


def _miscounted(facts: Mapping[str, Any]) -> Iterator[str]:
    """Yield the kinds of which the members hold another number than was exported."""
    held: dict[str, int] = {}
    for row in facts["members"]:
        kind = str(row["name"]).removeprefix("objects/").rpartition(".jsonl")[0].rpartition(".")[0]
        held[kind] = held.get(kind, 0) + int(row["objects"])
    for kind, count in facts["counts"].items():
        if held.get(kind, 0) != count:
            yield f"{held.get(kind, 0)} objects of {kind} are in it, {count} were exported"


def _proof(level: Level, problems: Sequence[str], **evidence: Any) -> Proof:
    return Proof(level, datetime.now(UTC), tuple(problems), evidence)
