"""What the Airflow edge raises, and how Airflow treats it.

A temporary error is retried with back-off, a permanent one fails at once, a finding that the catalog
calls a failure fails at once as well: it has been recorded, and asking again would not change it.
"""

from __future__ import annotations

from airflow.sdk import ExceptionRetryPolicy, RetryAction, RetryRule
from airflow.sdk.exceptions import AirflowFailException

from upkeep.errors import PermanentError, TemporaryError


class FindingsFailTask(AirflowFailException):
    """The findings are recorded; the worst of them fails the task by the catalog's rule."""


def retry_policy() -> ExceptionRetryPolicy:
    """Return the policy of every task: try again after temporary errors, fail at once on permanent ones."""
    return ExceptionRetryPolicy(
        rules=[
            RetryRule(exception=TemporaryError, action=RetryAction.DEFAULT, reason="a temporary error"),
            RetryRule(exception=PermanentError, action=RetryAction.FAIL, reason="trying again cannot help"),
        ]
    )
