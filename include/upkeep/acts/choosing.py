"""Which backup a recovery takes: one by its name, or the latest that is proven."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from upkeep.acts.model import Act, FormField
from upkeep.backups.methods import provable
from upkeep.backups.model import Level
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.ledger.backups import Known, backup_id, known_backup, known_backups

LATEST = "latest proven"

CHOICE = FormField(
    "backup",
    "Backup",
    f"'{LATEST}'; or a moment, for the newest that is proven of then or earlier; or the name of a backup, as "
    "its run's report and `upkeep backups list` show it.",
    default=LATEST,
)


def chosen(act: Act, policy: str) -> Known:
    """Return the backup that the plan of this run has chosen; before there is one, that which the form names.

    What was planned is what is cleaned up, even if the backup was found broken or was deleted since.

    Raises PermanentError where there is none of that name, or none is proven, or it was found broken.
    """
    if (planned := _planned(act, policy)) is not None:
        return planned
    known = known_backups(act.engine, act.system_id, policy)
    wanted = act.form.get("backup") or LATEST
    if wanted == LATEST:
        enough = provable(act.system.backups[policy])
        proven = [one for one in known if (one.proven or Level.EXISTS) >= enough]
        if not proven:
            raise PermanentError(
                f"no backup of {act.system_id}/{policy} is proven; make one, or name one of "
                f"{', '.join(one.copy.name for one in known[:5]) or 'none that are there'}"
            )
        return proven[0]
    if (moment := _moment(wanted)) is not None:
        if (before := proven_by(act, policy, moment)) is not None:
            return before
        raise PermanentError(f"no proven backup is of {moment.isoformat()} or earlier; choose a later moment")
    found = next((one for one in known if one.copy.name == wanted), None)
    if found is None:
        raise PermanentError(
            f"there is no backup {wanted!r} of {act.system_id}/{policy}; "
            f"the newest are {', '.join(one.copy.name for one in known[:5]) or 'none'}"
        )
    if found.broken:
        raise PermanentError(_broken(found))
    return found


def proven_by(act: Act, policy: str, moment: datetime) -> Known | None:
    """Return the newest proven backup of a policy of a moment or earlier, None if there is none."""
    enough = provable(act.system.backups[policy])
    known = known_backups(act.engine, act.system_id, policy)  # newest first
    proven = (one for one in known if (one.proven or Level.EXISTS) >= enough)
    return next((one for one in proven if one.copy.started_at <= moment), None)


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        raise ConfigurationError(f"{text!r} has no time zone; write one such as {moment.isoformat()}+00:00")
    return moment


def require_sound(act: Act, backup: UUID | None) -> None:
    """Refuse to begin with a backup that was found broken, or was deleted, since it was chosen."""
    known = known_backup(act.engine, backup) if backup else None
    if known is None:
        return
    if known.broken:
        raise PermanentError(_broken(known))
    if known.deleted:
        raise PermanentError(f"{known.copy.name} was deleted since it was chosen; clear from 'plan'")


def _planned(act: Act, policy: str) -> Known | None:
    name = act.carried.get("plan", {}).get("facts", {}).get("backup")
    if not name:
        return None
    known = known_backup(act.engine, backup_id(act.system_id, policy, str(name)))
    if known is None:
        raise PermanentError(f"the plan names {name}, which the ledger does not know; clear from 'plan'")
    return known


def _broken(known: Known) -> str:
    return f"{known.copy.name} was found broken: {'; '.join(known.broken)}; choose another"
