"""Passwords of the sandbox: made at the first start, kept in files that only we can read."""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path


def credentials(folder: Path, part: str, users: tuple[str, ...]) -> tuple[Path, dict[str, str]]:
    """Return the file and the passwords of a part's users; missing ones are made.

    folder: the sandbox's folder. The passwords are URL-safe, for clients that build a URL of them.
    """
    file = folder / "credentials" / f"{part}.json"
    known: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    fresh = {user: secrets.token_urlsafe(18) for user in users if user not in known}
    if fresh:
        file.parent.mkdir(mode=0o700, exist_ok=True)
        write_private(file, json.dumps(known | fresh, indent=1) + "\n")
    return file, known | fresh


def write_private(file: Path, text: str, owner: int | None = None) -> None:
    """Write a file with mode 0600 in one step, for user id `owner` if given."""
    draft = file.with_name(f"{file.name}.{os.getpid()}")
    draft.unlink(missing_ok=True)
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as out:
        out.write(text)
    if owner is not None:
        os.chown(draft, owner, -1)
    draft.replace(file)
