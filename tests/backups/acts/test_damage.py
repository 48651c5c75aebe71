"""Planted damage, as who looks at the runs sees it: found, named, and no longer called proven."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from tests.acts.runs import Stages
from tests.backups.acts.conftest import METHODS, Make
from tests.backups.acts.worlds import POLICY, World
from tests.backups.kubernetes.test_export_damage import Members, repack

from upkeep.backups.dumps.marks import databases
from upkeep.backups.kubernetes.sealing import unseal
from upkeep.backups.methods import making
from upkeep.backups.model import Level
from upkeep.errors import DamagedBackup, PermanentError
from upkeep.findings import Finding, State
from upkeep.ledger.backups import known_backups

pytestmark = pytest.mark.integration


def made(world: World) -> Stages:
    """Make, record and prove a backup."""
    run = world.run("backup")
    run.until("prove")
    assert known(world).proven is Level.CHECKSUMS
    return run


def known(world: World) -> Any:
    """Return what the ledger knows of the only backup."""
    [one] = known_backups(world.run("backup").act.engine, "shop", POLICY)
    return one


def examined(world: World, run: str = "asked") -> Finding:
    """Return what `verify_backup` finds."""
    [finding] = world.run("verify_backup", run).until("examine").findings
    return finding


@pytest.mark.parametrize("how", ["flipped", "cut", "lost"])
@pytest.mark.parametrize("method", METHODS)
def test_damage_of_what_was_proven(make: Make, method: str, how: str) -> None:
    """A flipped byte in a dump, a truncated archive, a lost pack: `verify_backup` reads all of it again."""
    world = make(method)
    made(world)
    body = world.read(world.largest())
    damaged = world.harm(how)
    finding = examined(world)
    assert finding.state is State.CRITICAL
    assert os.path.basename(damaged) in finding.summary
    assert known(world).broken

    world.s3.put_object(Bucket=world.bucket, Key=damaged, Body=body, ServerSideEncryption="AES256")
    assert examined(world, "again").state is State.OK
    assert known(world).proven is Level.CHECKSUMS


@pytest.mark.parametrize("how", ["flipped", "cut", "lost"])
@pytest.mark.parametrize("method", METHODS)
def test_damage_between_the_backup_and_its_proof(make: Make, method: str, how: str) -> None:
    world = make(method)
    run, state = world.run("backup"), world.state()
    run.until("ready")
    damaged = world.harm(how)
    [finding] = run.do("prove").findings
    assert finding.state is State.CRITICAL
    assert os.path.basename(damaged) in finding.summary
    assert known(world).broken
    assert world.state() == state


def test_a_dump_of_the_wrong_database(make: Make) -> None:
    world = make("postgres")
    made(world)
    told = world.told["database"]
    other = {**told, "postgres": {**told["postgres"], "database": "postgres"}}
    finding = examined(replace(world, told={**world.told, "database": other}))
    assert finding.state is State.CRITICAL
    assert "a dump of the wrong database: of 'shop', not 'postgres'" in finding.summary


def test_a_dump_that_is_not_encrypted_as_promised(make: Make) -> None:
    world = make("mysql")
    made(world)
    finding = examined(world.with_policy(encryption="aws:kms"))
    assert finding.state is State.CRITICAL
    assert "is encrypted by AES256; aws:kms was promised" in finding.summary


def test_a_secret_in_clear(make: Make) -> None:
    world = make("namespace")
    made(world)
    act = world.run("backup").act
    export: Any = making("shop", act.system, act.clients, POLICY).method

    def open_them(members: Members) -> Members:
        sealed = next(name for name in members if name.startswith("objects/secrets"))
        plain = unseal(members.pop(sealed), world.told["key"][1], "test")
        return {sealed.removesuffix(".age"): plain, **members}

    repack(world.s3, export, open_them, "data-one")
    finding = examined(world)
    assert finding.state is State.CRITICAL
    assert "a secret in clear: Secret/database" in finding.summary


@pytest.mark.parametrize("how", ["flipped", "torn", "cut"])
@pytest.mark.parametrize("method", ["postgres", "mysql"])
def test_damage_that_a_restore_meets(make: Make, method: str, how: str) -> None:
    """Whoever stumbles first, the program or the checksum: the dump is not called proven any more."""
    world = make(method)
    made(world)
    run = world.run("restore_dump", target="restored")
    run.until("plan")
    state, damaged = world.state(), world.harm(how)
    with pytest.raises(DamagedBackup, match=os.path.basename(damaged)):
        run.do("restore")
    assert known(world).broken
    with pytest.raises(PermanentError, match="was found broken"):
        world.run("restore_dump", "next", backup="data-one").do("plan")
    with pytest.raises(PermanentError, match="is proven; make one"):
        world.run("restore_dump", "next").do("plan")
    assert world.state() == state


@pytest.mark.parametrize("method", ["postgres", "mysql"])
def test_damage_that_a_plan_meets(make: Make, method: str) -> None:
    world = make(method)
    made(world)
    world.harm("cut")
    with pytest.raises(DamagedBackup, match=r"nothing was touched: .* cut off"):
        world.run("restore_dump", target="restored").do("plan")
    assert known(world).broken


@pytest.mark.parametrize("method", ["postgres", "mysql"])
def test_a_program_that_stops_on_a_whole_dump_leaves_it_proven(make: Make, method: str) -> None:
    """What the server refuses is not the dump's fault."""
    world = make(method)
    made(world)
    run = world.run("restore_dump", target="restored")
    run.until("plan")
    said = r"(mariadb|pg_restore) (ended with status|stopped reading)"
    with refusing(run), pytest.raises(PermanentError, match=said) as told:
        run.do("restore")
    assert not isinstance(told.value, DamagedBackup)
    assert known(world).proven is Level.CHECKSUMS
    run.until("verify")
    assert known(world).proven is Level.INVARIANTS


@contextmanager
def refusing(run: Stages) -> Iterator[None]:
    """Let the server refuse what is restored."""
    server = run.act.clients.database("restore")
    target = server.at("restored")
    if server.engine == "postgres":
        databases(server).create(target.database, {})
        with target.session() as session:
            session.run("ALTER DATABASE restored SET default_transaction_read_only = on")
        yield
        return
    with server.session() as session:
        session.run("SET GLOBAL max_statement_time = 0.000001")
    try:
        yield
    finally:
        with server.session() as session:
            session.run("SET GLOBAL max_statement_time = 0")


@pytest.mark.parametrize("method", ["postgres", "mysql"])
def test_rows_that_are_older_than_may_be_lost(make: Make, method: str) -> None:
    world = make(method).with_policy(proof={"newest": "SELECT max(at) FROM orders"})
    made(world)
    run = world.run("restore_dump", target="restored")
    [finding] = run.until("verify").findings
    assert finding.state is State.CRITICAL
    assert "minutes before the backup; at most 60 may be lost" in finding.summary
    assert known(world).broken
    with pytest.raises(PermanentError, match="nothing was verified"):
        run.do("resume")
