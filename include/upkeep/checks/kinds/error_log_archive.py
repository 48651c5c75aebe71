"""Error lines in logs that are kept: CloudWatch Logs or Loki."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from upkeep.checks.context import Check, CheckContext
from upkeep.checks.judged import Source
from upkeep.checks.log_review import LogParameters, Reading, review
from upkeep.checks.registry import Reads, register
from upkeep.findings import Finding

if TYPE_CHECKING:
    from upkeep.clients.logs import LogLine

_CHECK = "error_log_archive"


class ErrorLogArchiveParameters(LogParameters):
    """Which logs, which lines, how many are too many."""

    source: Literal["cloudwatch", "loki"]
    """Where the logs are kept."""
    log_groups: tuple[str, ...] = ()
    """The log groups (cloudwatch)."""
    query: str | None = None
    """The LogQL query of all lines of the logs; `pattern` chooses those that count (loki)."""
    lines_most: int = Field(default=100_000, gt=0)
    """Lines that are read; of more, the count is a lower bound."""

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if (self.source == "cloudwatch") != bool(self.log_groups) or (self.source == "loki") != bool(
            self.query
        ):
            raise ValueError("give log_groups with source cloudwatch, query with source loki")
        return self


@register("error_log_archive", reads=Reads.HISTORY, parameters=ErrorLogArchiveParameters)
def error_log_archive(context: CheckContext, parameters: ErrorLogArchiveParameters) -> Iterable[Check]:
    """Error lines of archived logs between the last review and the run's moment, grouped by pattern."""
    where = ", ".join(parameters.log_groups) or parameters.query
    source = Source(f"{parameters.source}: {where}", context.as_of)
    lines = _cloudwatch if parameters.source == "cloudwatch" else _loki

    def ask() -> Finding:
        reading = Reading()
        return review(
            _CHECK, source, _bounded(lines(context, parameters), parameters, reading), parameters, reading
        )

    return [Check(name=_CHECK, source=source.name, present=False, ask=ask)]


def _cloudwatch(context: CheckContext, parameters: ErrorLogArchiveParameters) -> Iterator[LogLine]:
    from upkeep.clients.logs import cloudwatch_logs

    client = context.clients.aws("logs")
    for group in parameters.log_groups:
        yield from cloudwatch_logs(
            client, group, context.since, context.as_of, max_lines=parameters.lines_most
        )


def _loki(context: CheckContext, parameters: ErrorLogArchiveParameters) -> Iterator[LogLine]:
    from upkeep.clients.logs import Loki

    with Loki(context.clients.loki()) as loki:
        yield from loki.lines(
            parameters.query or "", context.since, context.as_of, max_lines=parameters.lines_most
        )


def _bounded(
    lines: Iterator[LogLine], parameters: ErrorLogArchiveParameters, reading: Reading
) -> Iterator[LogLine]:
    """Pass the lines on, and note it if there are as many as are read at most."""
    for count, line in enumerate(lines, start=1):
        yield line
        reading.cut_short = count >= parameters.lines_most
