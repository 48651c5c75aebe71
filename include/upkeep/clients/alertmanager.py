"""Alertmanager's v2 API: the alerts of this moment and the silences."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

from upkeep.clients.answers import child, children, moment, parse_json, require, rows, text, texts
from upkeep.clients.endpoint import Endpoint, fetch, make_client, status_error
from upkeep.errors import BadAnswer, ConfigurationError


@dataclass(frozen=True)
class Alert:
    """An alert as Alertmanager holds it.

    labels: without the alert's name. state: active, suppressed (silenced or inhibited) or unprocessed.
    ends_at: when it ends unless it is sent again. silenced_by, inhibited_by: ids of what suppresses it.
    """

    name: str
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    starts_at: datetime
    ends_at: datetime
    state: str
    silenced_by: tuple[str, ...]
    inhibited_by: tuple[str, ...]
    fingerprint: str


@dataclass(frozen=True)
class Silence:
    """A silence. state: active, pending or expired. matchers: as Alertmanager writes them (`job="shop"`)."""

    id: str
    state: str
    matchers: tuple[str, ...]
    starts_at: datetime
    ends_at: datetime
    created_by: str
    comment: str


class Alertmanager:
    """An Alertmanager; safe to use from several threads. Close it, or use it in a `with`.

    Every call raises TemporaryError (unreachable, timed out, overloaded), ConfigurationError
    (a bad filter, with Alertmanager's own message; credentials refused) or BadAnswer (garbage).
    """

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint
        self._client = make_client(endpoint)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Alertmanager({self.endpoint!r})"

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    def alerts(
        self,
        filters: Sequence[str] = (),
        *,
        active: bool = True,
        silenced: bool = True,
        inhibited: bool = True,
    ) -> list[Alert]:
        """Return the alerts that all `filters` (`severity="critical"`) match, oldest first.

        active, silenced, inhibited: which of them are wanted.
        """
        wanted = {"active": active, "silenced": silenced, "inhibited": inhibited}
        params = {"filter": list(filters), **{name: str(flag).lower() for name, flag in wanted.items()}}
        found = [_alert(row) for row in self._rows("/api/v2/alerts", params)]
        return sorted(found, key=lambda alert: (alert.starts_at, alert.name, alert.fingerprint))

    def silences(self, filters: Sequence[str] = ()) -> list[Silence]:
        """Return the silences that all `filters` match, expired ones too, soonest to end first."""
        found = [_silence(row) for row in self._rows("/api/v2/silences", {"filter": list(filters)})]
        return sorted(found, key=lambda silence: (silence.ends_at, silence.id))

    def _rows(self, path: str, params: Mapping[str, Any]) -> list[dict[str, Any]]:
        answer = fetch(self._client, path, params)
        error = status_error(answer.status, answer.where, answer.body)
        if answer.status == 400:
            raise ConfigurationError(f"a filter of {params['filter']} cannot be used: {error}")
        if error is not None:
            raise error
        return rows(parse_json(answer.body, answer.where), answer.where)


def _alert(row: Mapping[str, Any]) -> Alert:
    status = child(row, "status")
    labels = texts(row.get("labels"), "labels")
    state = text(status, "state")
    if state not in {"active", "suppressed", "unprocessed"}:
        raise BadAnswer(f"an alert of Alertmanager has the state {state!r}")
    return Alert(
        name=labels.pop("alertname", ""),
        labels=labels,
        annotations=texts(row.get("annotations"), "annotations"),
        starts_at=moment(row.get("startsAt"), "startsAt"),
        ends_at=moment(row.get("endsAt"), "endsAt"),
        state=state,
        silenced_by=_ids(status.get("silencedBy")),
        inhibited_by=_ids(status.get("inhibitedBy")),
        fingerprint=text(row, "fingerprint"),
    )


def _ids(value: Any) -> tuple[str, ...]:
    return tuple(require(one, str, "silencedBy") for one in require(value or [], list, "silencedBy"))


def _silence(row: Mapping[str, Any]) -> Silence:
    return Silence(
        id=text(row, "id"),
        state=text(child(row, "status"), "state"),
        matchers=tuple(_matcher(matcher) for matcher in children(row, "matchers")),
        starts_at=moment(row.get("startsAt"), "startsAt"),
        ends_at=moment(row.get("endsAt"), "endsAt"),
        created_by=text(row, "createdBy"),
        comment=text(row, "comment"),
    )


def _matcher(matcher: Mapping[str, Any]) -> str:
    equal = matcher.get("isEqual", True)
    regex = matcher.get("isRegex", False)
    sign = ("=~" if regex else "=") if equal else ("!~" if regex else "!=")
    return f'{text(matcher, "name")}{sign}"{text(matcher, "value")}"'
