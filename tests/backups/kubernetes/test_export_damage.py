"""Damage in an archive, planted: each is found, and named with its place."""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from typing import Any

import pytest
import zstandard
from tests.backups.kubernetes import shop
from tests.backups.kubernetes.conftest import BUCKET, World

from upkeep.backups.kubernetes.export import NamespaceExport
from upkeep.backups.kubernetes.sealing import unseal
from upkeep.backups.model import Copy, Level
from upkeep.errors import PermanentError

Members = dict[str, bytes]


@pytest.fixture
def export(world: World, ns: str) -> NamespaceExport:
    """An export that was made."""
    made = world.export(ns)
    made.make("one")
    return made


def found(export: NamespaceExport) -> dict[Level, str]:
    """What an examination says, by level."""
    copy = next(iter(export.copies()))
    return {proof.level: "; ".join(proof.problems) for proof in export.check(copy)}


def rewrite(world: World, export: NamespaceExport, change: Callable[[bytes], bytes]) -> None:
    """Change the stored bytes alone."""
    key = f"{export.prefix}one.tar.zst"
    body = world.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    world.s3.put_object(Bucket=BUCKET, Key=key, Body=change(body))


def repack(s3: Any, export: NamespaceExport, change: Callable[[Members], Members], copy: str = "one") -> None:
    """Change the members as a broken exporter would: with manifest and checksums to match."""
    key = f"{export.prefix}{copy}"
    body = s3.get_object(Bucket=export.bucket, Key=f"{key}.tar.zst")["Body"].read()
    plain = zstandard.ZstdDecompressor().stream_reader(body).read()
    with tarfile.open(fileobj=io.BytesIO(plain)) as tar:
        members = {info.name: tar.extractfile(info).read() for info in tar}  # type: ignore[union-attr]
    members = change(members)
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    packed = zstandard.compress(out.getvalue())
    note: dict[str, Any] = json.loads(s3.get_object(Bucket=export.bucket, Key=f"{key}.json")["Body"].read())
    note["members"] = [
        {
            "name": name,
            "objects": next((row["objects"] for row in note["members"] if name.startswith(row["name"])), 0)
            or len(content.splitlines()),
            "bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
            "sealed": name.endswith(".age"),
        }
        for name, content in members.items()
        if name != "manifest.json"
    ]
    note["archive"] |= {"bytes": len(packed), "sha256": hashlib.sha256(packed).hexdigest()}
    s3.put_object(Bucket=export.bucket, Key=f"{key}.tar.zst", Body=packed)
    s3.put_object(Bucket=export.bucket, Key=f"{key}.json", Body=json.dumps(note).encode())


def test_a_flipped_byte(world: World, export: NamespaceExport) -> None:
    rewrite(world, export, lambda body: body[:900] + bytes([body[900] ^ 1]) + body[901:])
    assert "one.tar.zst" in found(export)[Level.CHECKSUMS]
    with pytest.raises(PermanentError, match=r"one\.tar\.zst"):
        world.read(next(iter(export.copies())))


def test_a_truncated_archive(world: World, export: NamespaceExport) -> None:
    rewrite(world, export, lambda body: body[: len(body) // 2])
    said = found(export)
    assert "bytes" in said[Level.COMPLETE]
    with pytest.raises(PermanentError):
        world.read(next(iter(export.copies())))


def test_one_cut_off_between_its_members(world: World, export: NamespaceExport) -> None:
    def drop(members: Members) -> Members:
        return {name: content for name, content in members.items() if "configmaps" not in name}

    repack(world.s3, export, drop)
    assert "configmaps" in found(export)[Level.COMPLETE]


def test_secrets_that_were_not_sealed(world: World, export: NamespaceExport) -> None:
    def open_them(members: Members) -> Members:
        sealed = next(name for name in members if name.startswith("objects/secrets"))
        plain = unseal(members.pop(sealed), world.keys.identity, "test")
        return {sealed.removesuffix(".age"): plain, **members}

    repack(world.s3, export, open_them)
    said = found(export)[Level.COMPLETE]
    assert "secrets.0001.jsonl:1: a secret in clear: Secret/database" in said
    assert "Secret/login" in said
    assert shop.encoded(shop.PASSWORD) not in said


def test_a_sealed_part_that_is_plain(world: World, export: NamespaceExport) -> None:
    def open_it(members: Members) -> Members:
        sealed = next(name for name in members if name.startswith("objects/secrets"))
        return {**members, sealed: unseal(members[sealed], world.keys.identity, "test")}

    repack(world.s3, export, open_it)
    assert "secrets.0001.jsonl.age: a secret in clear: not encrypted" in found(export)[Level.COMPLETE]


def test_a_secret_that_hides_in_an_annotation(world: World, export: NamespaceExport) -> None:
    applied = json.dumps({"kind": "Secret", "data": {"a": "b"}}, separators=(",", ":"))
    note = {"kubectl.kubernetes.io/last-applied-configuration": applied}
    line = (
        json.dumps({"kind": "ConfigMap", "metadata": {"name": "odd", "annotations": note}}).encode() + b"\n"
    )

    repack(world.s3, export, lambda members: {**members, "objects/odd.0001.jsonl": line})
    assert "a secret in clear: ConfigMap/odd" in found(export)[Level.COMPLETE]


def test_an_archive_that_is_gone(world: World, export: NamespaceExport) -> None:
    copy = next(iter(export.copies()))
    world.s3.delete_object(Bucket=BUCKET, Key=f"{export.prefix}one.tar.zst")
    (only,) = export.check(copy)
    assert (only.level, only.holds) == (Level.EXISTS, False)
    again = export.find("one")
    assert again is not None
    assert "gone" in again.problems[0]


def test_the_manifest_names_what_was_written(world: World, export: NamespaceExport) -> None:
    copy: Copy = next(iter(export.copies()))
    body = world.s3.get_object(Bucket=BUCKET, Key=f"{export.prefix}one.tar.zst")["Body"].read()
    assert (copy.bytes, copy.sha256) == (len(body), hashlib.sha256(body).hexdigest())
    assert all(not said for said in found(export).values())
