"""CloudWatch Logs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from upkeep.clients.answers import aware, from_epoch
from upkeep.clients.aws.errors import aws_errors, page_items
from upkeep.clients.logs.model import MAX_LINE_LENGTH, LogLine

MAX_LINES = 100_000


def cloudwatch_logs(  # noqa: PLR0913 - what filter_log_events takes
    client: Any,
    group: str,
    start: datetime,
    end: datetime,
    pattern: str = "",
    *,
    max_lines: int = MAX_LINES,
) -> Iterator[LogLine]:
    """Yield the events of a log group from `start` to before `end`, at most `max_lines`, page by page.

    client: boto3's `logs`. pattern: CloudWatch's filter pattern (`?ERROR ?FATAL`), empty for all.
    Raises TemporaryError (unreachable, throttled), NotFoundError (no such group), ConfigurationError
    (rights, a bad pattern) and BadAnswer.
    """
    where = f"CloudWatch Logs {group}"
    wanted = {
        "logGroupName": group,
        "startTime": _milliseconds(aware(start, "start")),
        # AWS includes the end; ours is the start of the next period.
        "endTime": _milliseconds(aware(end, "end")) - 1,
        **({"filterPattern": pattern} if pattern else {}),
        "PaginationConfig": {"MaxItems": max_lines},
    }
    with aws_errors(where):
        for event in page_items(client, "filter_log_events", wanted, "events", where):
            at = from_epoch(event.get("timestamp", 0) / 1000, where)
            text = str(event.get("message", "")).rstrip("\r\n")[:MAX_LINE_LENGTH]
            yield LogLine(at, text, f"{group}/{event.get('logStreamName', '')}")


def _milliseconds(at: datetime) -> int:
    return round(at.timestamp() * 1000)
