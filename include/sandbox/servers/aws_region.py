"""Tapio's second region in moto: a primary and its replica, names, and what moto's promotion leaves out."""

from __future__ import annotations

import hashlib
from datetime import datetime
from functools import wraps
from typing import Any

from moto.backends import get_backend
from moto.rds.models import DBInstance, RDSBackend

from sandbox.seeds.aws_names import ACCOUNT, REGION, SECOND_REGION
from sandbox.servers.aws_backups import KMS_KEY

PRIMARY, STANDBY = "tapio-primary", "tapio-standby"
ZONE = "Z0TAPIOEXAMPLE"
TTL_SECONDS = 60


def plant_second_region(now: datetime) -> None:
    """Make the primary, the replica in the second region, and the names that lead to the first."""
    _promotes_as_aws_does()
    primary = get_backend("rds")[ACCOUNT][REGION].create_db_instance(
        {
            "db_instance_identifier": PRIMARY,
            "db_instance_class": "db.r6g.large",
            "db_name": "tapio",
            "engine": "postgres",
            "engine_version": "16.4",
            "allocated_storage": 200,
            "storage_type": "gp3",
            "storage_encrypted": True,
            "kms_key_id": KMS_KEY,
            "master_username": "tapio",
            "master_user_password": hashlib.sha256(f"{PRIMARY}{now}".encode()).hexdigest()[:24],
            "backup_retention_period": 7,
            "multi_az": True,
            "deletion_protection": True,
        }
    )
    get_backend("rds")[ACCOUNT][REGION].database_snapshots.clear()  # moto makes one by itself, dated now
    get_backend("rds")[ACCOUNT][SECOND_REGION].create_db_instance_read_replica(
        {
            "db_instance_identifier": STANDBY,
            "source_db_instance_identifier": primary.db_instance_arn,
            "kms_key_id": KMS_KEY.replace(REGION, SECOND_REGION),
            "tags": [],
        }
    )
    _names(primary.address)


def _names(database: str) -> None:
    route53 = get_backend("route53")[ACCOUNT]["aws"]
    zone = own_zone(route53, "example.com", ZONE)
    application = f"tapio.{REGION}.example.net"
    leads = {
        "tapio.example.com": application,
        "db.tapio.example.com": database,
        "failover-drill.tapio.example.com": application,
    }
    for name, value in leads.items():
        zone.add_rrset({"Name": f"{name}.", "Type": "CNAME", "TTL": TTL_SECONDS, "ResourceRecords": [value]})


def own_zone(route53: Any, name: str, zone_id: str) -> Any:
    """Make a hosted zone of an id; moto chooses one at random, and the catalog has to name it."""
    zone = route53.create_hosted_zone(name, private_zone=False)
    del route53.zones[zone.resource_id]
    zone.resource_id = zone_id
    route53.zones[zone_id] = zone
    return zone


def _promotes_as_aws_does() -> None:
    """Make a promoted replica an instance of its own: moto leaves its source on it."""
    promote = RDSBackend.promote_read_replica
    if hasattr(promote, "__wrapped__"):
        return

    @wraps(promote)
    def promote_and_part(backend: RDSBackend, db_kwargs: dict[str, Any]) -> DBInstance:
        replica = backend.databases[db_kwargs["db_instance_identifier"]]
        source = replica.source_db_instance_identifier
        promoted = promote(backend, db_kwargs)
        if source:
            backend.find_db_from_id(source).remove_replica(replica)
        promoted.source_db_instance_identifier = None
        return promoted

    def remove_replica(primary: DBInstance, replica: DBInstance) -> None:
        # One in another region is listed by its ARN, by which moto does not find it again.
        known = (replica.db_instance_identifier, replica.db_instance_arn)
        primary.replicas = [one for one in primary.replicas if one not in known]

    RDSBackend.promote_read_replica = promote_and_part  # type: ignore[method-assign]
    DBInstance.remove_replica = remove_replica  # type: ignore[method-assign]
