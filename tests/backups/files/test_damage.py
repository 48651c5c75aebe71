"""Planted damage is found and named; what is proven is not read again."""

from __future__ import annotations

import os
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from upkeep.backups.files import Packs, ResticFiles
from upkeep.backups.model import Copy, Level
from upkeep.errors import PermanentError


@dataclass
class Counted:
    """Packs that note which were read."""

    packs: Packs
    read: list[str] = field(default_factory=list)

    def sizes(self) -> dict[str, int]:
        return self.packs.sizes()

    def digest(self, name: str) -> str:
        self.read.append(name)
        return self.packs.digest(name)

    def missing(self) -> str | None:
        return None


@pytest.fixture
def copy(files: ResticFiles) -> Copy:
    return files.make("a")


def largest(files: ResticFiles) -> Path:
    folder = Path(files.repository.location) / "data"
    return max(folder.glob("??/*"), key=lambda file: file.stat().st_size)


def flip(file: Path) -> None:
    file.chmod(0o600)
    data = bytearray(file.read_bytes())
    data[1000] ^= 1
    file.write_bytes(data)


def test_a_flipped_byte_is_named(files: ResticFiles, copy: Copy, tmp_path: Path) -> None:
    damaged = largest(files)
    flip(damaged)
    proof = files.check(copy)[-1]
    assert proof.level == Level.CHECKSUMS
    assert [
        f"pack {damaged.name} of {files.repository.location} is damaged" in p for p in proof.problems
    ] == [True]
    with pytest.raises(PermanentError, match=r"ended with 1.*big"):
        files.restore(copy, tmp_path / "target")


@pytest.mark.parametrize("lost", [True, False], ids=["lost", "truncated"])
def test_a_lost_or_truncated_pack_is_named(files: ResticFiles, copy: Copy, lost: bool) -> None:
    damaged = largest(files)
    damaged.chmod(0o600)
    damaged.unlink() if lost else os.truncate(damaged, 1000)
    proof = files.check(copy)[-1]
    assert proof.level == Level.CHECKSUMS
    assert any(damaged.name in problem for problem in proof.problems)
    said = "does not exist" if lost else "unexpected file size"
    assert any(said in problem for problem in proof.problems)


def test_a_lost_copy_is_named(files: ResticFiles, copy: Copy) -> None:
    files.delete([copy])
    (proof,) = files.check(copy)
    assert (proof.level, proof.problems) == (
        Level.EXISTS, [f"a is gone from {files.repository.location}"],
    )  # fmt: skip


def test_proven_packs_are_not_read_again(files: ResticFiles, copy: Copy, source: Path) -> None:
    counted = Counted(files.packs)
    watched = replace(files, packs=counted)
    first = watched.check(copy)
    assert sorted(counted.read) == sorted(files.packs.sizes())
    counted.read.clear()
    (source / "new").write_bytes(os.urandom(50_000))
    second = watched.make("b")
    new = set(files.packs.sizes()) - {name for name in files.packs.sizes() if name[:16] in _read(first)}
    proofs = watched.check(second, before=first)
    assert set(counted.read) == new
    assert proofs[-1].evidence["bytes_read"] < 100_000
    counted.read.clear()
    watched.check(second, before=[*first, *proofs])
    assert counted.read == []


def test_a_proof_that_failed_proves_nothing(files: ResticFiles, copy: Copy) -> None:
    flip(largest(files))
    failed = files.check(copy)
    assert not failed[-1].holds
    assert not files.check(copy, before=failed)[-1].holds


def _read(proofs: object) -> set[str]:
    assert isinstance(proofs, list)
    return set(proofs[-1].evidence["packs_read"])
