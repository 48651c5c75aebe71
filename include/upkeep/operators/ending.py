"""What the last task of a run asks for more than once, and Airflow answers once."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from airflow.sdk import Context

    from upkeep.incidents.model import Channel
    from upkeep.incidents.signals import RunOf
    from upkeep.operators.run import RoutineFacts
    from upkeep.paging.sender import Sender


@dataclass
class Ending:
    """A run whose last task is at work.

    run: as signals name it, None where it resolves nothing and pages nobody. counts: findings by state.
    """

    context: Context
    routine: RoutineFacts
    run: RunOf | None = None
    counts: dict[str, int] = field(default_factory=dict)

    @cached_property
    def states(self) -> dict[str, str | None]:
        """The state of each task of the run, by its id."""
        run = self.context["dag_run"]
        found: dict[str, dict[str, str | None]] = self.context["ti"].get_task_states(
            dag_id=run.dag_id, run_ids=[run.run_id]
        )
        return found[run.run_id]

    @cached_property
    def senders(self) -> dict[Channel, Sender]:
        """The channels of the system, with connections that are looked up when first needed."""
        from upkeep.notifiers.senders import senders

        return senders(self.routine["system"])
