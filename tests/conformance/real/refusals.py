"""Expecting that the API refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from kubernetes import client


@dataclass
class Refusal:
    """What the API answered, once the block has ended."""

    answer: dict[str, Any] = field(default_factory=dict)

    @property
    def message(self) -> str:
        return str(self.answer["message"])


@contextmanager
def refused(status: int, reason: str) -> Iterator[Refusal]:
    """Expect a refusal with this HTTP status and this reason in its body."""
    refusal = Refusal()
    with pytest.raises(client.ApiException) as raised:
        yield refusal
    refusal.answer = json.loads(raised.value.body)
    assert (raised.value.status, refusal.answer["reason"]) == (status, reason)
