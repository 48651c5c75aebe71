"""Forms that only our own pages can send: another site knows neither the token nor our origin.

A token is bound to the user and the incident and serves for half a day, rather than to the session: a page
that stays open outlives the renewal of Airflow's cookie.
"""

from __future__ import annotations

import hashlib
import hmac
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from uuid import UUID

from airflow.configuration import conf
from fastapi import HTTPException, Request, status

LIFETIME = timedelta(hours=12)
"""How long a page that was left open can still be answered from."""


def make_token(user_id: str, incident_id: UUID, now: datetime) -> str:
    """Return a token for the forms of an incident that a user is shown."""
    issued = str(int(now.timestamp()))
    return f"{issued}.{_signature(user_id, incident_id, issued)}"


def is_valid(token: str, user_id: str, incident_id: UUID, now: datetime) -> bool:
    """Return whether a token was made for this user and incident and has not expired."""
    issued, _, signature = token.partition(".")
    if not hmac.compare_digest(signature.encode(), _signature(user_id, incident_id, issued).encode()):
        return False
    return timedelta(0) <= now - datetime.fromtimestamp(int(issued), now.tzinfo) <= LIFETIME


def refuse_other_sites(request: Request, *, from_a_browser: bool) -> None:
    """Refuse with 403 what another site made a browser send.

    from_a_browser: it must say where it comes from, which every browser does for a form.
    """
    site = request.headers.get("sec-fetch-site")
    origin = request.headers.get("origin") or request.headers.get("referer")
    if site and site not in ("same-origin", "none"):
        _refuse("it comes from another site")
    if origin and urlsplit(origin).netloc not in _own_hosts(request):
        _refuse(f"it comes from {urlsplit(origin).netloc or origin!r}, not from this server")
    if from_a_browser and not (site or origin):
        _refuse("it does not say where it comes from (Origin, Referer or Sec-Fetch-Site)")


def demand_bearer(request: Request) -> None:
    """Refuse with 403 a request that nothing but a browser's cookie vouches for."""
    if not request.headers.get("authorization", "").lower().startswith("bearer "):
        raise HTTPException(
            status.HTTP_403_FORBIDDEN, "JSON takes a token in the header Authorization, not the UI's cookie"
        )


def _own_hosts(request: Request) -> set[str]:
    """Return this server's names: the one it was called by, and the public one before a proxy."""
    public = urlsplit(conf.get("api", "base_url", fallback="")).netloc
    return {host for host in (request.headers.get("host"), public) if host}


def _signature(user_id: str, incident_id: UUID, issued: str) -> str:
    text = f"upkeep incident form\n{user_id}\n{incident_id}\n{issued}"
    return hmac.new(conf.get("api", "secret_key").encode(), text.encode(), hashlib.sha256).hexdigest()


def _refuse(why: str) -> None:
    raise HTTPException(status.HTTP_403_FORBIDDEN, f"the request is refused: {why}")
