"""A full disk, a lost repository, a wrong password, a cut network: told clearly, in bounded time."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import pytest
from tests.servers.aws import Aws
from tests.servers.bad import hanging, refusing

from upkeep.backups.files import FolderPacks, ResticFiles
from upkeep.clients.answers import NotFoundError
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MB."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    folder = tmp_path / "small"
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", folder], check=True)
    yield folder
    subprocess.run(["umount", "-l", folder], check=True)


def test_a_wrong_password(files: ResticFiles, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong"
    wrong.touch(mode=0o600)
    wrong.write_text("wrong")
    with pytest.raises(ConfigurationError, match="the password is not this repository's") as told:
        replace(files, repository=replace(files.repository, password_file=wrong)).make("a")
    assert "correct-horse" not in str(told.value)
    assert list(files.copies()) == []


def test_a_repository_that_is_gone(files: ResticFiles) -> None:
    shutil.rmtree(files.repository.location)
    with pytest.raises(NotFoundError, match="there is no repository"):
        files.make("a")
    assert not Path(files.repository.location).exists()


def test_a_bucket_that_is_gone(in_s3: Callable[[str], ResticFiles], s3: Aws) -> None:
    with pytest.raises(NotFoundError, match="there is no repository"):
        in_s3("gone").make("a")
    assert "gone" not in [one["Name"] for one in s3["s3"].list_buckets()["Buckets"]]


def test_a_program_that_is_not_installed(files: ResticFiles) -> None:
    with pytest.raises(ConfigurationError, match="no-restic is not installed here"):
        replace(files, repository=replace(files.repository, program="no-restic")).find("a")


def test_a_server_that_refuses(in_s3: Callable[..., ResticFiles]) -> None:
    with refusing() as port, pytest.raises(TemporaryError, match="it cannot be reached"):
        in_s3("copies", f"http://127.0.0.1:{port}").find("a")


def test_a_server_that_never_answers(in_s3: Callable[..., ResticFiles]) -> None:
    with hanging() as port:
        files = in_s3("copies", f"http://127.0.0.1:{port}")
        files = replace(files, repository=replace(files.repository, answer_seconds=2))
        began = time.monotonic()
        with pytest.raises(TemporaryError, match="did not end within 2 s"):
            files.find("a")
        assert time.monotonic() - began < 15


def test_the_disk_of_the_repository_is_full(files: ResticFiles, small: Path, source: Path) -> None:
    place = small / "repository"
    shutil.copytree(files.repository.location, place)
    (source / "more").write_bytes(os.urandom(6_000_000))
    full = replace(
        files,
        repository=replace(files.repository, location=str(place), timeout_seconds=90, stall_seconds=5),
        packs=FolderPacks(place),
    )
    began = time.monotonic()
    with pytest.raises((PermanentError, TemporaryError), match=r"the disk is full|no progress"):
        full.make("a")
    assert time.monotonic() - began < 60
    assert (source / "more").stat().st_size == 6_000_000


def test_the_disk_of_the_target_is_full(files: ResticFiles, small: Path) -> None:
    made = files.make("a")
    with pytest.raises(PermanentError, match="make room"):
        files.look(made, small / "target")
    assert list(small.iterdir()) == []
    with pytest.raises(PermanentError, match="the disk is full"):
        files.restore(made, small / "target")


def test_a_file_that_cannot_be_read_makes_it_incomplete_until_it_can(files: ResticFiles) -> None:
    # Root reads whatever has no permissions; nobody reads the first page of a process's memory.
    lacking = replace(files, paths=[*files.paths, Path("/proc/self/mem")])
    made = lacking.make("a")
    assert made.problems == ["backup a lacks 1 source files, which could not be read"]
    assert list(lacking.copies()) == [made]
    assert lacking.find("a") is None
    assert [proof.holds for proof in lacking.check(made)] == [True, False]
    whole = files.make("a")
    assert whole.problems == []
    assert list(files.copies()) == [whole]


def test_a_file_that_changes_under_a_source_at_rest(files: ResticFiles, source: Path) -> None:
    # Written whenever restic has just read it: as a server does that was forgotten to be stopped.
    busy = Path(files.repository.location) / "locks"
    moving = replace(files, paths=[source, busy])
    made = moving.make("a")
    assert made.problems == ["backup a lacks 1 source files, which changed while they were read"]
    assert replace(moving, at_rest=False).make("a").problems == []


def test_the_network_is_cut_in_the_middle(in_s3: Callable[..., ResticFiles], s3: Aws, source: Path) -> None:
    s3.bucket("cut")
    in_s3("cut").initialise()
    (source / "more").write_bytes(os.urandom(40_000_000))
    with cutting(int(s3.url.rpartition(":")[2]), after_bytes=10_000_000) as port:
        files = in_s3("cut", f"http://127.0.0.1:{port}")
        files = replace(files, repository=replace(files.repository, stall_seconds=3))
        with pytest.raises(TemporaryError, match=r"made no progress for 3 s|it cannot be reached"):
            files.make("a")
    again = in_s3("cut")
    made = again.make("a")
    assert all(proof.holds for proof in again.check(made))
    assert list(again.copies()) == [made]


@contextmanager
def cutting(to: int, after_bytes: int) -> Iterator[int]:
    """Yield a port that passes everything on until so many bytes have come in, then nothing ever."""
    left = [after_bytes]
    opened: list[socket.socket] = []

    def copy(one: socket.socket, other: socket.socket, counted: bool) -> None:
        with suppress(OSError):
            while left[0] > 0 and (data := one.recv(65536)):
                left[0] -= len(data) if counted else 0
                other.sendall(data)
        for end in (one, other):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)

    def serve() -> None:
        with suppress(OSError):
            while True:
                near, _ = listening.accept()
                if left[0] <= 0:
                    near.close()
                    continue
                far = socket.create_connection(("127.0.0.1", to))
                opened.extend((near, far))
                for pair in ((near, far, True), (far, near, False)):
                    threading.Thread(target=copy, args=pair, daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listening:
        serving = threading.Thread(target=serve, daemon=True)
        serving.start()
        yield listening.getsockname()[1]
        listening.shutdown(socket.SHUT_RDWR)
        serving.join(5)
        for one in opened:
            one.close()
