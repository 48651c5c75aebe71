"""Tells whoever started a run by hand how it ended."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING
from urllib.parse import quote

from airflow.sdk.exceptions import AirflowSkipException

from upkeep.errors import TemporaryError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from upkeep.incidents.model import Channel
    from upkeep.operators.ending import Ending
    from upkeep.paging.note import Note
    from upkeep.paging.sender import Sender

log = logging.getLogger(__name__)

BY_HAND = "manual"
FAILED = ("failed", "upstream_failed")


@contextmanager
def telling_of_failure(ending: Ending) -> Iterator[None]:
    """Tell the starter where the block, a run's last work, fails for good or finds the run refused."""
    try:
        yield
    except AirflowSkipException:  # the run was refused before anything was asked
        tell_starter(ending, {})
        raise
    except Exception as e:
        if not _tried_again(ending.context, e):
            tell_starter(ending, None)
        raise


def _tried_again(context: Context, error: Exception) -> bool:
    """Return whether Airflow runs the task again, by the policy that every task has."""
    task = context["ti"]
    return isinstance(error, TemporaryError) and task.try_number <= task.max_tries


def tell_starter(ending: Ending, counts: Mapping[str, int] | None) -> None:
    """Tell whoever started the run by hand how it ended; a failure to tell fails nothing.

    counts: findings by state, None where there is no report. A run that nobody started by hand (scheduled,
    a backfill) tells nobody.
    """
    run = ending.context["dag_run"]
    if run.run_type.value != BY_HAND or not run.triggering_user_name:
        return
    try:
        _send(_note(ending, run.triggering_user_name, counts), ending.senders)
    except Exception:
        log.exception("%s was not told how the run ended; the run stands as it is", run.triggering_user_name)


def _note(ending: Ending, starter: str, counts: Mapping[str, int] | None) -> Note:
    from airflow.sdk.configuration import conf

    from upkeep.catalog.compiled import Catalog
    from upkeep.paging.note import note_of

    run, task, routine = ending.context["dag_run"], ending.context["ti"], ending.routine
    failed = {name for name, state in ending.states.items() if state in FAILED}
    base = conf.get("api", "base_url", fallback="").rstrip("/")
    dag, name = quote(run.dag_id, safe=""), quote(run.run_id, safe="")
    return note_of(
        run.dag_id,
        run.run_id,
        run.clear_number or 0,
        system_id=routine["system"],
        system=Catalog().system(routine["system"]),
        routine=routine["routine"],
        starter=starter,
        paging=bool((run.conf or {}).get("page")),
        failed=sorted(failed if counts is not None else failed | {task.task_id}),
        counts=counts,
        links={
            "report": f"{base}/upkeep/reports/{dag}/{name}",
            "run": f"{base}/dags/{dag}/runs/{name}",
        },
    )


def _send(note: Note, senders: Mapping[Channel, Sender]) -> None:
    from upkeep.paging.deliver import AFTER_A_RUN, deliver

    delivery = deliver(note, senders, AFTER_A_RUN)
    if delivery.delivered:
        log.info("%s was told by %s (%s)", note.starter, delivery.channel, delivery.target)
    else:
        log.warning("%s was not told how the run ended: %s", note.starter, delivery.error)
