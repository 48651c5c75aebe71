"""The backups of the AWS part go on being made while it runs, and faults hold until they are healed."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from moto.backends import get_backend

from sandbox import certificates
from sandbox.seeds.aws_names import ACCOUNT, REGION, SECOND_REGION
from sandbox.servers.aws_backups import Backups, Condition
from sandbox.servers.aws_estate import plant

SERVICES = ("rds", "s3", "iam", "acm", "logs", "cloudwatch", "secretsmanager", "route53")


@pytest.fixture
def backups(tmp_path: Path) -> Iterator[Backups]:
    certificates.prepare(tmp_path)
    reset()
    now = datetime.now(UTC).replace(hour=12, minute=1, second=0, microsecond=0)
    yield plant(tmp_path / "tls", now - timedelta(days=1))
    reset()


def reset() -> None:
    for service in SERVICES:
        for region in (REGION, SECOND_REGION, "aws"):
            if region in get_backend(service)[ACCOUNT]:
                get_backend(service)[ACCOUNT][region].reset()


def hourly(backups: Backups) -> list[str]:
    return sorted(key for key in backups.s3.get_bucket("tapio-backups").keys if key.startswith("data-"))


def test_each_backup_is_made_when_it_is_due(backups: Backups) -> None:
    before = hourly(backups)
    noon = backups.up_to
    backups.make_due(noon + timedelta(seconds=30))
    assert hourly(backups) == before
    backups.make_due(noon + timedelta(minutes=2))
    (made,) = set(hourly(backups)) - set(before)
    assert made == f"data-{noon:%Y%m%dT120000Z}.tar.gz"
    backups.make_due(noon + timedelta(hours=18))
    assert len(backups.rds.database_snapshots) == 15


def test_a_backup_that_goes_missing_stays_missing_until_it_is_healed(backups: Backups) -> None:
    now = backups.up_to
    before = hourly(backups)
    backups.set_condition("tapio/application_state", Condition.MISSING, now)
    assert len(before) - len(hourly(backups)) == 4
    later = now + timedelta(hours=3)
    backups.make_due(later)
    assert len(before) - len(hourly(backups)) == 4
    backups.set_condition("tapio/application_state", Condition.SOUND, later)
    assert len(hourly(backups)) == len(before) + 3


def test_those_made_while_they_are_too_small_are_too_small_and_heal(backups: Backups) -> None:
    name, now = "maintenance-api/database", backups.up_to
    backups.set_condition(name, Condition.UNDERSIZED, now)
    backups.make_due(now + timedelta(days=1))
    sizes = [key.size for _, key in sorted(backups.s3.get_bucket("maintenance-api-backups").keys.items())]
    assert max(sizes[-2:]) < 0.2 * min(sizes[:-2])
    backups.set_condition(name, Condition.SOUND, now + timedelta(days=1))
    sizes = [key.size for _, key in sorted(backups.s3.get_bucket("maintenance-api-backups").keys.items())]
    assert min(sizes) > 0.9 * max(sizes)


def test_a_healed_backup_is_as_it_was_however_long_it_was_broken(backups: Backups) -> None:
    name, now = "maintenance-api/database", backups.up_to
    keys = backups.s3.get_bucket("maintenance-api-backups").keys
    before = {key: one.etag for key, one in keys.items()}
    backups.set_condition(name, Condition.MISSING, now)
    backups.set_condition(name, Condition.SOUND, now + timedelta(hours=12))
    assert {key: one.etag for key, one in keys.items()} == before


def test_another_condition_replaces_the_one_before(backups: Backups) -> None:
    name, now = "quikapp/database", backups.up_to
    whole = len(backups.rds.database_snapshots)
    for condition in (Condition.MISSING, Condition.UNENCRYPTED):
        backups.set_condition(name, condition, now)
    newest = max(backups.rds.database_snapshots)
    assert len(backups.rds.database_snapshots) == whole
    assert not backups.rds.database_snapshots[newest].encrypted
    backups.set_condition(name, Condition.SOUND, now)
    assert backups.rds.database_snapshots[newest].encrypted


def test_a_policy_that_does_not_exist_is_refused(backups: Backups) -> None:
    with pytest.raises(KeyError):
        backups.set_condition("nobody/nothing", Condition.MISSING, backups.up_to)
