"""docs/backups.md names what the catalog takes and the kinds that there are, and its example is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from upkeep.catalog.check import check_content
from upkeep.catalog.models.backups import (
    BackupPolicy,
    BinlogSource,
    Keep,
    PgBackRestStanza,
    Proving,
    SecondRegion,
    job_of,
)
from upkeep.catalog.models.jobs import DumpJob
from upkeep.checks.registry import kinds

GUIDE = (Path(__file__).parents[2] / "docs/backups.md").read_text()

SYSTEM = """
title: Shop
description: A shop
guide: Shop's procedures
owners:
  operations: {title: Operations, email: operations@shop.example}
escalation:
  severities:
    P1: {title: High, definition: Broken, response_minutes: 15, resolution_minutes: 240}
  severity_words: {critical: P1, warning: P1}
  chains:
    operations: {levels: [{owner: operations, wait_minutes: 15}]}
  default_chain: operations
duties:
  - {id: shop/backup/database, what: The database}
  - {id: shop/backup/pictures, what: Old versions of pictures}
  - {id: shop/recovery/moment, what: The database as it was}
"""
"""What the example leaves out."""


EXAMPLE, BY_JOB, VERSIONS, TO_A_MOMENT = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, flags=re.M | re.S)


@pytest.mark.parametrize(
    ("example", "policies"),
    [(EXAMPLE, {"database"}), (VERSIONS, set()), (TO_A_MOMENT, {"orders", "carts", "carts_log"})],
)
def test_example_passes_the_check_of_the_catalog(example: str, policies: set[str]) -> None:
    system, problems = check_content(Path("shop.yaml"), (SYSTEM + example).encode())
    assert [str(problem) for problem in problems] == []
    assert system is not None
    assert set(system.backups) == policies


def test_example_of_a_job_fits_into_it() -> None:
    by_worker, connections = "    source: {kind: database, name: main}\n", "connections: {"
    assert by_worker in EXAMPLE
    text = SYSTEM + EXAMPLE.replace(by_worker, BY_JOB).replace(
        connections, f"{connections}kubernetes: shop_kubernetes, "
    )
    system, problems = check_content(Path("shop.yaml"), (text + "workload: {namespace: shop}\n").encode())
    assert [str(problem) for problem in problems] == []
    assert system is not None
    assert job_of(system.backups["database"]) is not None


@pytest.mark.parametrize(
    "model", [BackupPolicy, BinlogSource, DumpJob, Keep, PgBackRestStanza, Proving, SecondRegion]
)
def test_guide_names_every_field_of(model: type[BackupPolicy]) -> None:
    missing = [name for name in model.model_fields if not re.search(rf"`[^`]*\b{name}\b", GUIDE)]
    assert missing == []


def test_guide_names_every_kind_that_acts_and_no_other() -> None:
    words = r"(?:restore|return|drill|fail_over|expire_object)_\w+|roll_back|verify_backup"
    named = set(re.findall(f"`({words})`", GUIDE))
    assert named == {name for name, kind in kinds().items() if kind.act is not None} - {"backup"}
