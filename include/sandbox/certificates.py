"""The estate's certificates: an authority of its own, and certificates with chosen dates."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from sandbox.credentials import write_private

DAYS_VALID = {
    "api.quikapp.com": 90,
    "auth.quikapp.com": 120,
    "maintenance-api.company.com": 75,
    "zetra.app": 85,
    "status.zetra.app": 20,
    "old.zetra.app": -10,
    "api.lessay": 100,
    "tapio.example.com": 80,
    "capture.sandbox": 365,
    "kubernetes.sandbox": 365,
}
"""Days from the start until each name's certificate expires.

`status.zetra.app` expires soon: one of the findings that the sandbox starts with.
`old.zetra.app` has expired: no system relies on it.
"""

LIFETIME = timedelta(days=398)
"""As long as public authorities allow; longer than any of the days above, so that all are valid already."""
LOCAL_NAMES = ("localhost", "127.0.0.1")


def prepare(folder: Path) -> Path:
    """Issue every certificate afresh; return the path of the authority's certificate.

    folder: the sandbox's. Files: `<folder>/tls/<name>.pem`, key first, mode 0600.
    """
    place = folder / "tls"
    place.mkdir(mode=0o700, exist_ok=True)
    authority = _authority(place)
    for name, days in DAYS_VALID.items():
        _issue(authority, place, name, timedelta(days=days))
    return place / "ca.pem"


def issue(folder: Path, name: str, valid_for: timedelta) -> None:
    """Replace the certificate of `name` by one that expires `valid_for` from now."""
    _issue(_authority(folder / "tls"), folder / "tls", name, valid_for)


def file_of(folder: Path, name: str) -> Path:
    """Return the file with the key and the certificate of `name`."""
    return folder / "tls" / f"{name}.pem"


def _issue(authority: trustme.CA, place: Path, name: str, valid_for: timedelta) -> None:
    # An hour's margin keeps "expires in 20 days" at 20 for a while after the start.
    ends = datetime.now(UTC) + valid_for + timedelta(hours=1)
    names = (name, *LOCAL_NAMES) if name.endswith(".sandbox") else (name,)
    issued = authority.issue_cert(
        *names, common_name=name, not_before=ends - LIFETIME, not_after=ends,
        organization_name="Upkeep sandbox",
    )  # fmt: skip
    write_private(place / f"{name}.pem", issued.private_key_and_cert_chain_pem.bytes().decode())


def _authority(place: Path) -> trustme.CA:
    """Return the authority, made at the first start."""
    certificate, key = place / "ca.pem", place / "ca.key"
    if key.exists():
        return trustme.CA.from_pem(certificate.read_bytes(), key.read_bytes())
    made = trustme.CA(organization_name="Upkeep sandbox")
    certificate.write_bytes(made.cert_pem.bytes())
    write_private(key, made.private_key_pem.bytes().decode())
    return made
