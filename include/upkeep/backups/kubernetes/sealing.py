"""Secrets are encrypted to a recipient (age) before they leave the process, and found where they are not."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable

from upkeep.backups.kubernetes.kinds import Object
from upkeep.errors import ConfigurationError, PermanentError

AGE_HEADER = b"age-encryption.org/v1\n"
TELLING = 16
"""Characters from which a secret's value is looked for elsewhere: `postgres` is in every address."""


def seal(content: bytes, recipients: Iterable[str]) -> bytes:
    """Encrypt to age recipients (`age1…`); raise ConfigurationError for one that cannot be used."""
    import pyrage

    try:
        known = [pyrage.x25519.Recipient.from_str(one) for one in recipients]
    except pyrage.RecipientError as e:
        raise ConfigurationError(f"not an age recipient (age1…): {e}") from e
    if not known:
        raise ConfigurationError("secrets are exported only encrypted: name a recipient (age1…)")
    sealed: bytes = pyrage.encrypt(content, known)
    return sealed


def unseal(content: bytes, identity: str, where: str) -> bytes:
    """Decrypt with an identity (`AGE-SECRET-KEY-1…`).

    Raises ConfigurationError for one that cannot be used, PermanentError where it does not fit.
    """
    import pyrage

    try:
        known = pyrage.x25519.Identity.from_str(identity)
    except pyrage.IdentityError:
        raise ConfigurationError(f"{where}: not an age identity (AGE-SECRET-KEY-1…)") from None
    try:
        opened: bytes = pyrage.decrypt(content, [known])
    except pyrage.DecryptError as e:
        raise PermanentError(
            f"{where}: cannot be decrypted: {e}; is it the identity of its recipient?"
        ) from e
    return opened


def is_secret(obj: Object) -> bool:
    """Tell whether an object is a secret of the API."""
    return obj.get("kind") == "Secret"


def tell_tales(secret: Object) -> set[str]:
    """Return how the values of a secret would look inside the JSON of another object."""
    found = set()
    for encoded in (secret.get("data") or {}).values():
        if not isinstance(encoded, str) or len(encoded) < TELLING:
            continue
        found.add(encoded)
        try:
            plain = base64.b64decode(encoded, validate=True).decode().strip()
        except (binascii.Error, UnicodeDecodeError):
            continue
        if len(plain) >= TELLING:
            found.add(json.dumps(plain)[1:-1])
    return found


def in_clear(line: str) -> str | None:
    """Return the name of a secret whose values stand in a line of an archive, None if it is none."""
    obj = json.loads(line)
    metadata = obj.get("metadata") or {}
    if is_secret(obj) and (obj.get("data") or obj.get("stringData")):
        return f"Secret/{metadata.get('name')}"
    applied = (metadata.get("annotations") or {}).get("kubectl.kubernetes.io/last-applied-configuration", "")
    return f"{obj.get('kind')}/{metadata.get('name')} (annotation)" if '"kind":"Secret"' in applied else None
