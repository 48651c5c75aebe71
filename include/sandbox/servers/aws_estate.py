"""What the AWS account holds besides backups: the instance, buckets, users, certificates, logs, metrics."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from moto.backends import get_backend

from sandbox.seeds.aws_names import ACCOUNT, INSTANCE, REGION, SECOND_REGION
from sandbox.seeds.backups import AES, KMS
from sandbox.servers.aws_backups import KMS_KEY, Backups
from sandbox.servers.aws_region import plant_second_region
from sandbox.servers.aws_traffic import plant_traffic

BUCKETS = {
    "quikapp-media-live": KMS,
    "maintenance-api-backups": AES,
    "zetra-documents-production": KMS,
    "zetra-documents-archive": KMS,
    "zetra-backups": KMS,
    "lessay-backups": KMS,
    "tapio-backups": KMS,
    "tapio-backups-west": KMS,
}
USERS = {
    "quikapp-deploy": 40, "quikapp-backup": 75, "quikapp-audit": 12, "maintenance-api-backup": 58,
    "zetra-documents": 33, "zetra-backup": 82, "lessay-backup": 25, "tapio-backup": 61,
}  # fmt: skip
"""Service users, and the age of each one's access key in days."""

SECRETS = {"quikapp/database": 18, "quikapp/slack": 24, "zetra/database": 45, "lessay/payments": 51}
"""Secrets, and how many days ago each was rotated."""

CERTIFICATES = ("api.quikapp.com", "auth.quikapp.com")
ERROR_GROUP = f"/aws/rds/instance/{INSTANCE}/error"


def plant(certificates: Path, now: datetime) -> Backups:
    """Fill moto's account; return its backups, which go on being made."""
    _instance(now)
    _buckets(now)
    _users(now)
    _secrets(now)
    _certificates(certificates)
    _logs(now)
    _metrics(now)
    plant_second_region(now)
    plant_traffic()
    backups = Backups(s3=_backend("s3", "aws"), rds=_backend("rds"), up_to=now, planted=now)
    backups.make_all(now)
    return backups


def _backend(service: str, region: str = REGION) -> Any:
    return get_backend(service)[ACCOUNT][region]  # type: ignore[call-overload]


def _naive(moment: datetime) -> datetime:
    """Return the moment as moto keeps it: UTC without saying so."""
    return moment.astimezone(UTC).replace(tzinfo=None)


def _instance(now: datetime) -> None:
    rds = _backend("rds")
    instance = rds.create_db_instance(
        {
            "db_instance_identifier": INSTANCE,
            "db_instance_class": "db.r6g.xlarge",
            "db_name": "quikapp",
            "engine": "mysql",
            "engine_version": "8.0.39",
            "allocated_storage": 520,
            "max_allocated_storage": 1000,
            "storage_type": "gp3",
            "storage_encrypted": True,
            "kms_key_id": KMS_KEY,
            "master_username": "quikapp",
            "master_user_password": hashlib.sha256(now.isoformat().encode()).hexdigest()[:24],
            "backup_retention_period": 7,
            "preferred_backup_window": "03:00-03:30",
            "multi_az": True,
            "deletion_protection": True,
            "enable_cloudwatch_logs_exports": ["error", "slowquery"],
        }
    )
    instance.created = instance.instance_create_time = _naive(now - timedelta(days=700))
    rds.database_snapshots.clear()  # moto makes one by itself, dated now


def _buckets(now: datetime) -> None:
    s3 = _backend("s3", "aws")
    for name, encryption in BUCKETS.items():
        s3.create_bucket(name, SECOND_REGION if name.endswith("-west") else REGION)
        default = {"SSEAlgorithm": encryption} | ({"KMSMasterKeyID": KMS_KEY} if encryption == KMS else {})
        rule = {"ApplyServerSideEncryptionByDefault": default, "BucketKeyEnabled": False}
        s3.put_bucket_encryption(name, {"Rule": rule})
    s3.put_bucket_versioning("quikapp-media-live", "Enabled")
    for bucket, key, age_days in _files():
        body = hashlib.sha256(f"{key}{age_days}".encode()).digest() * 64
        made = s3.put_object(bucket, key, body, disable_notification=True)
        made.last_modified = _naive(now - timedelta(days=age_days))


