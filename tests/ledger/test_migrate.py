"""The migrations make what the code expects."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from alembic.autogenerate import compare_metadata
from sqlalchemy import Engine, create_engine

from upkeep.errors import ConfigurationError, TemporaryError
from upkeep.ledger import reads
from upkeep.ledger.migrate import context, current_revision, upgrade
from upkeep.ledger.tables import Base


def test_the_migrated_tables_are_those_of_the_code(ledger: Engine) -> None:
    with ledger.connect() as connection:
        assert compare_metadata(context(connection), Base.metadata) == []


def test_two_migrations_at_once_are_as_good_as_one(empty_database: Engine) -> None:
    assert current_revision(empty_database) is None

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(upgrade, [empty_database] * 4))

    assert current_revision(empty_database) == "0004"


def test_a_ledger_that_is_not_migrated_says_what_to_do(empty_database: Engine) -> None:
    with pytest.raises(ConfigurationError, match="run `upkeep ledger migrate`"):
        reads.findings(empty_database, "d", "r")


def test_a_ledger_that_does_not_answer_is_temporary_and_keeps_its_password() -> None:
    engine = create_engine("postgresql+psycopg://somebody:hunter2@127.0.0.1:1/ledger")

    with pytest.raises(TemporaryError, match="the ledger does not answer") as caught:
        reads.findings(engine, "d", "r")

    assert "hunter2" not in str(caught.value)
