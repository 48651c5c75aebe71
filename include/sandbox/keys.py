"""The keys that backups are sealed with, one for each system; made when first asked for."""

from __future__ import annotations

from pathlib import Path

from pyrage import x25519

from sandbox.credentials import write_private
from sandbox.paths import state_folder


def backup_key(system: str) -> tuple[str, str]:
    """Return the recipient that backups are sealed to, and the identity that opens them."""
    file = Path(state_folder()) / f"backup-key-{system}"
    if not file.exists():
        write_private(file, str(x25519.Identity.generate()))
    identity = x25519.Identity.from_str(file.read_text().strip())
    return str(identity.to_public()), str(identity)
