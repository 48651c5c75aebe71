"""Which backups the estate makes: when, where, how large, how encrypted, and kept how long."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from croniter import croniter

GROWTH_PER_MONTH = 1.05
KMS, AES = "aws:kms", "AES256"


@dataclass(frozen=True, kw_only=True)
class Policy:
    """One kind of backup.

    bucket: where it goes; of an RDS snapshot the instance, with `snapshot` set.
    names: patterns for `strftime` (UTC), one for each object of a backup.
    keeps: cron schedule (UTC) to days kept; several where older ones are thinned out.
    size: bytes of an object, of a snapshot GiB, as of now; earlier ones were smaller.
    takes: how long after its due time it is complete.
    """

    name: str
    bucket: str
    names: tuple[str, ...]
    keeps: dict[str, int]
    size: int
    encryption: str = KMS
    takes: timedelta = timedelta(minutes=4)
    snapshot: bool = False

    def moments(self, since: datetime, until: datetime) -> list[datetime]:
        """Return the due times of the backups that exist at `until` and came after `since`."""
        found: set[datetime] = set()
        complete = until - self.takes
        for cron, days in self.keeps.items():
            # Counted from when it was complete: there are as many at any hour.
            oldest = max(since, until - timedelta(days=days)) - self.takes
            found.update(_due(cron, oldest, complete))
        return sorted(found)

    def interval(self, at: datetime) -> timedelta:
        """Return the time between two backups around `at`, by the most frequent schedule."""
        found: list[timedelta] = []
        for cron in self.keeps:
            ahead = croniter(cron, at)
            first = ahead.get_next(datetime)
            found.append(ahead.get_next(datetime) - first)
        return min(found)

    def size_at(self, moment: datetime, now: datetime) -> int:
        """Return the size of a backup of `moment`: growth at the guides' 5 % a month, and 1 % of noise."""
        months = (now - moment) / timedelta(days=30.4)
        noise = random.Random(f"{self.name} {moment:%Y%m%d%H}").uniform(0.99, 1.01)
        size: float = self.size * GROWTH_PER_MONTH**-months * noise
        return max(1, round(size))


def _due(cron: str, since: datetime, until: datetime) -> Iterator[datetime]:
    ahead = croniter(cron, since)
    while (moment := ahead.get_next(datetime)) <= until:
        yield moment


STAMP = "%Y%m%dT%H%M%SZ"
DAY = "%Y/%m/%d"
KIB = 1024

POLICIES = (
    Policy(
        name="quikapp/database", bucket="quikapp-live", names=("quikapp-live-snapshot-%Y%m%d",),
        keeps={"0 3 * * *": 14}, size=520, takes=timedelta(minutes=12), snapshot=True,
    ),
    Policy(
        name="maintenance-api/database", bucket="maintenance-api-backups",
        names=("backup-%Y%m%d-%H%M%S.sql.gz",), keeps={"0 2 * * *": 30}, size=44 * KIB, encryption=AES,
    ),
    Policy(
        name="zetra/database", bucket="zetra-backups", names=(f"database/{DAY}/zetra-{STAMP}.dump",),
        keeps={"0 */6 * * *": 7, "0 0 * * *": 30}, size=36 * KIB,
    ),
    Policy(
        name="zetra/files", bucket="zetra-backups", names=(f"files/{DAY}/files-{STAMP}.tar.gz",),
        keeps={"0 1 * * *": 30}, size=60 * KIB, takes=timedelta(minutes=22),
    ),
    Policy(
        name="zetra/configuration", bucket="zetra-backups",
        names=(f"configuration/{DAY}/configuration-{STAMP}.yaml",), keeps={"30 1 * * *": 30}, size=9 * KIB,
    ),
    Policy(
        name="zetra/full_system", bucket="zetra-backups",
        names=("full-system/%Y/%m/%d/zetra_backup_%Y%m%d_%H%M%S.tar.gz",), keeps={"0 3 * * 0": 84},
        size=110 * KIB, takes=timedelta(minutes=50),
    ),
    Policy(
        name="lessay/database_hourly", bucket="lessay-backups",
        names=(f"database/hourly/{DAY}/lessay-{STAMP}.dump",), keeps={"0 * * * *": 7}, size=14 * KIB,
        takes=timedelta(minutes=2),
    ),
    Policy(
        name="lessay/database_daily", bucket="lessay-backups",
        names=(f"database/daily/{DAY}/lessay-{STAMP}.dump",), keeps={"0 1 * * *": 30}, size=42 * KIB,
    ),
    Policy(
        name="lessay/files", bucket="lessay-backups", names=(f"files/{DAY}/files-{STAMP}.tar.gz",),
        keeps={"30 1 * * *": 14}, size=20 * KIB,
    ),
    Policy(
        name="tapio/configuration", bucket="tapio-backups",
        names=tuple(f"configuration/{DAY}/{what}-{STAMP}.yaml" for what in ("config", "secrets", "custom")),
        keeps={"30 0 * * *": 30}, size=7 * KIB,
    ),
    Policy(
        name="tapio/application_state", bucket="tapio-backups", names=(f"data-{STAMP}.tar.gz",),
        keeps={"0 * * * *": 7, "0 0 * * *": 30}, size=16 * KIB, takes=timedelta(minutes=2),
    ),
    Policy(
        name="tapio/application_state_west", bucket="tapio-backups-west", names=(f"data-{STAMP}.tar.gz",),
        keeps={"0 * * * *": 7}, size=16 * KIB, takes=timedelta(minutes=9),
    ),
    Policy(
        name="tapio/log_archives", bucket="tapio-backups", names=(f"logs/{DAY}/logs-{STAMP}.tar.gz",),
        keeps={"45 0 * * *": 30}, size=24 * KIB,
    ),
    Policy(
        name="tapio/full_system", bucket="tapio-backups",
        names=(f"full-system/{DAY}/tapio-weekly-{STAMP}.tar.gz",), keeps={"30 4 * * 0": 84}, size=90 * KIB,
        takes=timedelta(minutes=35),
    ),
    Policy(
        name="tapio/database", bucket="tapio-backups", names=(f"database/{DAY}/tapio-{STAMP}.dump",),
        keeps={"0 4 * * 0": 84}, size=48 * KIB,
    ),
    Policy(
        name="tapio/certificates", bucket="tapio-backups",
        names=(f"certificates/{DAY}/certificates-{STAMP}.yaml",), keeps={"15 4 * * 0": 84}, size=6 * KIB,
    ),
    Policy(
        name="tapio/system_image", bucket="tapio-backups",
        names=(f"image/{DAY}/tapio-monthly-{STAMP}.tar.gz",), keeps={"0 5 1 * *": 366}, size=150 * KIB,
        takes=timedelta(minutes=70),
    ),
)  # fmt: skip


def policy(name: str) -> Policy:
    """Return the policy of that name. Raises KeyError."""
    return {one.name: one for one in POLICIES}[name]
