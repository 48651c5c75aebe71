"""What a PromQL expression reads."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_PARTS = ("lhs", "rhs", "expr", "vector_selector")


@lru_cache(maxsize=1024)
def selectors(expression: str) -> tuple[str, ...]:
    """Return the selectors of an expression, in order, each once.

    >>> selectors('sum(rate(hits{code=~"5.."}[5m])) / sum(rate(hits[5m])) > 0.01')
    ('hits{code=~"5.."}', 'hits')
    """
    return tuple(dict.fromkeys(_written(node) for node in _selector_nodes(_parsed(expression))))


@lru_cache(maxsize=1024)
def metric_names(expression: str) -> frozenset[str]:
    """Return the names of the metrics that an expression reads.

    >>> sorted(metric_names("a{x='1'} / b > 2"))
    ['a', 'b']
    """
    return frozenset(node.name for node in _selector_nodes(_parsed(expression)) if node.name)


def _parsed(expression: str) -> Any:
    import promql_parser

    return promql_parser.parse(expression)


def _selector_nodes(node: Any) -> list[Any]:
    if type(node).__name__ == "VectorSelector":
        return [node]
    below = [getattr(node, part) for part in _PARTS if getattr(node, part, None) is not None]
    return [found for part in [*below, *getattr(node, "args", [])] for found in _selector_nodes(part)]


def _written(node: Any) -> str:
    # Without offset and @: the question is whether the series exist at the run's moment.
    matchers = str(node.matchers)
    return f"{node.name or ''}{'' if matchers == '{}' else matchers}"
