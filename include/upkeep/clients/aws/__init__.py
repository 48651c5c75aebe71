"""AWS, read through boto3 clients that the caller makes (with `client_config`)."""

from upkeep.clients.aws.acm import Certificate, acm_certificates
from upkeep.clients.aws.errors import client_config
from upkeep.clients.aws.rds import Instance, Snapshot, rds_instance, rds_snapshots
from upkeep.clients.aws.s3 import S3Head, S3Object, s3_head, s3_objects
from upkeep.clients.aws.security import SecurityFinding, guardduty_findings, securityhub_findings

__all__ = [
    "Certificate",
    "Instance",
    "S3Head",
    "S3Object",
    "SecurityFinding",
    "Snapshot",
    "acm_certificates",
    "client_config",
    "guardduty_findings",
    "rds_instance",
    "rds_snapshots",
    "s3_head",
    "s3_objects",
    "securityhub_findings",
]
