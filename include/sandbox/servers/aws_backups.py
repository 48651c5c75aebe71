"""Puts backups into moto's buckets and snapshots, with the times they would have in the real world."""

from __future__ import annotations

import hashlib
import threading
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from moto.rds.models import RDSBackend
from moto.s3.models import S3Backend

from sandbox.seeds.aws_names import ACCOUNT, REGION
from sandbox.seeds.backups import KMS, POLICIES, Policy, policy
from sandbox.seeds.content import content

# The key of every bucket and of the RDS instance.
KMS_KEY = f"arn:aws:kms:{REGION}:{ACCOUNT}:key/5a0d2f0e-6a5f-4c8e-9a44-6d2b1c7e0f11"
UNDERSIZED = 0.08
"""The share of its size that an undersized backup has."""

MISSED_FOR = timedelta(hours=4)
"""A missing backup has been missing for longer than any grace time."""


class Condition(StrEnum):
    """How the newest backup of a policy is."""

    SOUND = "sound"
    MISSING = "missing"
    UNDERSIZED = "undersized"
    UNENCRYPTED = "unencrypted"


@dataclass
class Backups:
    """The backups in moto.

    up_to: they have been made up to that moment. planted: when sizes are those of the policies; a backup that
    is made anew has the size that it had.
    """

    s3: S3Backend
    rds: RDSBackend
    up_to: datetime
    planted: datetime
    broken: dict[str, tuple[Condition, list[datetime]]] = field(default_factory=dict)
    lock: threading.RLock = field(default_factory=threading.RLock)

    def make_all(self, now: datetime) -> None:
        """Make every backup that exists at `now`."""
        for one in POLICIES:
            for moment in one.moments(now - timedelta(days=400), now):
                self._make(one, moment)
        self.up_to = now

    def make_due(self, now: datetime) -> None:
        """Make the backups that became complete since the last time; none of a policy that is missing."""
        with self.lock:
            for one in POLICIES:
                condition, _ = self.broken.get(one.name, (Condition.SOUND, []))
                if condition is Condition.MISSING:
                    self.broken[one.name][1].extend(one.moments(self.up_to, now))
                    continue
                for moment in one.moments(self.up_to, now):
                    self._make(one, moment, condition)
                    if condition is not Condition.SOUND:
                        self.broken[one.name][1].append(moment)
            self.up_to = now

    def set_condition(self, name: str, condition: Condition, now: datetime) -> list[str]:
        """Bring the newest backup of a policy into a condition; return what was touched."""
        one = policy(name)
        with self.lock:
            self.make_due(now)  # else the newest could be one that is not there yet
            _, touched = self.broken.pop(name, (Condition.SOUND, []))
            for moment in touched:
                self._make(one, moment)
            if condition is Condition.SOUND:
                return _names(one, touched)
            moments = one.moments(now - timedelta(days=400), now)
            if condition is Condition.MISSING:
                since = now - one.interval(now) - MISSED_FOR
                moments = [moment for moment in moments if moment > since]
            else:
                moments = moments[-1:]
            for moment in moments:
                self._remove(one, moment)
                if condition is not Condition.MISSING:
                    self._make(one, moment, condition)
            self.broken[name] = (condition, moments)
            return _names(one, moments)

    def _make(self, one: Policy, moment: datetime, condition: Condition = Condition.SOUND) -> None:
        size = one.size_at(moment, self.planted)
        if condition is Condition.UNDERSIZED:
            size = max(1, round(size * UNDERSIZED))
        encrypted = condition is not Condition.UNENCRYPTED
        for name in _names(one, [moment]):
            if one.snapshot:
                self._make_snapshot(one, name, moment + one.takes, size, encrypted)
            else:
                self._make_object(one, name, moment, size, one.encryption if encrypted else None)

    def _make_snapshot(self, one: Policy, name: str, made: datetime, size: int, encrypted: bool) -> None:
        self.rds.database_snapshots.pop(name, None)
        snapshot = self.rds.create_db_snapshot(one.bucket, name)
        # moto knows no other time than now.
        snapshot.created = snapshot.original_snapshot_create_time = made.replace(tzinfo=None)
        snapshot.allocated_storage = size
        if not encrypted:
            snapshot.encrypted = snapshot.storage_encrypted = False
            snapshot.kms_key_id = None

    def _make_object(
        self, one: Policy, name: str, moment: datetime, size: int, encryption: str | None
    ) -> None:
        body = content(name, size, moment)
        key = self.s3.put_object(one.bucket, name, body, disable_notification=True)
        # Set here, for moto would give an unencrypted object the bucket's default.
        key.encryption, key.kms_key_id = encryption, KMS_KEY if encryption == KMS else None
        key.set_metadata({"x-amz-meta-sha256": hashlib.sha256(body).hexdigest()})
        key.last_modified = (moment + one.takes).replace(tzinfo=None)

    def _remove(self, one: Policy, moment: datetime) -> None:
        for name in _names(one, [moment]):
            if one.snapshot:
                self.rds.database_snapshots.pop(name, None)
            else:
                keys = self.s3.get_bucket(one.bucket).keys
                if name in keys:
                    keys.pop(name)


def _names(one: Policy, moments: list[datetime]) -> list[str]:
    return [moment.strftime(pattern) for moment in moments for pattern in one.names]
