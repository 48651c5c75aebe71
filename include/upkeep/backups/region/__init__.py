"""The failover of a region: names switched by Route 53 after a replica was promoted."""

from upkeep.backups.region.dns import DnsRecord, look_at_record, undo
from upkeep.backups.region.failover import (
    Clients,
    RemoteBackups,
    fail_back,
    look_at_failover,
    remote_backups,
    verify_failover,
)
from upkeep.backups.region.switch import switch, switch_ready

__all__ = [
    "Clients",
    "DnsRecord",
    "RemoteBackups",
    "fail_back",
    "look_at_failover",
    "look_at_record",
    "remote_backups",
    "switch",
    "switch_ready",
    "undo",
    "verify_failover",
]
