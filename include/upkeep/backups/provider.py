"""What operators of Airflow's providers do for the stages of which they are the tasks."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NoReturn

from upkeep.errors import PermanentError

if TYPE_CHECKING:
    from upkeep.backups.dumps.jobs import JobOrder

Tags = Sequence[Mapping[str, str]]
"""As AWS writes them, with `Key` and `Value`."""


def _nobody(*_: object) -> NoReturn:
    raise PermanentError(
        "this is done by an operator of a provider, and this task is another's: see upkeep.acts.model.By"
    )


@dataclass(frozen=True)
class Provider:
    """Each does one thing at once, without a look before it and without a wait after it.

    Those of RDS raise botocore's errors, for the caller to translate. What the task's operator cannot do
    raises PermanentError.
    """

    start_job: Callable[[JobOrder], None] = _nobody
    """Make a job in Kubernetes. Raises TemporaryError, ConfigurationError, PermanentError."""
    create_snapshot: Callable[[str, str, Tags], None] = _nobody
    """Begin a snapshot: of this instance, under this identifier, with these tags."""
    snapshot_available: Callable[[str], bool] = _nobody
    """Return whether the snapshot of an identifier is finished; one that is not there is not."""
    delete_snapshot: Callable[[str], None] = _nobody
    """Delete the snapshot of an identifier."""
    instance_available: Callable[[str], bool] = _nobody
    """Return whether the instance of an identifier can be used; one that is not there cannot."""
    delete_instance: Callable[[str, str], None] = _nobody
    """Begin to delete the instance of an identifier in a region, without a final snapshot."""


WORKER = Provider()
"""Of a task that is none of a provider's operators."""
