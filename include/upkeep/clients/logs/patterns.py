"""Log lines that say the same with other numbers, counted as one pattern."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from upkeep.clients.logs.model import LogLine
from upkeep.clients.secrets import mask_secrets

MAX_PATTERNS = 1000
"""Patterns told apart; the lines of later ones are counted together, so memory stays bounded."""

MAX_PATTERN_LENGTH = 300
EXAMPLE_LENGTH = 500

READ_LENGTH = 2000
"""Characters of a line that are looked at: what tells lines apart comes first, and time stays bounded."""

OTHER = "<other>"
"""The pattern of all lines that came after MAX_PATTERNS were known."""

# Each rule reads what the ones before it left; the placeholders are read by none of them.
_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    (
        re.compile(
            r"\b\d{4}[-/]\d{2}[-/]\d{2}"
            r"(?:[T ]\d{2}:\d{2}(?::\d{2}(?:[.,]\d{1,9})?)?(?:Z|[+-]\d{2}:?\d{2}\b)?)?"
        ),
        "<time>",
    ),
    (re.compile(r"\b(?:[A-Z][a-z]{2} )?[A-Z][a-z]{2} [ \d]\d \d{2}:\d{2}:\d{2}(?: \d{4})?\b"), "<time>"),
    (re.compile(r"\b\d{2}/[A-Z][a-z]{2}/\d{4}:\d{2}:\d{2}:\d{2}(?: [+-]\d{4})?"), "<time>"),
    (re.compile(r"\b\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?\b"), "<time>"),
    (re.compile(r"\b[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}\b"), "<uuid>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d{1,5})?\b"), "<ip>"),
    (re.compile(r"(?<![\w:])(?:[0-9a-fA-F]{0,4}:){2,7}[0-9a-fA-F]{1,4}(?![\w:])"), "<ip>"),
    (re.compile(r'"(?:[^"\\]|\\.)*"'), "<text>"),
    # An apostrophe within a word (don't) opens no quotation.
    (re.compile(r"(?<!\w)'(?:[^'\\]|\\.)*'(?!\w)"), "<text>"),
    # The random endings of pods: api-7d9c5b6f4-x2x4z.
    (re.compile(r"(?<=\w)-[bcdf-hj-np-tv-z2456789]{8,10}-[bcdf-hj-np-tv-z2456789]{5}\b"), "-<id>"),
    (re.compile(r"\b0[xX][0-9a-fA-F]+\b"), "<hex>"),
    # Eight hex digits or more, both letters and figures: digests and ids, neither words nor numbers.
    (re.compile(r"\b(?=[a-fA-F]*\d)(?=\d*[a-fA-F])[0-9a-fA-F]{8,}\b"), "<hex>"),
    (re.compile(r"\d+(?:[.,]\d+)*"), "<n>"),
    (re.compile(r"\s+"), " "),
)


@dataclass(frozen=True)
class Pattern:
    """Lines of one pattern, secrets masked. example: the first of them, cut."""

    pattern: str
    count: int
    first_seen: datetime
    last_seen: datetime
    example: str


class _Tally:
    """A pattern while it is counted."""

    __slots__ = ("count", "example", "first_seen", "last_seen")

    def __init__(self, line: LogLine, masked: str) -> None:
        self.count = 0
        self.first_seen = self.last_seen = line.at
        self.example = masked[:EXAMPLE_LENGTH]

    def add(self, at: datetime) -> None:
        self.count += 1
        self.first_seen = min(self.first_seen, at)
        self.last_seen = max(self.last_seen, at)


def normalise(text: str) -> str:
    """Return the pattern of a line: secrets masked; times, addresses, ids, quotations, numbers folded.

    >>> normalise("user 17 at 10.0.0.8:5432 took 3.5 s")
    'user <n> at <ip> took <n> s'
    """
    return _fold(mask_secrets(text[:READ_LENGTH]))


def _fold(masked: str) -> str:
    for rule, placeholder in _RULES:
        masked = rule.sub(placeholder, masked)
    return masked.strip()[:MAX_PATTERN_LENGTH].rstrip()


def group_lines(lines: Iterable[LogLine], max_patterns: int = MAX_PATTERNS) -> list[Pattern]:
    """Count the lines by pattern, the most frequent first.

    Of more than `max_patterns` patterns, the lines of those that appear last are counted together
    under OTHER: no line is lost from the total.
    """
    tallies: dict[str, _Tally] = {}
    for line in lines:
        masked = mask_secrets(line.text[:READ_LENGTH])
        pattern = _fold(masked)
        if pattern not in tallies and len(tallies) >= max_patterns:
            pattern = OTHER
        tally = tallies.get(pattern)
        if tally is None:
            tally = tallies[pattern] = _Tally(line, masked)
        tally.add(line.at)
    found = [
        Pattern(pattern, tally.count, tally.first_seen, tally.last_seen, tally.example)
        for pattern, tally in tallies.items()
    ]
    return sorted(found, key=lambda one: (-one.count, one.first_seen, one.pattern))


_ERROR = re.compile(
    r"\b(?:ERROR|FATAL|CRITICAL|PANIC|SEVERE|EMERG|ALERT)\b"  # most loggers, in capitals
    r"|(?ai:\b(?:level|lvl|severity|log\.level)[\"']?\s*[=:]\s*[\"']?"
    r"(?:error|err|fatal|critical|crit|panic|alert|emerg)\b)"  # JSON and logfmt
    r"|(?:\A|\s)[EF]\d{4} \d{2}:\d{2}:\d{2}"  # klog
    r"|\A\[?(?ai:error|fatal|critical|panic)\]?:"
    r"|\bTraceback \(most recent call last\)|\bpanic: "
    r"|(?:Error|Exception): "
)


_WORDS = ("err", "exception", "fatal", "crit", "panic", "traceback", "severe", "emerg", "alert")
"""One of them is in each line that reports an error, klog's aside."""

_KLOG = re.compile(r"[EF]\d{4} \d{2}:\d{2}:\d{2}")


def is_error(text: str) -> bool:
    """Return whether a line reports an error, by the ways that loggers say so.

    >>> is_error('{"level": "error", "msg": "no route"}'), is_error("0 errors, all well")
    (True, False)
    """
    low = text.lower()  # to look for words takes a tenth of the time of a search, and few lines have one
    if not any(word in low for word in _WORDS) and _KLOG.search(text) is None:
        return False
    return _ERROR.search(text) is not None
