"""The dead man's switch: what no scheduler can report of itself is that it has stopped."""

from __future__ import annotations

import json

import httpx

from upkeep.errors import PermanentError, TemporaryError

TIMEOUT_SECONDS = 10.0


def beat(url: str, *, well: bool, facts: dict[str, object]) -> None:
    """Tell the outside that the watchdog has run, by the protocol of healthchecks.io.

    url: the check's ping URL; `/fail` is added where not all is well. facts: sent as the body.
    Raises TemporaryError where it does not answer, PermanentError where it refuses.
    """
    where = url.rstrip("/") + ("" if well else "/fail")
    try:
        answer = httpx.post(where, content=json.dumps(facts), timeout=TIMEOUT_SECONDS)
    except httpx.HTTPError as e:
        raise TemporaryError(f"the outside watch does not answer: {type(e).__name__}") from e
    if not answer.is_success:
        error = TemporaryError if answer.is_server_error else PermanentError
        raise error(f"the outside watch answered {answer.status_code}: check the connection upkeep_heartbeat")
