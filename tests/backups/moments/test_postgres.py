"""A run restores a PostgreSQL of ours to a moment: chosen, refused, killed, damaged, kept, rehearsed."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from sqlalchemy import Engine
from tests.acts.runs import Stages
from tests.backups.physical.conftest import Source, until
from tests.servers.moments import WAL, clients, come_to_it, ids, run_of
from tests.servers.situation import ask, make_context, make_system

from upkeep.backups.model import Level, Proof
from upkeep.backups.physical import PgBackRest
from upkeep.backups.physical.place import PgBackRestPlace
from upkeep.backups.physical.stanza import Stanza
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.findings import State
from upkeep.ledger.backups import known_backups, record_backup, record_proofs

LABEL = "20261121t140500z-1a2b3c4d"


@pytest.fixture
def start(ledger: Engine, backed_up: Source, folder: Path) -> Callable[..., Stages]:
    """Begin a run; `to` is one of the source's moments."""

    def make(kind: str = "restore_moment", to: str = "", stanza: Stanza | None = None, **form: Any) -> Stages:
        if to:
            form["moment"] = backed_up.moments[to].isoformat()
        return run_of(ledger, clients(stanza or backed_up.stanza, folder), kind, **form)

    return make


@pytest.fixture
def restored(folder: Path) -> Path:
    """Where a run puts what it restores."""
    return folder / f"moment-{LABEL}"


def test_without_a_moment_the_run_says_which_there_are(start, backed_up: Source, folder: Path) -> None:
    result = start().do("plan")
    assert result.stop
    [choice] = result.findings[0].evidence["choices"]
    assert "on timeline 1 from" in choice
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize(("moment", "rows"), [("one", 1), ("two", 2)])
def test_exactly_the_rows_of_the_moment(start, restored: Path, moment: str, rows: int) -> None:
    run = start(to=moment)
    come_to_it(run)
    assert ids(restored) == [1] * rows
    assert [one.state for one in run.until("verify").findings] == [State.OK]
    run.until("clean_up")
    assert not restored.exists()


def test_outside_the_window_both_ends_are_named(start, backed_up: Source, folder: Path) -> None:
    day = timedelta(days=1)
    for moment in (backed_up.moments["one"] - day, backed_up.moments["two"] + day):
        with pytest.raises(PermanentError, match=r"What can: \S+ to \S+ on timeline 1"):
            start(moment=moment.isoformat()).do("plan")
    with pytest.raises(PermanentError, match=r"00000003\.history is not in the archive"):
        start(to="one", timeline=3).do("plan")
    with pytest.raises(ConfigurationError, match="no name for a folder"):
        start(to="one", target="../elsewhere").do("plan")
    assert list(folder.iterdir()) == []


def lose(place: Path, number: int) -> str:
    """Remove a segment of an archive, counted from its newest; return its name."""
    found = sorted((place / "repo/archive/main").rglob("0*-*.gz"))[-number]
    found.unlink()
    return found.name.partition("-")[0]


def test_a_segment_that_is_missing_is_named(start, backed_up: Source, folder: Path) -> None:
    stanza = backed_up.repository(folder)
    lost = lose(folder, 3)
    with pytest.raises(PermanentError, match=f"where {lost} is missing"):
        start(to="two", stanza=stanza).do("plan")
    assert f"where {lost} is missing" in start(stanza=stanza).do("plan").said


def test_a_segment_that_was_lost_since_it_was_planned(
    start, backed_up: Source, folder: Path, restored
) -> None:
    stanza = backed_up.repository(folder)
    run = start(to="two", stanza=stanza)
    run.until("plan")
    for number in (1, 1, 1):
        lose(folder, number)
    with pytest.raises(PermanentError, match="cannot be recovered to"):
        run.do("restore")
    assert not restored.exists()


def test_a_folder_of_somebody_else_stays(start, restored: Path) -> None:
    restored.mkdir()
    (restored / "theirs").touch()
    with pytest.raises(PermanentError, match="files of somebody else"):
        start(to="one").do("plan")
    assert [one.name for one in restored.iterdir()] == ["theirs"]


def test_two_runs_never_share_a_folder(start, folder: Path) -> None:
    first = start(to="one", target="same")
    first.until("restore")
    other = start(to="one", target="same", label="20261121t150000z-00000000")
    with pytest.raises(PermanentError, match="holds another restore"):
        other.do("plan")
    other.act = replace(other.act, carried={"plan": first.act.carried["plan"]})
    with pytest.raises(PermanentError, match="not what this run has made"):
        other.do("clean_up")
    assert (folder / "same/data/PG_VERSION").exists()
    first.do("clean_up")
    assert list(folder.iterdir()) == []


