"""Routines that change something: their schedules, their order, their forms."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.catalog.conftest import Folder

from upkeep.catalog.check import check_file
from upkeep.catalog.compiled import Catalog
from upkeep.catalog.plans import RoutinePlan

BACKUPS = """
backups:
  data:
    title: Data
    what: The data
    method: dump
    schedule: "0 */6 * * *"
    location: {kind: s3_objects, connection: my_shop_prometheus, bucket: shop, prefix: data/}
    source: {kind: database, name: main}
    encryption: none
resources:
  databases:
    main: {engine: postgres}
"""
RECOVER = """  - name: recover
    title: Recover
    purpose: Brings it back.
    cadence: recovery
    owner: oncall
    deadline_minutes: 60
    procedures:
      - {id: my-shop/daily/error-rates, kind: restore_dump, task: first, parameters: {policy: data}}
      - id: my-shop/daily/error-rates
        kind: restore_dump
        task: second
        after: [first]
        parameters: {policy: data}
"""


def plan(folder: Folder, routine: str = RECOVER, *changes: tuple[str, str]) -> RoutinePlan:
    _write(folder, routine, *changes)
    catalog = Catalog(folder.path, folder.cache)
    catalog.raise_problems()
    return next(one for one in catalog.plans() if one.routine != "daily_review")


def problems(folder: Folder, routine: str = RECOVER, *changes: tuple[str, str]) -> list[str]:
    _, found = check_file(_write(folder, routine, *changes))
    return [str(one).rpartition("my-shop.yaml:")[2] for one in found if one.level == "error"]


def _write(folder: Folder, routine: str, *changes: tuple[str, str]) -> Path:
    path = folder.add("my-shop")
    for old, new in changes:
        assert old in routine
        routine = routine.replace(old, new)
    path.write_text(path.read_text() + routine + BACKUPS)
    return path


def test_a_recovery_runs_by_hand(folder: Folder) -> None:
    made = plan(folder)

    assert (made.schedule, made.cadence) == ("", "recovery")
    assert [stage.name for stage in made.tasks[0].stages] == [
        "plan", "approve", "restore", "ready", "verify", "resume", "measure", "clean_up",
    ]  # fmt: skip


def test_of_two_recoveries_in_a_routine_each_has_a_choice_of_its_own(folder: Folder) -> None:
    first, second = plan(folder).tasks

    assert {"first_backup", "first_target"} < {field.parameter for field in first.fields}
    assert {"second_backup", "second_target"} < {field.parameter for field in second.fields}
    shared = {field.parameter for field in first.fields} & {field.parameter for field in second.fields}
    assert shared == {"lost_at", "despite_freeze"}
    assert second.after == ["first"]


def test_a_procedure_can_only_come_after_one_above_it(folder: Folder) -> None:
    (found,) = problems(folder, RECOVER, ("after: [first]", "after: [last]"))

    assert "'second' is to come after 'last', which is no procedure above it" in found


def test_only_what_acts_can_go_without_a_schedule(folder: Folder) -> None:
    (found,) = problems(folder, RECOVER, ("cadence: recovery", "cadence: weekly"))

    assert "the routine is weekly, but has no schedule, add 'schedule', five fields of cron" in found


@pytest.mark.parametrize(
    ("schedule", "minutes"),
    [
        ("0 */6 * * *", 360),
        ("*/15 * * * *", 15),
        ("0 2 * * *", 1440),
        ("0 8,20 * * 1-5", 720),
        ("* * * * *", 1),
    ],
)
def test_the_interval_of_a_backup_is_the_shortest_gap_of_its_schedule(
    folder: Folder, schedule: str, minutes: int
) -> None:
    routine = RECOVER.replace("cadence: recovery", f'cadence: backup\n    schedule: "{schedule}"')
    routine = routine[: routine.index("      - id: my-shop")].replace("restore_dump", "backup")

    assert plan(folder, routine).interval_minutes == minutes


def test_an_unknown_source_and_a_retention_of_no_days_are_refused(folder: Folder) -> None:
    path = _write(folder, RECOVER)
    path.write_text(path.read_text().replace("kind: database, name: main", "kind: tape"))
    _, found = check_file(path)

    assert any("backups.data.source" in str(one) for one in found)
