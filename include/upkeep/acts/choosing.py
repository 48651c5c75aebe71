"""Which backup a recovery takes: one by its name, or the latest that is proven."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from upkeep.acts.model import Act, FormField
from upkeep.backups.methods import provable
from upkeep.backups.model import Level
from upkeep.errors import ConfigurationError, PermanentError
from upkeep.ledger.backups import Known, known_backups

LATEST = "latest proven"

CHOICE = FormField(
    "backup",
    "Backup",
    f"'{LATEST}'; or a moment, for the newest that is proven of then or earlier; or the name of a backup, as "
    "its run's report and `upkeep backups list` show it.",
    default=LATEST,
)


def chosen(act: Act, policy: str, pinned: str | None = None) -> Known:
    """Return the backup that the form names. pinned: the choice of an earlier stage, which is kept.

    Raises PermanentError where there is none of that name, or none is proven, or it was found broken.
    """
    known = known_backups(act.engine, act.system_id, policy)
    wanted = pinned or act.form.get("backup") or LATEST
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
        return _before(known, moment, provable(act.system.backups[policy]))
    found = next((one for one in known if one.copy.name == wanted), None)
    if found is None:
        raise PermanentError(
            f"there is no backup {wanted!r} of {act.system_id}/{policy}; "
            f"the newest are {', '.join(one.copy.name for one in known[:5]) or 'none'}"
        )
    if found.broken:
        raise PermanentError(f"{wanted} was found broken: {'; '.join(found.broken)}; choose another")
    return found


def _before(known: Sequence[Known], moment: datetime, enough: Level) -> Known:
    """Return the newest backup of a moment or earlier that is proven."""
    for one in known:  # newest first
        if one.copy.started_at <= moment and (one.proven or Level.EXISTS) >= enough:
            return one
    raise PermanentError(f"no proven backup is of {moment.isoformat()} or earlier; choose a later moment")


def _moment(text: str) -> datetime | None:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    if moment.tzinfo is None:
        raise ConfigurationError(f"{text!r} has no time zone; write one such as {moment.isoformat()}+00:00")
    return moment


def pinned_backup(act: Act) -> str | None:
    """Return the name of the backup that the plan of this run has chosen, None before there is one."""
    name = act.carried.get("plan", {}).get("facts", {}).get("backup")
    return str(name) if name else None