def test_its_machine_was_restarted(start, restored: Path) -> None:
    run = start(to="one")
    come_to_it(run)
    pid = int((restored / "data/postmaster.pid").read_text().splitlines()[0])
    os.kill(pid, 9)
    until(lambda: not Path(f"/proc/{pid}").exists(), "the server is gone")
    assert [one.state for one in run.until("verify").findings] == [State.OK]
    assert ids(restored) == [1]
    run.until("clean_up")


def test_what_stays_takes_writes_and_archives_nothing(start, backed_up: Source, restored: Path) -> None:
    before = backed_up.stanza.archive()
    run = start(to="one", keep=True)
    come_to_it(run)
    assert (restored / "pgbackrest.conf").stat().st_mode & 0o077 == 0
    run.until("clean_up")
    assert not (restored / "pgbackrest.conf").exists()
    opened = psycopg2.connect(host=str(restored / "run"), port=5432, user="postgres", dbname="postgres")
    with opened, opened.cursor() as cursor:
        cursor.execute("INSERT INTO t VALUES (5)")
    opened.autocommit = True
    with opened.cursor() as cursor:
        cursor.execute("SELECT pg_switch_wal()")
    opened.close()
    assert sorted(ids(restored)) == [1, 5]
    assert backed_up.stanza.archive() == before
    assert "is in use as" in run.do("verify").said  # cleared later: what people wrote is not judged
    run.act = replace(run.act, form={**run.act.form, "keep": False})
    run.do("clean_up")
    assert not restored.exists()


def test_a_drill_goes_to_the_newest_and_no_further(start, backed_up: Source, restored: Path) -> None:
    run = start("drill_moment")
    run.until("lose")
    backed_up.sql("INSERT INTO t VALUES (7)")
    backed_up.archived()
    come_to_it(run)
    assert ids(restored) == [9, 9]
    done = run.until("measure")
    assert [one.check.partition("{")[0] for one in done.findings] == ["recovery_time", "recovery_loss"]
    run.until("clean_up")
    assert not restored.exists()
    backed_up.sql("DELETE FROM t WHERE id = 7")
    backed_up.archived()


def test_what_is_not_as_it_must_be_is_never_put_into_use(
    ledger: Engine, backed_up: Source, folder: Path
) -> None:
    parts = {
        **WAL,
        "backups": {
            "wal": {
                **WAL["backups"]["wal"],
                "proof": {
                    "assertions": [
                        {"title": "many rows", "sql": "SELECT count(*) > 100 FROM t", "expect": "true"}
                    ]
                },
            }
        },
    }
    run = run_of(
        ledger,
        clients(backed_up.stanza, folder),
        "restore_moment",
        parts=parts,
        keep=True,
        moment=backed_up.moments["one"].isoformat(),
    )
    come_to_it(run)
    [verified] = run.until("verify").findings
    assert (verified.state, "'many rows'" in verified.summary) == (State.CRITICAL, True)
    for stage in ("resume", "measure"):
        with pytest.raises(PermanentError, match="verified"):
            run.do(stage)
    run.act = replace(run.act, form={**run.act.form, "keep": False})
    run.do("clean_up")


def test_a_backup_that_was_found_broken_is_not_used(start, ledger: Engine, backed_up: Source) -> None:
    [copy] = PgBackRest(stanza=backed_up.stanza).copies()
    made = record_backup(ledger, "shop", "wal", copy, ("shop_backup", "1"))
    start(to="one").do("plan")
    record_proofs(ledger, made, [Proof(Level.CHECKSUMS, copy.ended_at, ["a page is damaged"])], ("a", "1"))
    assert known_backups(ledger, "shop", "wal")[0].broken
    with pytest.raises(PermanentError, match="no base backup"):
        start(to="one").do("plan")


def test_the_daily_check_asks_pgbackrest(backed_up: Source, folder: Path) -> None:
    """An incremental backup is judged by the size of the cluster; an open repository is not encrypted."""
    policy = {**WAL["backups"]["wal"], "smallest_bytes": 1_000_000}
    place = PgBackRestPlace(backed_up.stanza, folder)
    for promised, state in (("aes-256-cbc", State.OK), ("aws:kms", State.CRITICAL)):
        system = make_system(**{**WAL, "backups": {"wal": {**policy, "encryption": promised}}})
        context = make_context(system, as_of=datetime.now(UTC), pgbackrest={"main": place})
        found = ask("backup_status", context)
        assert found["backup_size{policy=wal}"].source == "pgbackrest: main"
        assert found["backup_encryption{policy=wal}"].state is state
        for question in ("complete", "size"):
            assert found[f"backup_{question}{{policy=wal}}"].state is State.OK
