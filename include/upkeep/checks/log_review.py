"""Error lines of logs, grouped by pattern: what a review of them finds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from pydantic import Field

from upkeep.catalog.models import Limit
from upkeep.checks.limits import bounds, judge, sentence
from upkeep.checks.registry import Parameters
from upkeep.findings import Finding, State

if TYPE_CHECKING:
    from upkeep.clients.logs.patterns import LogGroup

ERROR_WORDS = r"(?i)\b(error|exception|fatal|panic|critical|traceback|segfault|out of memory|oom)\b"
"""What an error line says in most logs."""

_EXAMPLE_LENGTH = 300


class LogParameters(Parameters):
    """Which lines count, and how many are too many."""

    pattern: str = ERROR_WORDS
    """Regular expression of the lines that count."""
    warn_above_count: int | None = Field(default=None, ge=0)
    """More lines than this since the last review are a warning."""
    critical_above_count: int | None = Field(default=None, ge=0)
    """More lines than this since the last review are critical."""
    top: int = Field(default=10, gt=0, le=100)
    """How many patterns are shown, the most frequent first."""
