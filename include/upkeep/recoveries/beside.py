"""What recoveries share whose restore makes their target, beside what is in use, in a drill too."""

from __future__ import annotations

from datetime import datetime

from upkeep.acts.plans import Plan


class Beside:
    """A recovery into a target of its own."""

    def prepare(self, plan: Plan) -> str:
        """Return that nothing is made beforehand: the restore makes the drill's target."""
        return f"the drill's target is {plan.target}, which the restore makes"

    def lose(self, plan: Plan) -> str:
        """Return what is taken as lost; what is in use is not touched."""
        return f"what is in use is taken as lost; {plan.target} is made anew"


class ToMoment(Beside):
    """A database beside its own, as it was at a moment."""

    moment: datetime

    def data_as_of(self, plan: Plan) -> datetime | None:  # noqa: ARG002 - the plan was made of the same
        """Return the moment that was asked for."""
        return self.moment
