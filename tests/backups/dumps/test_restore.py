"""Restores beside and in place: what is refused, what is repeated, and what is never dropped."""

from __future__ import annotations

from dataclasses import replace

import pytest
from dumped_shop import contents, dump

from upkeep.backups.dumps.marks import Mark, databases, drop_restored
from upkeep.backups.dumps.restore import restore_dump, restore_plan
from upkeep.backups.dumps.swap import swap_in, swap_plan
from upkeep.errors import PermanentError

pytestmark = pytest.mark.integration


@pytest.fixture
def copy(server, s3):
    return dump(server, s3).make("nightly-1")


@pytest.fixture
def own(server):
    """A database of somebody's with a table in it."""
    target, those = server.at("somebodys"), databases(server)
    those.drop("somebodys")
    those.create("somebodys", {})
    with target.session() as session:
        session.run("CREATE TABLE things (a INT PRIMARY KEY)")
        session.run("INSERT INTO things VALUES (7)")
    yield target
    for name in ("somebodys", "somebodys_old"):
        those.drop(name)


def test_a_database_with_something_in_it_is_refused_and_left_alone(copy, s3, own):
    assert "exists and is not empty" in restore_plan(s3, copy, own)["problems"][0]
    with pytest.raises(PermanentError, match="exists and is not empty"):
        restore_dump(s3, copy, own)
    with own.session() as session:
        assert session.run("SELECT a FROM things") == [(7,)]


def test_an_empty_database_is_used(copy, s3, server, beside):
    databases(server).create(beside.database, copy.facts)
    restore_dump(s3, copy, beside)
    assert contents(beside) == contents(server)


def test_what_is_restored_is_not_restored_again(copy, s3, server, beside):
    first = restore_dump(s3, copy, beside)
    with beside.session() as session:
        session.run("DELETE FROM pictures")
    again = restore_dump(s3, copy, beside)
    assert again.again
    assert again.ended_at == first.ended_at
    with beside.session() as session:
        assert session.value("SELECT count(*) FROM pictures") == 0


def test_a_restore_of_another_dump_is_refused(copy, s3, server, beside):
    restore_dump(s3, copy, beside)
    other = dump(server, s3).make("nightly-2")
    assert "it holds a restore of" in restore_plan(s3, other, beside)["problems"][0]
    with pytest.raises(PermanentError, match="it holds a restore of"):
        restore_dump(s3, other, beside)


def test_the_plan_says_what_room_it_needs_and_compares_versions(copy, s3, beside, monkeypatch):
    assert restore_plan(s3, copy, beside)["needed_bytes"] == copy.facts["database_bytes"]
    older = {"mysql": "10.4.0-MariaDB", "postgres": "14.2"}[beside.engine]
    monkeypatch.setattr(type(databases(beside)), "version", lambda self: older)
    assert "older than the dump" in restore_plan(s3, copy, beside)["problems"][0]


def test_a_dump_of_the_other_engine_is_refused(copy, s3, server, request):
    other = {"mysql": "postgres_server", "postgres": "mysql_server"}[server.engine]
    target = request.getfixturevalue(other).at("shop_restored")
    with pytest.raises(PermanentError, match="cannot be restored there"):
        restore_dump(s3, copy, target)


def test_only_what_a_restore_made_is_dropped(copy, s3, server, beside, own):
    with pytest.raises(PermanentError, match="carries no mark"):
        drop_restored(own)
    databases(own).set_mark("somebodys", Mark("kept", copy.reference, None))
    with pytest.raises(PermanentError, match="kept for going back"):
        drop_restored(own)
    restore_dump(s3, copy, beside)
    with pytest.raises(PermanentError, match="not s3://other/one"):
        drop_restored(beside, "s3://other/one")
    assert drop_restored(beside, copy.reference)
    assert not databases(server).exists(beside.database)
    assert not drop_restored(beside, copy.reference)
    assert databases(server).exists("shop")


def _plain(server):
    """Remove from MariaDB's shop what cannot move to another database."""
    if server.engine == "mysql":
        with server.session() as session:
            for what in ("TRIGGER upper_name", "PROCEDURE nothing", "VIEW customer_names"):
                session.run(f"DROP {what}")


def test_in_place_the_old_one_is_kept_and_going_back_is_the_same(copy, s3, server, beside, own):
    restore_dump(s3, copy, beside)
    _plain(beside)
    if server.engine == "postgres":
        with own.session() as session:
            session.run("COMMENT ON DATABASE somebodys IS 'theirs'")
            session.run("ALTER DATABASE somebodys SET search_path = public, pg_temp")
            session.run("ALTER DATABASE somebodys SET work_mem = '5MB'")
            session.run("ALTER DATABASE somebodys CONNECTION LIMIT 17")
            session.run("REVOKE CONNECT ON DATABASE somebodys FROM PUBLIC")
            session.run("GRANT CREATE ON DATABASE somebodys TO zetra_admin")
    assert swap_plan(beside, "somebodys", "somebodys_old")["problems"] == []
    with own.session() as connected:  # somebody is connected all the time
        assert connected.value("SELECT a FROM things") == 7
        swap_in(beside, "somebodys", "somebodys_old")
    swap_in(beside, "somebodys", "somebodys_old")
    assert contents(own) == contents(server)
    with own.at("somebodys_old").session() as session:
        assert session.value("SELECT a FROM things") == 7
    with pytest.raises(PermanentError, match="kept for going back"):
        drop_restored(own.at("somebodys_old"))
    with pytest.raises(PermanentError, match="no mark"):
        drop_restored(own)
    if server.engine == "postgres":
        with own.session() as session:
            assert session.value("SHOW search_path") == "public, pg_temp"
            assert session.value("SHOW work_mem") == "5MB"
            assert session.run(
                "SELECT shobj_description(oid, 'pg_database'), datconnlimit, "
                "has_database_privilege('zetra_admin', oid, 'CREATE'), "
                "has_database_privilege('lessay', oid, 'CONNECT') "
                "FROM pg_database WHERE datname = 'somebodys'"
            ) == [("theirs", 17, True, False)]


def test_a_swap_is_refused_where_it_cannot_be_whole(copy, s3, server, beside, own):
    plan = swap_plan(beside, "somebodys", "somebodys_old")
    assert "no finished restore" in plan["problems"][0]
    restore_dump(s3, copy, beside)
    assert "there is no such database" in swap_plan(beside, "nobodys", "somebodys_old")["problems"][0]
    assert "is taken" in swap_plan(beside, "somebodys", "shop")["problems"][0]
    if server.engine == "mysql":
        with pytest.raises(PermanentError, match="the view customer_names cannot move"):
            swap_in(beside, "somebodys", "somebodys_old")
    with own.session() as session:
        assert session.value("SELECT a FROM things") == 7


def test_a_dump_of_a_changed_manifest_is_refused(copy, s3, beside):
    with pytest.raises(PermanentError, match="was changed"):
        restore_dump(s3, replace(copy, sha256="0" * 64), beside)
    assert not databases(beside).exists(beside.database)
