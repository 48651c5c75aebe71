"""A line of a log, wherever it comes from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

MAX_LINE_LENGTH = 8192
"""Characters kept of a line: a stack trace on one line fits, a dumped file does not."""


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line as it was written, secrets and all: mask it (`mask_secrets`) before it is shown or kept.

    source: what wrote it (`shop/api-1/server`, a log stream, Loki's labels).
    """

    at: datetime
    text: str
    source: str
