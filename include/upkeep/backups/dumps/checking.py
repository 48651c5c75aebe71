"""Whether a dump that is stored is whole: by what S3 knows of it, then by reading it once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any

from upkeep.backups.dumps import age, programs, stream
from upkeep.backups.dumps.child import Child
from upkeep.backups.dumps.contents import PostgresArchive, SqlText
from upkeep.backups.dumps.dump import AGE, Dump
from upkeep.backups.dumps.manifest import SUFFIX, Manifest, read_manifest, split
from upkeep.backups.model import Copy, Level, Proof
from upkeep.clients.aws.download import read_object
from upkeep.clients.aws.errors import aws_errors
from upkeep.clients.aws.s3 import S3Head
from upkeep.errors import BadAnswer, PermanentError, TemporaryError

_AGE_HEAD = b"age-encryption.org/v1"
_ROWS_NAMED = 5


def check(dump: Dump, copy: Copy, before: Sequence[Proof] = ()) -> list[Proof]:
    """Return the proofs of COMPLETE and, if that holds, of CHECKSUMS.

    Damage is a problem in a proof; what hinders looking (no network, no rights) is raised.
    """
    key = split(copy.reference)[1]
    complete, manifest, head = _complete(dump, copy, key)
    if not complete.holds or manifest is None or head is None:
        return [complete]
    for earlier in before:
        if earlier.level is Level.CHECKSUMS and earlier.holds and _same(earlier, manifest, head):
            return [complete, earlier]
    return [complete, _checksums(dump, manifest, head)]


def _complete(dump: Dump, copy: Copy, key: str) -> tuple[Proof, Manifest | None, S3Head | None]:
    at, where = datetime.now(UTC), copy.reference
    manifest, head = None, dump.store.head(key)
    problems: list[str] = []
    try:
        manifest = read_manifest(dump.client, dump.bucket, key)
        if manifest is None:
            problems.append(f"{where}{SUFFIX}: there is no manifest: nothing says that the dump was finished")
    except BadAnswer as e:
        problems.append(str(e))
    if head is None:
        problems.append(f"{where}: the object is gone")
    if head is not None and manifest is not None:
        problems += _differences(dump, copy, manifest, head)
    evidence: dict[str, Any] = {}
    if head is not None:
        evidence = {"bytes": head.size_bytes, "etag": head.etag, "version_id": head.version_id}
        evidence |= {"encryption": head.encryption, "kms_key": head.kms_key}
    return Proof(Level.COMPLETE, at, problems, evidence), manifest, head


def _differences(dump: Dump, copy: Copy, manifest: Manifest, head: S3Head) -> list[str]:
    where, found = copy.reference, []
    if copy.sha256 is not None and copy.sha256 != manifest.sha256:
        found.append(f"{where}{SUFFIX}: the manifest was changed: its sha256 is not the one recorded")
    if head.size_bytes != manifest.bytes:
        found.append(
            f"{where} has {head.size_bytes:,} bytes; its manifest says {manifest.bytes:,}: "
            "it is cut off or was replaced"
        )
    if head.size_bytes < dump.smallest_bytes:
        found.append(
            f"{where} has {head.size_bytes:,} bytes; a whole one has {dump.smallest_bytes:,} or more"
        )
    if manifest.database != dump.server.database:
        found.append(
            f"{where} is a dump of the wrong database: of {manifest.database!r}, not {dump.server.database!r}"
        )
    return found + _encryption(dump, where, head)


def _encryption(dump: Dump, where: str, head: S3Head) -> list[str]:
    """Return what is wrong with the encryption that the policy promises."""
    if dump.encryption == "age":
        with aws_errors(where):
            wanted = {"Bucket": dump.bucket, "Key": head.key, "Range": f"bytes=0-{len(_AGE_HEAD) - 1}"}
            first = dump.client.get_object(**wanted)["Body"].read(len(_AGE_HEAD))
        return [] if first == _AGE_HEAD else [f"{where} is not encrypted with age, as it was promised"]
    if dump.encryption == "none":
        return []
    if head.encryption != dump.encryption:
        found = head.encryption or "nothing"
        return [f"{where} is encrypted by {found}; {dump.encryption} was promised"]
    promised = dump.kms_key_id
    if promised and dump.encryption == "aws:kms" and not (head.kms_key or "").endswith(promised):
        return [f"{where} is encrypted with the key {head.kms_key}; {promised} was promised"]
    return []


def _same(earlier: Proof, manifest: Manifest, head: S3Head) -> bool:
    now = {"sha256": manifest.sha256, "etag": head.etag, "version_id": head.version_id}
    return all(earlier.evidence.get(name) == value for name, value in now.items())


def _checksums(dump: Dump, manifest: Manifest, head: S3Head) -> Proof:
    at, where = datetime.now(UTC), f"s3://{dump.bucket}/{head.key}"
    evidence: dict[str, Any] = {"sha256": manifest.sha256, "etag": head.etag, "version_id": head.version_id}
    problems: list[str] = []
    try:
        with ExitStack() as stack:
            contents, examine = _contents(dump, manifest, stack)
            problems += _read(dump, manifest, head, contents)
            found, seen = examine()
            problems += [f"{where}: {text}" for text in found]
            evidence |= seen
    except TemporaryError:
        raise
    except PermanentError as e:
        problems.append(str(e) if str(e).startswith(where) else f"{where}: {e}")
    return Proof(Level.CHECKSUMS, at, problems, evidence)


def _read(dump: Dump, manifest: Manifest, head: S3Head, contents: stream.Sink) -> list[str]:
    """Read the object once; its digest counts even where its contents cannot be read."""
    where, failure = f"s3://{dump.bucket}/{head.key}", None
    digest = stream.Digest(stream.Open(lambda _: None))
    chunks = read_object(dump.client, dump.bucket, head.key, version_id=head.version_id)
    for chunk in stream.read_ahead(chunks):
        digest.write(chunk)
        if failure is None:
            failure = _tried(lambda chunk=chunk: contents.write(chunk))  # type: ignore[misc]
    failure = failure or _tried(contents.close)
    problems = []
    if digest.sha256 != manifest.sha256:
        problems.append(f"{where}: its bytes were changed: the sha256 is not that of its manifest")
    if failure is not None:
        problems.append(failure if failure.startswith(where) else f"{where}: {failure}")
    return problems


def _tried(act: Callable[[], None]) -> str | None:
    try:
        act()
    except TemporaryError:
        raise
    except PermanentError as e:
        return str(e)
    return None


Examine = Callable[[], tuple[list[str], dict[str, Any]]]


def _contents(dump: Dump, manifest: Manifest, stack: ExitStack) -> tuple[stream.Sink, Examine]:
    """Return where the stored bytes go, and what says afterwards what was wrong inside, with evidence."""
    where = f"s3://{dump.bucket}/{manifest.key}"
    if manifest.format.endswith(AGE) and not dump.identities:
        return stream.Open(lambda _: None), lambda: ([], {"contents": "not read: no identity of age"})
    sink: stream.Sink
    inside: PostgresArchive | SqlText
    if dump.engine == "postgres":
        archive = _Archive(stack.enter_context(_reader(where)))
        sink, inside = archive, archive.head
    else:
        inside = SqlText()
        sink = stream.Decompress(inside, where)
    if manifest.format.endswith(AGE):
        sink = stack.enter_context(age.decrypt(sink, dump.identities, where))

    def examine() -> tuple[list[str], dict[str, Any]]:
        found = []
        if inside.database not in {None, dump.server.database}:
            found.append(f"it is a dump of the wrong database: of {inside.database!r}")
        rows = inside.rows if isinstance(inside, SqlText) else None
        found += _other_rows(manifest.facts.get("rows"), rows)
        return found, {"contents": "read to the end", "database": inside.database}

    return sink, examine


def _other_rows(expected: dict[str, int] | None, found: dict[str, int] | None) -> list[str]:
    if expected is None or found is None:
        return []
    differ = sorted(table for table in expected if found.get(table) != expected[table])
    named = ", ".join(f"{t}: {found.get(t)} of {expected[t]}" for t in differ[:_ROWS_NAMED])
    return [f"it has other rows than its manifest says: {named}"] if differ else []


def _reader(where: str) -> Child:
    """Return a program that unpacks an archive to its end and keeps nothing."""
    command = [programs.find("pg_restore").path, "--file=/dev/null"]
    return Child(command, {"LC_ALL": "C.UTF-8"}, where, reads=True)


class _Archive:
    """Feeds an archive to its program, and looks at its head."""

    def __init__(self, reader: Child) -> None:
        self._reader, self.head = reader, PostgresArchive()

    def write(self, data: bytes) -> None:
        self.head.write(data)
        self._reader.write(data)

    def close(self) -> None:
        self.head.close()
        self._reader.close()
