"""Where the sandbox keeps its state.

`$UPKEEP_STATE` or `<checkout>/.upkeep`; the sandbox's own part of it is the folder `sandbox`.
Started by root, the database servers run as another user who must be able to reach their data:
below a private folder such as /root, `sandbox` is therefore a link to a folder in /var/tmp.
"""

from __future__ import annotations

import hashlib
import os
import pwd
import stat
from pathlib import Path

from sandbox.errors import SandboxError

CHECKOUT = Path(__file__).resolve().parents[2]
PUBLIC_PARENT = Path("/var/tmp")  # noqa: S108 - survives a reboot; the folder's owner is checked below
SERVICE_ACCOUNTS = ("postgres", "nobody")


def state_folder() -> Path:
    """Return the folder for all local state, made if need be."""
    folder = Path(os.environ.get("UPKEEP_STATE") or CHECKOUT / ".upkeep").absolute()
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    return folder


def sandbox_folder(state: Path | None = None) -> Path:
    """Return the sandbox's own folder, reachable for the service account, made if need be."""
    folder = (state or state_folder()) / "sandbox"
    if service_account() and not folder.is_symlink() and not _open_to_others(folder.parent):
        _link_to_public_place(folder)
    folder.mkdir(mode=0o711, parents=True, exist_ok=True)
    folder.resolve().chmod(0o711)
    return folder.resolve()


def service_account() -> pwd.struct_passwd | None:
    """Return the user that database servers run as: None unless we are root, for they refuse root."""
    if os.geteuid() != 0:
        return None
    for name in SERVICE_ACCOUNTS:
        try:
            return pwd.getpwnam(name)
        except KeyError:
            continue
    raise SandboxError(f"started as root, but none of the users {', '.join(SERVICE_ACCOUNTS)} exists")


def reachable(path: Path) -> bool:
    """Whether the service account can reach `path`; always true unless we are root."""
    return service_account() is None or _open_to_others(path.resolve())


def private_folder(path: Path) -> Path:
    """Make a folder that only the service account (or we) may enter."""
    path.mkdir(mode=0o700, parents=True, exist_ok=True)
    if account := service_account():
        os.chown(path, account.pw_uid, account.pw_gid)
    path.chmod(0o700)
    return path


def _open_to_others(path: Path) -> bool:
    """Whether every folder on the way, `path` included, may be traversed by anybody."""
    existing = (folder for folder in (path, *path.parents) if folder.is_dir())
    return all(folder.stat().st_mode & stat.S_IXOTH for folder in existing)


def _link_to_public_place(link: Path) -> None:
    """Make `link` point to a folder of ours in a public place."""
    if link.exists():
        raise SandboxError(f"{link} is not reachable for the database servers: move it away and start again")
    target = PUBLIC_PARENT / f"upkeep-{hashlib.sha256(str(link).encode()).hexdigest()[:12]}"
    target.mkdir(mode=0o711, exist_ok=True)
    found = target.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise SandboxError(f"{target} belongs to somebody else: remove it, or set UPKEEP_STATE")
    link.symlink_to(target)
