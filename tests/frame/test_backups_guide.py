"""docs/backups.md names what the catalog takes and the kinds that there are, and its example is right."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from upkeep.catalog.check import check_content
from upkeep.catalog.models.backups import BackupPolicy, Keep, Proving, SecondRegion
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
"""
"""What the example leaves out."""


def test_example_passes_the_check_of_the_catalog() -> None:
    (example,) = re.findall(r"^```yaml\n(.*?)^```$", GUIDE, flags=re.M | re.S)
    system, problems = check_content(Path("shop.yaml"), (SYSTEM + example).encode())
    assert [str(problem) for problem in problems] == []
    assert system is not None
    assert "database" in system.backups


@pytest.mark.parametrize("model", [BackupPolicy, Keep, Proving, SecondRegion])
def test_guide_names_every_field_of(model: type[BackupPolicy]) -> None:
    missing = [name for name in model.model_fields if not re.search(rf"`[^`]*\b{name}\b", GUIDE)]
    assert missing == []


def test_guide_names_every_kind_that_acts_and_no_other() -> None:
    named = set(re.findall(r"`((?:restore|drill|fail_over)_\w+|roll_back|verify_backup)`", GUIDE))
    assert named == {name for name, kind in kinds().items() if kind.act is not None} - {"backup"}
