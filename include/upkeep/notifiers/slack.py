"""Slack, by the provider's hooks: the Web API (any channel) or an incoming webhook (its own channel)."""

from __future__ import annotations

import json
import math
import re
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from http.client import HTTPException
from typing import TYPE_CHECKING
from urllib.error import URLError

from upkeep.clients.endpoint import tls_context
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError
from upkeep.paging.sender import Message, NoAddress, Sender, Sent, quoted, refusal
from upkeep.paging.slack import slack_message

if TYPE_CHECKING:
    from airflow.sdk import Connection

_BUSY = {"ratelimited", "rate_limited", "internal_error", "fatal_error", "service_unavailable",
         "request_timeout", "team_added_to_org"}  # fmt: skip
"""Slack's own errors, said with HTTP 200, that pass; all others need somebody to change something."""

_REASON = re.compile(r"[a-z_]+")


def slack_sender(connection: Connection, timeout_seconds: float) -> Sender:
    """Return the sender for a connection of type `slack` or `slackwebhook`."""
    if connection.conn_type == "slackwebhook":
        return SlackWebhookSender(connection, timeout_seconds)
    return SlackSender(connection, timeout_seconds)


class SlackSender:
    """Posts to the person's channel through `chat.postMessage`. Password: a bot token (`chat:write`)."""

    def __init__(self, connection: Connection, timeout_seconds: float) -> None:
        from airflow.providers.slack.hooks.slack import SlackHook

        # Slack's client would repeat by itself, and sleep as long as Slack says: delivery decides that.
        with _problems():
            self._client = SlackHook(
                slack_conn_id=connection.conn_id, timeout=math.ceil(timeout_seconds), retry_handlers=[],
                ssl=tls_context(connection.extra_dejson.get("ca_file")),
            ).client  # fmt: skip

    def send(self, message: Message) -> Sent:
        """Post one message."""
        from slack_sdk.errors import SlackApiError

        channel = message.person.slack_channel
        if not channel:
            raise NoAddress(f"{message.person.title} has no Slack channel: add it to the catalog")
        try:
            with _problems():
                answer = self._client.api_call(
                    "chat.postMessage", json={"channel": channel, **slack_message(message)}
                )
        except SlackApiError as e:
            raise _refused(e) from e
        return Sent(target=channel, receipt=f"ts {answer.get('ts')}")


class SlackWebhookSender:
    """Posts to the channel that the webhook was made for. Password: the webhook's URL or its token."""

    def __init__(self, connection: Connection, timeout_seconds: float) -> None:
        from airflow.providers.slack.hooks.slack_webhook import SlackWebhookHook

        with _problems():
            self._client = SlackWebhookHook(
                slack_webhook_conn_id=connection.conn_id, timeout=math.ceil(timeout_seconds),
                retry_handlers=[], ssl=tls_context(connection.extra_dejson.get("ca_file")),
            ).client  # fmt: skip

    def send(self, message: Message) -> Sent:
        """Post one message."""
        with _problems():
            answer = self._client.send_dict(slack_message(message))
        if answer.status_code != HTTPStatus.OK:
            raise refusal(answer.status_code, answer.body, answer.headers)
        if answer.body.strip() != "ok":
            raise TemporaryError(f"the answer is not Slack's: {quoted(answer.body)}")
        return Sent(target="the webhook's channel", receipt="ok")


def _refused(error: Exception) -> TemporaryError | PermanentError:
    """Tell what passes from what does not, in an answer that is not ok."""
    answer = getattr(error, "response", None)
    data = getattr(answer, "data", answer)
    status = getattr(answer, "status_code", HTTPStatus.OK)
    reason = data.get("error") if isinstance(data, dict) else None
    if status != HTTPStatus.OK:
        return refusal(status, str(reason or data), getattr(answer, "headers", {}))
    # For what is no JSON, Slack's client puts a sentence where Slack has a word.
    if not isinstance(reason, str) or not _REASON.fullmatch(reason):
        return TemporaryError(f"the answer is not Slack's: {quoted(str(data))}")
    said = f"Slack says {quoted(reason)}"
    return TemporaryError(said) if reason in _BUSY else PermanentError(said)


@contextmanager
def _problems() -> Iterator[None]:
    """Translate what Slack's clients and hooks raise."""
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        yield
    except AirflowNotFoundException as e:  # no password in the connection
        raise ConfigurationError(quoted(str(e))) from e
    except json.JSONDecodeError as e:
        raise TemporaryError("the answer is not Slack's: no JSON") from e
    except (URLError, OSError, HTTPException, ValueError) as e:
        reason = getattr(e, "reason", e)
        if isinstance(reason, ssl.SSLCertVerificationError):
            raise ConfigurationError(f"Slack's certificate is not trusted: {reason.verify_message}") from e
        raise TemporaryError(f"cannot reach Slack: {type(reason).__name__}: {quoted(str(reason))}") from e
