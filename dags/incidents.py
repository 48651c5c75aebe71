"""What people do to incidents by hand: raise one, answer one, stand in for somebody. Each is a form.

Purpose: a person who sees something wrong pages the same chain that the suite does; an answer counts under
the name of whoever triggers the run; a swap of duty at 22:00 needs no deployment.
When it fails: the message says what would be right; nothing was recorded.
"""

from datetime import timedelta

from airflow.sdk import DAG, Param

from upkeep.catalog.compiled import Catalog
from upkeep.operators.errors import retry_policy
from upkeep.operators.forms import ANSWERS, AnswerIncident, RaiseIncident, StandInForm
from upkeep.runs.wakeups import POOL

SYSTEMS = [*Catalog().system_ids(), "upkeep"]
TYPES = [
    "service_down",
    "performance",
    "data_loss",
    "security",
    "maintenance_late",
    "maintenance_failed",
    "other",
]
SEVERITIES = ["P0", "P1", "P2", "P3"]
DEFAULTS = {
    "owner": "upkeep",
    "retries": 2,
    "retry_delay": timedelta(seconds=5),
    "retry_policy": retry_policy(),
    "execution_timeout": timedelta(minutes=2),
    "pool": POOL,
    "priority_weight": 1000,
}
TAGS = ["system:upkeep", "cadence:adhoc"]


def form(dag_id: str, description: str, params: dict[str, Param]) -> DAG:
    """Return a DAG that runs only by hand."""
    return DAG(
        dag_id,
        description=description,
        doc_md=__doc__,
        schedule=None,
        catchup=False,
        is_paused_upon_creation=False,
        tags=TAGS,
        default_args=DEFAULTS,
        params=params,
    )


with form(
    "upkeep_raise_incident",
    "Open an incident and page its chain",
    {
        "system": Param(SYSTEMS[0], type="string", enum=SYSTEMS, title="System"),
        "issue_type": Param("service_down", type="string", enum=TYPES, title="What kind of trouble"),
        "severity": Param(
            "P1", type="string", enum=SEVERITIES, title="Severity", description="P0 is an outage."
        ),
        "title": Param("", type="string", maxLength=200, title="What is wrong, in one line"),
        "summary": Param("", type="string", maxLength=2000, title="What is known"),
    },
):
    RaiseIncident(task_id="raise_incident")

with form(
    "upkeep_answer_incident",
    "Acknowledge, resolve, hand over, snooze or comment an incident",
    {
        "incident": Param("", type="string", title="Incident", description="Its id, as its page shows it."),
        "answer": Param("acknowledge", type="string", enum=list(ANSWERS), title="Answer"),
        "level": Param(1, type="integer", minimum=1, maximum=20, title="Level", description="For hand_over."),
        "minutes": Param(
            60, type="integer", minimum=5, maximum=1440, title="Minutes", description="For snooze."
        ),
        "text": Param("", type="string", maxLength=2000, title="Remark"),
    },
):
    AnswerIncident(task_id="answer_incident")

with form(
    "upkeep_stand_in",
    "Let somebody stand in for an owner or a rotation",
    {
        "system": Param(SYSTEMS[0], type="string", enum=SYSTEMS, title="System"),
        "instead_of": Param("", type="string", title="Instead of", description="An owner or a rotation."),
        "person": Param("", type="string", title="Who stands in", description="An owner of the system."),
        "begins": Param(
            None, type=["null", "string"], format="date-time", title="From", description="Empty: now."
        ),
        "hours": Param(12, type="number", exclusiveMinimum=0, maximum=744, title="For how many hours"),
        "cancel": Param(
            0, type="integer", minimum=0, title="Cancel", description="The number of one to end."
        ),
    },
):
    StandInForm(task_id="stand_in")
