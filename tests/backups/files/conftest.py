"""A real restic, its repositories in folders and in moto's S3, and files to back up."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.servers.aws import REGION, Aws, aws

from sandbox import programs
from sandbox.errors import PartMissing
from upkeep.backups.files import FolderPacks, Repository, ResticFiles, S3Packs

PASSWORD = "correct-horse"


@pytest.fixture(scope="session")
def restic() -> str:
    try:
        return str(programs.find("restic"))
    except PartMissing as absent:
        pytest.skip(str(absent))


@pytest.fixture(scope="session")
def password(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("secret") / "restic"
    file.touch(mode=0o600)
    file.write_text(PASSWORD)
    return file


@pytest.fixture(scope="session")
def empty_repository(restic: str, password: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty repository, made once: restic measures for a second how slow the password must be to try."""
    place = tmp_path_factory.mktemp("restic") / "empty"
    repository = Repository(location=str(place), password_file=password, program=restic)
    ResticFiles(repository=repository, packs=FolderPacks(place), source="s").initialise()
    return place


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A tree of some files, one of them of several packs' size or nearly."""
    folder = tmp_path / "source"
    (folder / "sub").mkdir(parents=True)
    (folder / "big").write_bytes(os.urandom(3_000_000))
    (folder / "sub" / "ä name").write_text("text")
    (folder / "link").symlink_to("sub")
    (folder / "empty").touch()
    return folder


@pytest.fixture
def files(restic: str, password: Path, empty_repository: Path, source: Path, tmp_path: Path) -> ResticFiles:
    """Backups of `source` to a repository in a folder."""
    place = tmp_path / "repository"
    shutil.copytree(empty_repository, place)
    repository = Repository(location=str(place), password_file=password, program=restic, timeout_seconds=120)
    return ResticFiles(repository=repository, packs=FolderPacks(place), source="tapio", paths=(source,))


@pytest.fixture(scope="session")
def s3() -> Iterator[Aws]:
    with aws() as server:
        yield server


@pytest.fixture
def in_s3(restic: str, password: Path, source: Path, s3: Aws) -> Callable[[str], ResticFiles]:
    """Return backups of `source` to a repository in a bucket, which need not be there."""

    def make(bucket: str, url: str = s3.url) -> ResticFiles:
        keys = {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test", "AWS_DEFAULT_REGION": REGION}
        repository = Repository(
            location=f"s3:{url}/{bucket}/files/tapio", password_file=password, program=restic,
            environment=keys, timeout_seconds=120, answer_seconds=60,
        )  # fmt: skip
        packs = S3Packs(s3["s3"], bucket, "files/tapio")
        return ResticFiles(repository=repository, packs=packs, source="tapio", paths=(source,))

    return make
