"""Which backup a recovery takes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from upkeep.acts.choosing import chosen, require_sound
from upkeep.acts.model import Act
from upkeep.backups.model import Copy, Level, Proof
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.ledger.backups import backup_id, record_backup, record_deleted, record_proofs

pytestmark = pytest.mark.integration

FIRST = datetime(2026, 11, 1, 2, tzinfo=UTC)
DAY = timedelta(days=1)
NAMES = ["one", "two", "three", "four"]
"""A backup a day from FIRST on: proven, proven, broken, not examined."""


@pytest.fixture
def four(ledger: Engine) -> None:
    for number, name in enumerate(NAMES):
        at = FIRST + number * DAY
        record_backup(ledger, "shop", "database", Copy(name, f"s3://b/{name}", at, at, 1), ("backup", name))
    for number, name in enumerate(NAMES[:3]):
        problems = ["a byte was flipped"] if name == "three" else []
        proof = Proof(Level.CHECKSUMS, FIRST + number * DAY, problems)
        record_proofs(ledger, backup_id("shop", "database", name), [proof], ("backup", name))


@pytest.fixture
def choose(act: Callable[..., Act]) -> Callable[..., str]:
    def name(backup: str | None = None, planned: str | None = None) -> str:
        carried = {"plan": {"facts": {"backup": planned}}} if planned else {}
        return chosen(act(form={"backup": backup}, carried=carried), "database").copy.name

    return name


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize("wanted", [None, "", "latest proven"])
def test_by_default_it_is_the_newest_that_is_proven(choose, wanted) -> None:
    assert choose(wanted) == "two"


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize("name", ["one", "two", "four"])
def test_by_its_name_it_may_be_one_that_nobody_examined(choose, name) -> None:
    assert choose(name) == name


@pytest.mark.usefixtures("four")
def test_a_broken_one_is_refused_by_its_name(choose) -> None:
    with pytest.raises(PermanentError, match="three was found broken: a byte was flipped; choose another"):
        choose("three")


@pytest.mark.usefixtures("four")
def test_an_unknown_name_is_answered_with_those_there_are(choose) -> None:
    with pytest.raises(
        PermanentError, match=r"no backup 'five' of shop/database; the newest are four, three"
    ):
        choose("five")


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize(
    ("moment", "name"),
    [
        ("2026-11-30T00:00:00Z", "two"),
        ("2026-11-02T02:00:00+00:00", "two"),
        ("2026-11-02T02:59:59+01:00", "one"),
        ("2026-11-02T01:59:59Z", "one"),
    ],
)
def test_by_a_moment_it_is_the_newest_proven_of_then_or_earlier(choose, moment, name) -> None:
    assert choose(moment) == name


@pytest.mark.usefixtures("four")
def test_before_the_first_there_is_none(choose) -> None:
    with pytest.raises(PermanentError, match=r"no proven backup is of .* or earlier; choose a later moment"):
        choose("2026-11-01T01:59:59Z")


@pytest.mark.usefixtures("four")
@pytest.mark.parametrize("text", ["2026-11-02T12:00:00", "2026-11-02"])
def test_a_moment_without_a_zone_is_refused_with_one_that_is_taken(choose, text) -> None:
    with pytest.raises(ConfigurationError, match="no time zone; write one such as") as refused:
        choose(text)
    assert choose(str(refused.value).rsplit(" ", 1)[1]) in NAMES


@pytest.mark.usefixtures("four")
def test_what_the_plan_has_chosen_is_kept(choose, ledger: Engine) -> None:
    """A backup that is proven meanwhile is newer, and not what was approved."""
    proof = Proof(Level.CHECKSUMS, FIRST + 4 * DAY)
    record_proofs(ledger, backup_id("shop", "database", "four"), [proof], ("verify", "1"))
    assert choose() == "four"
    assert choose(planned="two") == "two"


@pytest.mark.usefixtures("four")
def test_what_was_planned_is_found_to_clean_up_after_it_broken_or_deleted(choose, ledger: Engine) -> None:
    record_deleted(ledger, "shop", "database", {"two": "expired"}, FIRST + 5 * DAY)
    assert [choose(planned=name) for name in ("two", "three")] == ["two", "three"]
    with pytest.raises(PermanentError, match="names five, which the ledger does not know"):
        choose(planned="five")


@pytest.mark.usefixtures("four")
def test_nothing_begins_with_what_is_broken_or_deleted_since_it_was_chosen(act, ledger: Engine) -> None:
    record_deleted(ledger, "shop", "database", {"two": "expired"}, FIRST + 5 * DAY)
    for name, why in (("two", "two was deleted since it was chosen"), ("three", "three was found broken")):
        with pytest.raises(PermanentError, match=why):
            require_sound(act(), backup_id("shop", "database", name))
    require_sound(act(), backup_id("shop", "database", "four"))
    require_sound(act(), None)


@pytest.mark.usefixtures("four")
def test_a_deleted_one_is_not_chosen(choose, ledger: Engine) -> None:
    record_deleted(ledger, "shop", "database", {"two": "expired"}, FIRST + 5 * DAY)
    assert choose() == "one"
    with pytest.raises(PermanentError, match="no backup 'two'"):
        choose("two")


def test_where_none_is_proven_it_says_what_there_is(choose, ledger: Engine) -> None:
    with pytest.raises(PermanentError, match="none that are there"):
        choose()
    copy = Copy("only", "s3://b/only", FIRST, FIRST, 1)
    record_backup(ledger, "shop", "database", copy, ("backup", "1"))
    with pytest.raises(PermanentError, match=r"no backup of shop/database is proven; .* one of only"):
        choose()
