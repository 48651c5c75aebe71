"""Copies of files: made, found, listed, restored, deleted."""

from __future__ import annotations

import filecmp
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.servers.aws import Aws

from upkeep.backups.files import FolderPacks, Repository, ResticFiles
from upkeep.backups.model import Level
from upkeep.errors import ConfigurationError, PermanentError


def same(one: Path, other: Path) -> bool:
    found = filecmp.dircmp(one, other)
    _, different, errors = filecmp.cmpfiles(one, other, found.common_files, shallow=False)
    alone = [*found.left_only, *found.right_only, *different, *errors]
    return not alone and all(same(one / name, other / name) for name in found.common_dirs)


def restored(target: Path, source: Path) -> Path:
    return target / source.relative_to("/")


def test_a_copy_is_made_once_and_restored_whole(files: ResticFiles, source: Path, tmp_path: Path) -> None:
    made = files.make("tapio-files-20261121T020000Z")
    assert files.make(made.name) == made == files.find(made.name)
    assert list(files.copies()) == [made]
    assert made.facts["files"] == 3
    assert made.facts["bytes"] == 3_000_004
    assert made.bytes is not None
    assert made.bytes > 3_000_000
    assert made.started_at <= made.ended_at.replace(microsecond=999_999)
    assert made.encryption == "restic"
    plan = files.look(made, tmp_path / "target")
    assert plan["bytes"] == 3_000_004
    assert not (tmp_path / "target").exists()
    files.restore(made, tmp_path / "target")
    assert same(source, restored(tmp_path / "target", source))
    files.restore(made, tmp_path / "target")  # a repeat of what is done


def test_a_second_copy_stores_only_what_is_new(files: ResticFiles, source: Path) -> None:
    first = files.make("a")
    (source / "new").write_bytes(os.urandom(50_000))
    second = files.make("b")
    assert [copy.name for copy in files.copies()] == ["a", "b"]
    assert first.bytes is not None
    assert second.bytes is not None
    assert 50_000 <= second.bytes < 100_000


def test_only_copies_of_this_source_are_seen(files: ResticFiles) -> None:
    files.make("a")
    other = replace(files, source="zetra")
    assert list(other.copies()) == []
    other.make("a")
    assert len(list(other.copies())) == len(list(files.copies())) == 1


def test_what_is_deleted_is_gone_and_its_room_comes_back(files: ResticFiles, source: Path) -> None:
    old = files.make("old")
    (source / "big").write_bytes(b"small now")
    kept = files.make("kept")
    files.delete([old])
    files.delete([old])
    assert [copy.name for copy in files.copies()] == ["kept"]
    assert sum(files.packs.sizes().values()) > 3_000_000
    files.reclaim()
    assert sum(files.packs.sizes().values()) < 100_000
    assert all(proof.holds for proof in files.check(kept))


def test_what_is_held_stays_and_takes_the_rest_with_it(files: ResticFiles) -> None:
    held, other = replace(files.make("held"), held=True), files.make("other")
    with pytest.raises(PermanentError, match="held are held: nothing was deleted"):
        files.delete([other, held])
    assert len(list(files.copies())) == 2


@pytest.mark.parametrize("name", ["", "a,b", "a b", "-x", "a=b", "ü"])
def test_a_name_that_cannot_be_a_tag_is_refused(files: ResticFiles, name: str) -> None:
    with pytest.raises(ConfigurationError, match="cannot name a backup"):
        files.make(name)


def test_a_target_of_somebody_else_is_refused_and_left(files: ResticFiles, tmp_path: Path) -> None:
    made, other = files.make("a"), files.make("b")
    target = tmp_path / "target"
    target.mkdir()
    (target / "theirs").write_text("theirs")
    for act in (files.look, files.restore):
        with pytest.raises(PermanentError, match="has files of somebody else"):
            act(made, target)
    assert [p.name for p in target.iterdir()] == ["theirs"]
    files.restore(made, tmp_path / "free")
    with pytest.raises(PermanentError, match="holds another restore"):
        files.restore(other, tmp_path / "free")


def test_a_repository_in_s3(
    in_s3: Callable[[str], ResticFiles], s3: Aws, source: Path, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError, match="the bucket never-made is not there"):
        in_s3("never-made").initialise()
    assert "never-made" not in [one["Name"] for one in s3["s3"].list_buckets()["Buckets"]]
    s3.bucket("copies")
    files = in_s3("copies")
    files.initialise()
    files.initialise()
    made = files.make("a")
    proofs = files.check(made)
    assert [(p.level, p.holds) for p in proofs] == [
        (Level.EXISTS, True), (Level.COMPLETE, True), (Level.CHECKSUMS, True),
    ]  # fmt: skip
    assert len(proofs[-1].evidence["packs_read"]) == proofs[-1].evidence["packs"] > 0
    files.restore(made, tmp_path / "target")
    assert same(source, restored(tmp_path / "target", source))
    files.delete([made])
    files.reclaim()
    assert files.packs.sizes() == {}


def test_nothing_secret_is_shown(in_s3: Callable[[str], ResticFiles]) -> None:
    assert "AWS_SECRET" not in repr(in_s3("x"))


def test_a_password_that_others_may_read_is_refused(files: ResticFiles, tmp_path: Path) -> None:
    loose = tmp_path / "password"
    loose.write_text("x")
    loose.chmod(0o644)
    with pytest.raises(ConfigurationError, match="may be read by others"):
        _with(files, loose).find("a")


def _with(files: ResticFiles, password: Path) -> ResticFiles:
    repository = Repository(location=files.repository.location, password_file=password)
    return ResticFiles(repository=repository, packs=FolderPacks(Path(repository.location)), source="tapio")
