"""Log lines from where they are kept, and their grouping by pattern."""

from upkeep.clients.logs.cloudwatch import cloudwatch_logs
from upkeep.clients.logs.kubernetes import pod_logs
from upkeep.clients.logs.loki import Loki
from upkeep.clients.logs.model import LogLine
from upkeep.clients.logs.patterns import Pattern, group_lines, is_error, normalise

__all__ = [
    "LogLine",
    "Loki",
    "Pattern",
    "cloudwatch_logs",
    "group_lines",
    "is_error",
    "normalise",
    "pod_logs",
]
