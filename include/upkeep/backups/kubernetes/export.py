"""A namespace as one archive in S3: objects, what they depend on, and secrets that only a key opens.

Beside `<prefix><name>.tar.zst` lies `<name>.json`, its manifest, written last: an archive without one was
never finished. Nothing touches a disk on the way.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from upkeep.backups.kubernetes import sealing
from upkeep.backups.kubernetes.checking import check_archive
from upkeep.backups.kubernetes.cleaning import cleaned
from upkeep.backups.kubernetes.kinds import Kind, Object, label
from upkeep.backups.kubernetes.selection import (
    EVERYTHING,
    Seen,
    Selection,
    chosen_kinds,
    dependencies,
    everything,
)
from upkeep.backups.kubernetes.tarball import Writer, writing
from upkeep.backups.model import Copy, Proof
from upkeep.backups.objects.removal import remove_objects
from upkeep.clients.answers import NotFoundError, mapping, moment, parse_json
from upkeep.clients.aws.errors import aws_errors
from upkeep.clients.aws.multipart import MultipartUpload, abort_uploads
from upkeep.clients.aws.s3 import s3_head, s3_objects
from upkeep.clients.kubernetes.api import Api
from upkeep.errors import PermanentError

ARCHIVE, NOTE = ".tar.zst", ".json"
FACTS = ("namespace", "counts", "left_out", "sealed", "volumes", "cluster_roles", "selection")


@dataclass(frozen=True)
class NamespaceExport:
    """Backs up the objects of one namespace; a Method.

    s3: boto3's client. recipients: age public keys (`age1…`), at least one. extra: arguments of the stored
    objects, such as `{"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": …}`; without, the bucket decides.
    """

    api: Api
    namespace: str
    s3: Any
    bucket: str
    prefix: str
    recipients: Sequence[str]
    selection: Selection = EVERYTHING
    extra: Mapping[str, Any] | None = None

    def look(self) -> dict[str, Any]:
        """Return what would be exported: kinds, and whether the namespace is there. Only reads.

        Raises NotFoundError without the namespace or bucket, ConfigurationError for an unusable recipient.
        """
        sealing.seal(b"", self.recipients)
        self.api.get(f"/api/v1/namespaces/{self.namespace}")
        with aws_errors(f"s3://{self.bucket}"):
            self.s3.head_bucket(Bucket=self.bucket)
        kinds = [kind.name for kind in chosen_kinds(self.api, self.selection)]
        return {"namespace": self.namespace, "kinds": kinds, "to": f"s3://{self.bucket}/{self.prefix}"}

    def find(self, name: str) -> Copy | None:
        """Return the copy of this name if it is finished."""
        try:
            return self._copy(self._note(name))
        except NotFoundError:
            return None

    def make(self, name: str) -> Copy:
        """Export the namespace, unless this name is there already."""
        if found := self.find(name):
            return found
        sealing.seal(b"", self.recipients)
        started, seen = datetime.now(UTC), Seen()
        key = self._key(name, ARCHIVE)
        head = {
            "format": 1,
            "name": name,
            "namespace": self.namespace,
            "started_at": started.isoformat(),
            "selection": asdict(self.selection),
        }
        abort_uploads(self.s3, self.bucket, key)  # what a killed attempt left behind
        with MultipartUpload(self.s3, self.bucket, key, self.extra) as upload:
            with writing(upload, lambda content: sealing.seal(content, self.recipients)) as writer:
                facts = _write(writer, self.api, self.namespace, self.selection, seen)
                manifest = writer.finish(head | facts)
            stored = upload.finish()
        whole = {"key": key, "bytes": stored.bytes, "sha256": stored.sha256}
        note = manifest | {"ended_at": datetime.now(UTC).isoformat(), "archive": whole}
        body = json.dumps(note, indent=1).encode()
        with aws_errors(f"s3://{self.bucket}/{key}"):
            self.s3.put_object(Bucket=self.bucket, Key=self._key(name, NOTE), Body=body, **(self.extra or {}))
        return self._copy(json.loads(body))

    def copies(self) -> Iterator[Copy]:
        """Yield the exports under the prefix; one without its manifest was not finished, and says so."""
        found = {one.key: one for one in s3_objects(self.s3, self.bucket, self.prefix)}
        for key, one in found.items():
            if not key.endswith(ARCHIVE):
                continue
            name = key.removeprefix(self.prefix).removesuffix(ARCHIVE)
            if self._key(name, NOTE) in found:
                yield self._copy(self._note(name))
                continue
            problem = "it has no manifest: the export was not finished"
            where = f"s3://{self.bucket}/{key}"
            yield Copy(name, where, one.modified_at, one.modified_at, one.size_bytes, problems=(problem,))

    def delete(self, copies: Sequence[Copy]) -> None:
        """Delete copies with all their versions, each one's manifest first.

        So none is left that speaks of an archive that is gone.
        """
        if held := [copy.name for copy in copies if copy.held]:
            raise PermanentError(f"{', '.join(held)}: under legal hold; nothing was deleted")
        for copy in copies:
            abort_uploads(self.s3, self.bucket, self._key(copy.name, ARCHIVE))
            keys = [self._key(copy.name, suffix) for suffix in (NOTE, ARCHIVE)]
            remove_objects(self.s3, self.bucket, keys)

    def check(self, copy: Copy, before: Sequence[Proof] = ()) -> list[Proof]:
        """Examine a copy up to the checksums, and that no secret stands in it in clear."""
        return check_archive(self.s3, self.bucket, self._key(copy.name, ARCHIVE), copy, before)

    def _key(self, name: str, suffix: str) -> str:
        return f"{self.prefix}{name}{suffix}"

    def _note(self, name: str) -> dict[str, Any]:
        where = f"s3://{self.bucket}/{self._key(name, NOTE)}"
        with aws_errors(where):
            body = self.s3.get_object(Bucket=self.bucket, Key=self._key(name, NOTE))["Body"].read()
        return mapping(parse_json(body, where), where)

    def _copy(self, note: Mapping[str, Any]) -> Copy:
        key, problems = str(note["archive"]["key"]), []
        try:
            head = s3_head(self.s3, self.bucket, key)
            encryption = head.encryption or "none"
        except NotFoundError:
            encryption = None
            problems.append(f"{key} is gone, only its manifest is there")
        facts = {name: note[name] for name in FACTS} | {"members": note["members"]}
        return Copy(
            name=str(note["name"]),
            reference=f"s3://{self.bucket}/{key}",
            started_at=moment(note["started_at"], "started_at"),
            ended_at=moment(note["ended_at"], "ended_at"),
            bytes=int(note["archive"]["bytes"]),
            sha256=str(note["archive"]["sha256"]),
            encryption=encryption,
            facts=facts,
            problems=tuple(problems),
        )


def _write(writer: Writer, api: Api, namespace: str, selection: Selection, seen: Seen) -> dict[str, Any]:
    """Write all objects; return the facts for the manifest.

    Secrets come first. Any other object in which one of their values stands is sealed with them.
    """
    tales: set[str] = set()
    sealed: list[str] = []
    for kind, obj in everything(api, namespace, selection, seen):
        _add(writer, kind, cleaned(obj), tales, sealed)
    needed, noted = dependencies(api, namespace, seen)
    for obj in needed:
        writer.add("cluster", json.dumps(obj), sealed=False)
    return {"counts": seen.counts, "left_out": seen.left_out, "sealed": sealed, **noted}


def _add(writer: Writer, kind: Kind, obj: Object, tales: set[str], sealed: list[str]) -> None:
    line = json.dumps(obj)
    if sealing.is_secret(obj):
        tales |= sealing.tell_tales(obj)
        writer.add(f"objects/{kind.name}", line, sealed=True)
        return
    tells = any(tale in line for tale in tales)
    if tells:
        sealed.append(label(obj))
    writer.add(f"objects/{kind.name}", line, sealed=tells)
