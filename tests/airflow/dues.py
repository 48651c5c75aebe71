"""Schedules that are due while no test runs, whenever that is.

A DAG that Airflow meets for the first time also gets its last run, if that was due less than a tenth of its
interval ago: it would come between the runs that a test starts.
"""

from datetime import UTC, datetime

_NOW = datetime.now(UTC)

HOUR = (_NOW.hour + 12) % 24
DAILY = f"0 {HOUR} * * *"
YEARLY = f"0 3 1 {(_NOW.month + 5) % 12 + 1} *"
