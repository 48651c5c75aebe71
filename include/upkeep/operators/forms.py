"""What people do to incidents by a form: raise one, answer one, stand in for somebody."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from uuid import UUID

from airflow.sdk import BaseOperator

from upkeep.errors import ConfigurationError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from upkeep.catalog.compiled import Catalog


class RaiseIncident(BaseOperator):
    """Open an incident for what a person has noticed, and page its chain."""

    def execute(self, context: Context) -> str:
        """Return the incident's id."""
        from upkeep.catalog.compiled import Catalog
        from upkeep.incidents.outside import by_hand
        from upkeep.operators.escalation import raise_or_fail

        params = context["params"]
        signal = by_hand(
            _system(Catalog(), params["system"]),
            key=context["dag_run"].run_id,
            issue_type=params["issue_type"],
            severity=params["severity"],
            title=_said(params["title"], "title"),
            summary=params["summary"] or params["title"],
            who=who(context),
            now=datetime.now(UTC),
        )
        return str(raise_or_fail(signal).incident_id)


class AnswerIncident(BaseOperator):
    """Answer an incident under the name of whoever started the run."""

    def execute(self, context: Context) -> str:
        """Return what the incident now is. Raises PermanentError where the answer makes no sense."""
        from upkeep.ledger import answers
        from upkeep.operators.escalation import wake_soon
        from upkeep.operators.ledger import ledger_engine

        params, now, engine = context["params"], datetime.now(UTC), ledger_engine()
        incident_id = _uuid(params["incident"])
        answer = answers.Answer(who(context), now, params["text"] or None, "form")
        kind = params["answer"]
        if kind == "hand_over":
            row = answers.hand_over(engine, incident_id, answer, int(params["level"]) - 1)
        elif kind == "snooze":
            row = answers.snooze(engine, incident_id, answer, now + timedelta(minutes=params["minutes"]))
        else:
            plain = {
                "acknowledge": answers.acknowledge,
                "resolve": answers.resolve,
                "reopen": answers.reopen,
                "comment": answers.comment,
            }
            row = plain[kind](engine, incident_id, answer)
        wake_soon()
        if row.resolved_at:
            return f"resolved by {row.resolved_by}"
        return f"acknowledged by {row.acknowledged_by}" if row.acknowledged_at else "open"


class StandInForm(BaseOperator):
    """Record that somebody stands in for an owner or a rotation: in force at once, no deployment needed."""

    def execute(self, context: Context) -> int:
        """Return the record's number. Raises ConfigurationError for names that the catalog does not know."""
        from upkeep.catalog.compiled import Catalog
        from upkeep.incidents.oncall import StandIn
        from upkeep.ledger.overrides import cancel_override, make_override
        from upkeep.operators.ledger import ledger_engine

        params, now = context["params"], datetime.now(UTC)
        if params["cancel"]:
            cancel_override(ledger_engine(), params["cancel"], now)
            return int(params["cancel"])
        catalog = Catalog()
        system_id = _system(catalog, params["system"])
        system = catalog.system(system_id)
        _known(params["instead_of"], [*system.owners, *system.rotations], "owner or rotation", system_id)
        _known(params["person"], list(system.owners), "owner", system_id)
        begins = datetime.fromisoformat(params["begins"]) if params["begins"] else now
        stand_in = StandIn(
            owner=params["instead_of"],
            person=params["person"],
            starts_at=begins,
            ends_at=begins + timedelta(hours=params["hours"]),
        )
        return make_override(ledger_engine(), system_id, stand_in, who(context), now)


def who(context: Context) -> str:
    """Return the name of the signed-in user who started the run."""
    name = context["dag_run"].triggering_user_name
    if not name:
        raise ConfigurationError("the run has no user: start it from the form or the API, signed in")
    return name


ANSWERS = ("acknowledge", "resolve", "reopen", "comment", "hand_over", "snooze")
"""What the form offers."""


def _uuid(text: str) -> UUID:
    try:
        return UUID(text.strip())
    except ValueError as e:
        raise ConfigurationError(f"{text!r} is no incident's id; `upkeep incidents` lists them") from e


def _said(text: str, field: str) -> str:
    if not text or not text.strip():
        raise ConfigurationError(f"the {field} is empty: say in one line what is wrong")
    return text.strip()


def _system(catalog: Catalog, system_id: str) -> str:
    _known(system_id, [*catalog.system_ids(), "upkeep"], "system", "the catalog")
    return system_id


def _known(name: str, names: list[str], what: str, where: str) -> None:
    if name not in names:
        raise ConfigurationError(f"{where} has no {what} {name!r}; it has {', '.join(sorted(names))}")
