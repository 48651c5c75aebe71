"""Copies by pgBackRest: made once, deleted where nothing needs them, safe against kills and a bad world."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.backups.files.test_kills import killed_when
from tests.backups.physical.conftest import Source, owned, running_source

from upkeep.backups.physical import DrillServer, PgBackRest, look, restore
from upkeep.backups.physical.place import PORT
from upkeep.clients.answers import NotFoundError
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError


@pytest.fixture(scope="module")
def own() -> Iterator[Source]:
    """A server of these tests: they make and delete copies."""
    with running_source() as source:
        PgBackRest(stanza=source.stanza).initialise()
        source.sql("CREATE TABLE t AS SELECT generate_series(1, 1000) AS id")
        source.sql("CREATE TABLE big AS SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, 40000) i")
        yield source


def names(backups: PgBackRest) -> list[str]:
    return [copy.name for copy in backups.copies()]


def test_a_copy_is_made_once_and_deleted_with_what_needs_it(own: Source) -> None:
    backups = PgBackRest(stanza=own.stanza)
    assert names(backups) == []
    full = backups.make("full")
    assert backups.make("full") == full == backups.find("full")
    part = backups.make("part")
    assert (full.facts["kind"], part.facts["kind"]) == ("full", "incr")
    assert part.facts["needs"] == [full.facts["label"]]
    assert part.bytes is not None
    assert full.bytes is not None
    assert part.bytes < full.bytes / 10
    assert full.encryption == "aes-256-cbc"
    new = replace(backups, kind="full").make("new")
    with pytest.raises(PermanentError, match=r"part needs .*: delete both or none; nothing was deleted"):
        backups.delete([full])
    with pytest.raises(PermanentError, match="part are held: nothing was deleted"):
        backups.delete([full, replace(part, held=True)])
    assert names(backups) == ["full", "part", "new"]
    first = min(one.name() for one in own.stanza.archive().segments)
    backups.delete([full, part])
    assert names(backups) == ["new"]
    backups.reclaim()
    kept = {one.name() for one in own.stanza.archive().segments}
    assert first not in kept
    assert new.facts["wal_start"] in kept
    assert backups.check(new)[-1].holds
    with pytest.raises(PermanentError, match="cannot be expired"):
        backups.delete([new])


def test_killed_while_it_copies(own: Source) -> None:
    backups = PgBackRest(stanza=own.stanza, kind="full")
    repo = own.folder / "repo/backup/main"
    before = {path.name for path in repo.iterdir()}

    def begun() -> bool:
        new = [path for path in repo.iterdir() if path.name not in before and path.is_dir()]
        return any(path.rglob("*.gz") for path in new)

    killed_when(lambda: backups.make("killed"), begun)
    assert backups.find("killed") is None
    made = backups.make("killed")
    assert names(backups).count("killed") == 1
    assert backups.check(made)[-1].holds
    labels = {path.name for path in repo.iterdir() if path.is_dir() and not path.is_symlink()}
    assert labels - {"backup.history"} == {copy.facts["label"] for copy in backups.copies()}
    assert own.sql("SELECT count(*) FROM t") == 1000


def test_killed_while_it_restores(own: Source, place: Path) -> None:
    backups = PgBackRest(stanza=own.stanza)
    backups.make("for-restore")
    plan = look(own.stanza, place / "drill")
    data = place / "drill/data/base"
    killed_when(
        lambda: restore(own.stanza, plan, place / "drill"), lambda: data.exists() and any(data.iterdir())
    )
    assert not (place / "drill/data/global/pg_control").exists()  # restored last: half a cluster cannot start
    assert look(own.stanza, place / "drill") == plan
    restore(own.stanza, plan, place / "drill")
    restore(own.stanza, plan, place / "drill")
    assert (place / "drill/data/global/pg_control").exists()
    # Nothing was written since: the base backup alone is what can be recovered.
    assert plan["type"] == "immediate"
    server = DrillServer(stanza=own.stanza, folder=place / "drill", port=PORT)
    server.start()
    try:
        assert not server.wait(60).promoted
        with server.connect() as connection, connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM t")
            assert cursor.fetchone() == (1000,)
        server.promote()
    finally:
        server.stop()


def test_two_at_once(own: Source) -> None:
    backups = PgBackRest(stanza=own.stanza, kind="full")
    other = threading.Thread(target=backups.make, args=("one",))
    other.start()
    try:
        lock = own.folder / "lock/main-backup.lock"
        while other.is_alive() and not (lock.exists() and lock.stat().st_size):
            pass
        with pytest.raises(TemporaryError, match="another pgBackRest works on it"):
            backups.make("two")
    finally:
        other.join()
    assert "two" not in names(backups)


@pytest.mark.parametrize(
    ("old", "new", "kind", "said"),
    [
        ("correct-horse", "wrong", ConfigurationError, "the repository's pass phrase"),
        ("/repo", "/nowhere", NotFoundError, "there is no such repository or stanza"),
        ("[main]", "[other]", NotFoundError, "there is no such repository or stanza"),
    ],
)
def test_a_wrong_configuration(  # noqa: PLR0917
    source: Source, place: Path, old: str, new: str, kind: type[Exception], said: str
) -> None:
    stanza = source.repository(place)
    stanza.config.write_text(stanza.config.read_text().replace(old, new))
    if new == "[other]":
        stanza = replace(stanza, name="other")
    backups = PgBackRest(stanza=stanza)
    for act in (lambda: list(backups.copies()), lambda: backups.make("x"), lambda: look(stanza, place / "d")):
        with pytest.raises(kind, match=said) as told:
            act()
        assert "correct-horse" not in str(told.value)


def test_a_configuration_that_others_may_read(source: Source, place: Path) -> None:
    stanza = source.repository(place)
    stanza.config.chmod(0o644)
    with pytest.raises(ConfigurationError, match="may be read by others"):
        PgBackRest(stanza=stanza).find("first")


def test_a_server_that_is_away(source: Source, place: Path) -> None:
    stanza = source.repository(place)
    text = stanza.config.read_text().replace(f"pg1-port={source.port}", "pg1-port=1")
    stanza.config.write_text(text)
    backups = PgBackRest(stanza=stanza)
    assert names(backups) == ["first", "second"]
    with pytest.raises(TemporaryError, match="cannot be reached"):
        backups.make("x")


@pytest.mark.usefixtures("as_root")
def test_the_disk_of_the_repository_is_full(own: Source, place: Path) -> None:
    small = place / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", small], check=True)
    try:
        repo = small / "repo"
        for kind in ("archive", "backup"):
            (repo / kind / "main").mkdir(parents=True)
            for file in (own.folder / "repo" / kind / "main").glob(f"{kind}.info*"):
                shutil.copy(file, repo / kind / "main")
        owned(small)
        text = own.stanza.config.read_text().replace(f"{own.folder}/repo", str(repo))
        text = text.replace("[global]", "[global]\narchive-check=n")  # the WAL goes to the other repository
        config = place / "full.conf"
        config.touch(mode=0o600)
        config.write_text(text)
        owned(config)
        with pytest.raises(PermanentError, match="the disk is full"):
            PgBackRest(stanza=replace(own.stanza, config=config), kind="full").make("full-disk")
    finally:
        subprocess.run(["umount", "-l", small], check=True)
    assert own.sql("SELECT count(*) FROM t") == 1000


@pytest.mark.usefixtures("as_root")
def test_the_disk_of_the_target_is_full(source: Source, place: Path) -> None:
    small = place / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", small], check=True)
    try:
        plan = look(source.stanza, place / "elsewhere")
        with pytest.raises(PermanentError, match="make room"):
            look(source.stanza, small / "drill")
        assert list(small.iterdir()) == []
        small.chmod(0o755)
        with pytest.raises(PermanentError, match="the disk is full"):
            restore(source.stanza, plan, small / "drill")
    finally:
        subprocess.run(["umount", "-l", small], check=True)
