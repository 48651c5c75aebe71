"""The certificate that a TLS end point shows."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from upkeep.clients.endpoint import tls_context
from upkeep.errors import BadAnswer, ConfigurationError, TemporaryError, excerpt

if TYPE_CHECKING:
    from cryptography import x509


@dataclass(frozen=True)
class CertificateInfo:
    """A server's certificate.

    subject, issuer: as RFC 4514 writes them. not_before, not_after: UTC. names: DNS names and addresses.
    chain_valid: the chain, the dates and the name were verified; `problem` says why they were not.
    fingerprint: SHA-256, hex.
    """

    subject: str
    issuer: str
    not_before: datetime
    not_after: datetime
    names: tuple[str, ...]
    chain_valid: bool
    problem: str | None
    fingerprint: str


def fetch_certificate(
    host: str,
    port: int = 443,
    server_name: str | None = None,
    ca_file: str | None = None,
    timeout_seconds: float = 10,
) -> CertificateInfo:
    """Return the certificate that `host` shows for `server_name` (by default `host`).

    It is verified first. If that fails, the reason is recorded and the certificate is read over a
    second connection that sends nothing: an expired certificate must be reported, not hidden.
    Raises TemporaryError (refused, timed out, cut off), ConfigurationError (no such host, bad
    `ca_file`) and BadAnswer (no TLS there, or no certificate).
    """
    address, name = (host, port), server_name or host
    try:
        return _read(_handshake(address, name, tls_context(ca_file), timeout_seconds), None, address)
    except ssl.SSLCertVerificationError as e:
        problem = e.verify_message or str(e)
    unverified = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    unverified.check_hostname = False
    unverified.verify_mode = ssl.CERT_NONE
    return _read(_handshake(address, name, unverified, timeout_seconds), problem, address)


def _handshake(
    address: tuple[str, int], server_name: str, context: ssl.SSLContext, timeout: float
) -> bytes | None:
    """Return the certificate (DER) that the far side shows.

    Lets SSLCertVerificationError through: it is the answer to the question asked.
    """
    where = _where(address)
    try:
        with (
            socket.create_connection(address, timeout=timeout) as connection,
            context.wrap_socket(connection, server_hostname=server_name) as tls,
        ):
            return tls.getpeercert(binary_form=True)
    except ssl.SSLCertVerificationError:
        raise
    except TimeoutError as e:
        raise TemporaryError(f"{where}: no handshake within {timeout} s") from e
    except (ssl.SSLEOFError, ssl.SSLZeroReturnError) as e:
        raise TemporaryError(f"{where}: the connection was closed during the handshake") from e
    except ssl.SSLError as e:
        raise BadAnswer(f"{where}: no TLS handshake: {excerpt(str(e))}") from e
    except socket.gaierror as e:
        kind = TemporaryError if e.errno == socket.EAI_AGAIN else ConfigurationError
        raise kind(f"{where}: the name cannot be resolved: {e.strerror}") from e
    except UnicodeError as e:
        raise ConfigurationError(f"{where}: not a host name") from e
    except OSError as e:
        raise TemporaryError(f"{where}: cannot connect: {e.strerror or e}; is the service up?") from e


def _where(address: tuple[str, int]) -> str:
    return f"TLS {address[0]}:{address[1]}"


def _read(der: bytes | None, problem: str | None, address: tuple[str, int]) -> CertificateInfo:
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    try:
        certificate = x509.load_der_x509_certificate(der or b"")
        return CertificateInfo(
            subject=certificate.subject.rfc4514_string(),
            issuer=certificate.issuer.rfc4514_string(),
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
            names=_names(certificate),
            chain_valid=problem is None,
            problem=problem,
            fingerprint=certificate.fingerprint(SHA256()).hex(),
        )
    except ValueError as e:
        raise BadAnswer(f"{_where(address)}: the certificate cannot be read: {excerpt(str(e))}") from e


def _names(certificate: x509.Certificate) -> tuple[str, ...]:
    from cryptography import x509

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return ()
    dns = extension.value.get_values_for_type(x509.DNSName)
    return (*dns, *(str(address) for address in extension.value.get_values_for_type(x509.IPAddress)))
