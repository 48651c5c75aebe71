"""Mail, by the provider's hook."""

from __future__ import annotations

import smtplib
import socket
import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from airflow.providers.smtp.hooks.smtp import SmtpHook
from airflow.sdk.exceptions import AirflowException

from upkeep.clients.endpoint import tls_context
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError
from upkeep.paging.mail import mail_message
from upkeep.paging.sender import Message, Sent, quoted

if TYPE_CHECKING:
    from email.message import EmailMessage

    from airflow.sdk import Connection


class SmtpSender:
    """Mails the person. The connection is the provider's; extra `from_email` is required.

    STARTTLS: extra `disable_ssl` true. TLS from the start: extra `disable_tls` true. Certificates are
    verified; extra `ca_file`: an authority to trust instead of the public ones.
    """

    def __init__(self, connection: Connection, timeout_seconds: float) -> None:
        extra = connection.extra_dejson
        self._sender = str(extra.get("from_email") or "")
        if not self._sender:
            raise ConfigurationError(f"connection {connection.conn_id} has no extra from_email")
        if not extra.get("disable_ssl") and not extra.get("disable_tls"):
            raise ConfigurationError(
                f"connection {connection.conn_id} asks for TLS twice: set extra disable_ssl for STARTTLS, "
                "or disable_tls for TLS from the start"
            )
        self._conn_id, self._timeout = connection.conn_id, timeout_seconds

    def send(self, message: Message) -> Sent:
        """Send one mail over a connection of its own; the receipt is its Message-ID."""
        mail = mail_message(message, self._sender)
        with _problems(), _OneTry(self._conn_id, self._timeout) as hook:
            hook.send(mail)
        return Sent(target=str(mail["To"]), receipt=str(mail["Message-ID"]))


class _OneTry(SmtpHook):
    """The hook without its repeating, which would also repeat what is refused for good."""

    smtp_retry_limit = 0

    def __init__(self, conn_id: str, timeout_seconds: float) -> None:
        super().__init__(conn_id)
        self._seconds = timeout_seconds

    def __enter__(self) -> _OneTry:
        self.get_conn()
        return self

    @property
    def timeout(self) -> float:  # type: ignore[override]
        """Seconds for each read and write."""
        return self._seconds

    def send(self, mail: EmailMessage) -> None:
        """Send a whole message; the hook's own way takes HTML alone."""
        if isinstance(self._smtp_client, smtplib.SMTP):
            self._smtp_client.send_message(mail)

    def _build_client_kwargs(self, is_async: bool) -> dict[str, Any]:
        # By itself the client asks the name service who we are, and waits for it when it is down.
        return {**super()._build_client_kwargs(is_async), "local_hostname": socket.gethostname()}

    def _build_ssl_context(self) -> ssl.SSLContext | None:
        if ca_file := self.conn.extra_dejson.get("ca_file"):
            return tls_context(ca_file)
        return super()._build_ssl_context()


@contextmanager
def _problems() -> Iterator[None]:
    """Translate what smtplib and the hook raise. A code of 4xx passes (greylisting is 451), 5xx does not."""
    try:
        yield
    except smtplib.SMTPRecipientsRefused as e:
        code, text = next(iter(e.recipients.values()))
        raise _refused(code, text) from e
    except smtplib.SMTPResponseException as e:
        raise _refused(e.smtp_code, e.smtp_error) from e
    except smtplib.SMTPNotSupportedError as e:
        raise ConfigurationError(f"the mail server cannot do what is asked: {quoted(str(e))}") from e
    except ssl.SSLCertVerificationError as e:
        raise ConfigurationError(f"the mail server's certificate is not trusted: {e.verify_message}") from e
    except (OSError, smtplib.SMTPException) as e:
        raise TemporaryError(f"cannot reach the mail server: {type(e).__name__}: {quoted(str(e))}") from e
    except AirflowException as e:
        if isinstance(e.__context__, smtplib.SMTPServerDisconnected):
            raise TemporaryError(f"the mail server hung up: {quoted(str(e.__context__))}") from e
        raise ConfigurationError(quoted(str(e))) from e


def _refused(code: int, text: bytes | str) -> TemporaryError | PermanentError:
    said = text.decode(errors="replace") if isinstance(text, bytes) else text
    error = PermanentError if 500 <= code < 600 else TemporaryError
    return error(f"the mail server says {code}: {quoted(said)}")
