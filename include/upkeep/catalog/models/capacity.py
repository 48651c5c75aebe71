"""How much a system uses, how it grows, and how it scales."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from upkeep.catalog.models.base import Entry, Name, QuantityText


class Baseline(Entry):
    """What one pod, or the whole, uses today."""

    cpu_per_pod: QuantityText | None = None
    memory_per_pod: QuantityText | None = None
    storage: QuantityText | None = None
    network_per_pod: QuantityText | None = None


class Growth(Entry):
    """Expected growth a month, as a share (0.10 is 10 %)."""

    users_monthly_ratio: float | None = None
    requests_monthly_ratio: float | None = None
    data_monthly_ratio: float | None = None
    forecast_days: int = Field(default=90, gt=0)


class Autoscaler(Entry):
    """An autoscaler's bounds and thresholds as the guide gives them."""

    scales: Literal["pods", "nodes"]
    target: str
    """The deployment or the node group."""
    minimum: int = Field(ge=0)
    maximum: int = Field(gt=0)
    up_above_ratio: float = Field(gt=0, le=1)
    up_after_minutes: float | None = Field(default=None, ge=0)
    down_below_ratio: float = Field(ge=0, le=1)
    down_after_minutes: float | None = Field(default=None, ge=0)

    @model_validator(mode="after")
    def _bounds_in_order(self) -> Self:
        if self.minimum > self.maximum:
            raise ValueError(f"minimum {self.minimum} is above maximum {self.maximum}")
        if self.down_below_ratio >= self.up_above_ratio:
            raise ValueError("down_below_ratio must be below up_above_ratio")
        return self


class Scaling(Entry):
    """A scaling step that the guide prints."""

    target: str
    replicas: int | None = Field(default=None, ge=0)
    requests: dict[Literal["cpu", "memory"], str] = {}
    limits: dict[Literal["cpu", "memory"], str] = {}
    storage: QuantityText | None = None
    fact: str | None = None


class Capacity(Entry):
    """Everything about a system's size."""

    baseline: Baseline | None = None
    growth: Growth | None = None
    autoscalers: dict[Name, Autoscaler] = {}
    scalings: dict[Name, Scaling] = {}
