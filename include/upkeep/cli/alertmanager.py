"""`upkeep alertmanager-token`: keeps fresh the token by which Alertmanager reaches the board."""

from __future__ import annotations

import base64
import json
import os
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated
from urllib.parse import unquote, urlsplit

import typer

from upkeep.errors import BadAnswer, ConfigurationError, UpkeepError

if TYPE_CHECKING:
    from upkeep.clients.airflow_api import Login

URL_VARIABLE = "UPKEEP_AIRFLOW_URL"
URL_FORM = "https://user:password@airflow.example.com"
CONNECTION = "upkeep_alertmanager_user"
RETRY_SECONDS = 30.0


def alertmanager_token(
    write: Annotated[Path, typer.Option(help="Alertmanager's `credentials_file`; replaced in one step.")],
    every: Annotated[
        float | None, typer.Option(min=0.01, help="Go on, with a new token after so many minutes.")
    ] = None,
) -> None:
    """Fetch a token from Airflow and write it to a file that only its owner may read.

    It is that of the user of $UPKEEP_AIRFLOW_URL, else of the connection upkeep_alertmanager_user.
    """
    login = _login()
    while True:
        try:
            good_until = _refresh(login, write)
            typer.echo(f"{write} is written; the token is good until {good_until:%Y-%m-%d %H:%M:%S} UTC")
        except UpkeepError as e:
            if every is None:
                raise
            typer.echo(f"upkeep: {e}; the file stays as it is, the next try is in a moment", err=True)
            time.sleep(min(every * 60, RETRY_SECONDS))
            continue
        if every is None:
            return
        # A token that lives for less than the interval is renewed at half its life.
        time.sleep(max(0.0, min(every * 60, (good_until - datetime.now(UTC)).total_seconds() / 2)))


def _refresh(login: Login, file: Path) -> datetime:
    """Write a new token and return until when it is good."""
    from upkeep.clients.airflow_api import AirflowApi

    with AirflowApi(login) as api:
        token = api.new_token()
    good_until = _expiry(token)
    _replace(file, token)
    return good_until


def _expiry(token: str) -> datetime:
    """Return when a JWT expires; its signature is for Airflow to check."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["exp"], UTC)
    except (IndexError, ValueError, KeyError, TypeError) as e:
        raise BadAnswer("Airflow's token is no JWT with a time of expiry") from e


def _replace(file: Path, text: str) -> None:
    """Write a file of mode 0600, so that no reader ever sees half of it, and none but the owner any of it."""
    try:
        descriptor, draft = tempfile.mkstemp(prefix=f".{file.name}.", dir=file.parent)  # it makes mode 0600
        try:
            with os.fdopen(descriptor, "w") as out:
                out.write(text)
            Path(draft).replace(file)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as e:
        raise ConfigurationError(f"cannot write {file}: {e.strerror}") from e


def _login() -> Login:
    from upkeep.clients.airflow_api import Login

    url = os.environ.get(URL_VARIABLE)
    if not url:
        return _login_of_connection()
    try:
        parts = urlsplit(url)
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        parts, port = urlsplit(""), ""
    if parts.scheme not in ("http", "https") or not (parts.hostname and parts.username and parts.password):
        # Not repeated: a password may be in it.
        raise ConfigurationError(
            f"${URL_VARIABLE} is no address with a user and a password; write {URL_FORM}"
        )
    base = f"{parts.scheme}://{parts.hostname}{port}{parts.path}"
    return Login(base, unquote(parts.username), unquote(parts.password))


def _login_of_connection() -> Login:
    from upkeep.operators.watchdog import airflow_login

    try:
        return airflow_login(CONNECTION)
    except ConfigurationError as e:
        raise ConfigurationError(
            f"nobody to sign in as: set ${URL_VARIABLE} to {URL_FORM}, or make Airflow's connection "
            f"{CONNECTION!r}: an http connection to its API server with that user"
        ) from e