def _files() -> Iterator[tuple[str, str, int]]:
    """Yield bucket, key and age in days; a key that comes again is a newer version."""
    for number in range(30):
        name = hashlib.sha256(str(number).encode()).hexdigest()[:12]
        yield "zetra-documents-production", f"documents/{name}.pdf", 30 * number + 3
        for version in range(1 + number % 3):
            yield "quikapp-media-live", f"files/{name}.pdf", 200 - number - 20 * version
    for version in range(3):
        yield "quikapp-media-live", "files/abc123.pdf", 90 - 30 * version


def _users(now: datetime) -> None:
    iam = _backend("iam", "aws")
    for name, age_days in USERS.items():
        user = iam.create_user(REGION, name)
        key = iam.create_access_key(name)
        user.create_date = key.create_date = _naive(now - timedelta(days=age_days))


def _secrets(now: datetime) -> None:
    manager = _backend("secretsmanager")
    for name, age_days in SECRETS.items():
        text = hashlib.sha256(f"{name}{now}".encode()).hexdigest()[:24]
        manager.create_secret(
            name=name, secret_string=text, secret_binary=None, description=None, tags=None, kms_key_id=None,
            client_request_token=None, replica_regions=[], force_overwrite=False,
        )  # fmt: skip
        secret = manager.secrets.get(name)
        secret.created_date = int((now - timedelta(days=400)).timestamp())
        secret.last_changed_date = int((now - timedelta(days=age_days)).timestamp())


def _certificates(folder: Path) -> None:
    manager = _backend("acm")
    authority = (folder / "ca.pem").read_bytes()
    for name in CERTIFICATES:
        text = (folder / f"{name}.pem").read_bytes()
        start = text.index(b"-----BEGIN CERTIFICATE-----")
        manager.import_certificate(text[start:], text[:start], authority, None, [])


def _logs(now: datetime) -> None:
    logs = _backend("logs")
    logs.create_log_group(ERROR_GROUP, {})
    logs.create_log_stream(ERROR_GROUP, INSTANCE)
    events = [
        {"timestamp": int(at.timestamp() * 1000), "message": f"{at:%Y-%m-%dT%H:%M:%S.%fZ} {text}"}
        for at, text in _error_lines(now)
    ]
    logs.put_log_events(ERROR_GROUP, INSTANCE, events)


def _error_lines(now: datetime) -> list[tuple[datetime, str]]:
    """Return a few days of what MySQL usually writes, oldest first."""
    patterns = (
        "[Note] Aborted connection {n} to db: 'quikapp' (Got timeout reading communication packets)",
        "[Warning] InnoDB: page_cleaner: 1000ms intended loop took {n}ms",
        "[Warning] Access denied for user 'probe'@'10.4.1.{n}'",
    )
    lines = [
        (now - timedelta(hours=1.5 * n), patterns[n % 3].format(n=1 + n * 37 % 250)) for n in range(1, 60)
    ]
    return lines[::-1]


def _metrics(now: datetime) -> None:
    watch = _backend("cloudwatch")
    levels = {
        "CPUUtilization": ("Percent", 34.0, 18.0),
        "DatabaseConnections": ("Count", 120.0, 55.0),
        "FreeStorageSpace": ("Bytes", 210e9, 0.0),
        "FreeableMemory": ("Bytes", 9.1e9, 0.6e9),
    }
    data = []
    for step in range(288):
        at = now - timedelta(minutes=5 * step)
        rhythm = math.sin((at.hour + at.minute / 60 - 8) / 24 * 2 * math.pi)
        for name, (unit, level, swing) in levels.items():
            data.append(
                {
                    "MetricName": name,
                    "Dimensions": [{"Name": "DBInstanceIdentifier", "Value": INSTANCE}],
                    "Timestamp": _naive(at),
                    "Value": level + swing * rhythm,
                    "Unit": unit,
                }
            )
    watch.put_metric_data("AWS/RDS", data)
