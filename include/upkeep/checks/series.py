"""Several series of one expression: how each is named, and how many are worth a finding."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from upkeep.findings import Finding, State, worst

MOST_FINDINGS = 50
"""More lines than this are read by nobody; the worst are kept and the rest counted."""

LONGEST_LABEL = 100


def check_name(name: str, labels: Mapping[str, str]) -> str:
    """Return the name of a series' finding, labels in order.

    >>> check_name("restarts", {"pod": "api-1", "container": "web"})
    'restarts{container=web,pod=api-1}'
    >>> check_name("restarts", {})
    'restarts'
    """
    if not labels:
        return name
    return f"{name}{{{','.join(f'{key}={value}' for key, value in sorted(labels.items()))}}}"


def differing(labels: Sequence[Mapping[str, str]]) -> list[dict[str, str]]:
    """Return of each series only the labels that tell it from the others; absent ones read as empty.

    >>> differing([{"job": "api", "pod": "a"}, {"job": "api", "pod": "b"}])
    [{'pod': 'a'}, {'pod': 'b'}]
    """
    keys = sorted({key for one in labels for key in one})
    telling = [key for key in keys if len({one.get(key, "") for one in labels}) > 1]
    return [{key: one.get(key, "") for key in telling} for one in labels]


def described(labels: Mapping[str, str]) -> str:
    """Return labels for a sentence: ` (pod api-1)`, or nothing."""
    if not labels:
        return ""
    return f" ({', '.join(f'{key} {value[:LONGEST_LABEL]}' for key, value in sorted(labels.items()))})"


def keep_worst(findings: Iterable[Finding], name: str, most: int = MOST_FINDINGS) -> list[Finding]:
    """Return the findings, worst first; of more than `most` the rest become one that counts them."""
    ranked = sorted(findings, key=lambda f: (-f.state.rank, f.check))
    if len(ranked) <= most:
        return ranked
    kept, rest = ranked[:most], ranked[most:]
    counts = Counter(str(finding.state) for finding in rest)
    text = ", ".join(f"{count} {state}" for state, count in sorted(counts.items()))
    state = worst(rest)
    folded = replace(
        rest[0],
        check=f"{name}{{others}}",
        state=state,
        summary=f"{len(rest)} more of {name}: {text}",
        value=float(len(rest)),
        unit="count",
        reason=rest[0].reason if state is State.UNKNOWN else None,
        evidence={"not_shown": len(rest), "by_state": dict(counts)},
    )
    return [*kept, folded]
