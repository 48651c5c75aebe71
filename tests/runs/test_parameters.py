"""What a person may give to a run."""

from datetime import UTC, datetime
from typing import Any

import pytest

from upkeep.errors import ConfigurationError
from upkeep.runs.parameters import read, refuse_unknown

TASKS = ["error_rates", "overnight_alerts"]


def test_nothing_given_means_everything_of_the_runs_own_moment() -> None:
    found = read({"as_of": None, "procedures": [], "dry_run": "auto"}, TASKS)

    assert found.as_of is None
    assert all(map(found.wants, TASKS))


def test_only_the_chosen_procedures_are_wanted() -> None:
    found = read({"procedures": ["error_rates"]}, TASKS)

    assert [task for task in TASKS if found.wants(task)] == ["error_rates"]


def test_auto_is_dry_unless_scheduled() -> None:
    kinds = ("scheduled", "manual", "backfill")

    assert [read({"dry_run": "auto"}, TASKS).is_dry(kind) for kind in kinds] == [False, True, True]
    assert [read({"dry_run": "no"}, TASKS).is_dry(kind) for kind in kinds] == [False, False, False]
    assert [read({"dry_run": "yes"}, TASKS).is_dry(kind) for kind in kinds] == [True, True, True]


def test_a_time_keeps_its_zone() -> None:
    found = read({"as_of": "2026-03-04T10:00:00+01:00"}, TASKS)

    assert found.as_of == datetime(2026, 3, 4, 9, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"as_of": "yesterday"}, "is no time"),
        ({"as_of": "2026-03-04T10:00:00"}, r"has no time zone; write 2026-03-04T10:00:00\+00:00"),
        ({"procedures": ["eror_rates"]}, "it has error_rates, overnight_alerts"),
        ({"dry_run": "maybe"}, "write one of auto, yes, no"),
    ],
)
def test_what_is_wrong_is_said_with_what_would_be_right(given: dict[str, Any], said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        read(given, TASKS)


def test_an_unknown_key_is_refused_with_the_list_of_known_ones() -> None:
    refuse_unknown({"as_of": None})
    refuse_unknown(None)
    with pytest.raises(ConfigurationError, match="unknown keys: asof; known are as_of, procedures, dry_run"):
        refuse_unknown({"asof": "2026-03-04"})


def test_every_procedure_chosen_by_hand_is_the_whole_routine() -> None:
    assert read({"procedures": list(TASKS)}, TASKS).procedures == frozenset()
