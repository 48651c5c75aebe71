"""Git by its own program: a repository in a folder of its own, and a remote that needs a login."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from upkeep.clients.answers import safe_excerpt
from upkeep.errors import ConfigurationError, PermanentError, TemporaryError, UpkeepError

_ASKPASS = """#!/bin/sh
case "$1" in
Username*) printf '%s' "$UPKEEP_GIT_USERNAME" ;;
*) printf '%s' "$UPKEEP_GIT_PASSWORD" ;;
esac
"""
_REJECTED = ("[rejected]", "non-fast-forward", "fetch first", "cannot lock ref", "failed to update ref")
_DENIED = (
    "authentication failed",
    "could not read username",
    "could not read password",
    "permission denied",
    "host key verification failed",
    "returned error: 401",
    "returned error: 403",
)
_ABSENT = ("does not appear to be a git repository", "repository not found", "' not found", "error: 404")
_UNREACHABLE = (
    "could not resolve",
    "unable to access",
    "connection",
    "timed out",
    "early eof",
    "hung up",
    "returned error: 5",
    "no space left",
)


@dataclass(frozen=True)
class GitLogin:
    """How to reach a remote; its repr shows no secret.

    username, password: for https. ssh_key_file, known_hosts_file: for ssh; an unknown host is refused.
    """

    username: str = ""
    password: str = field(default="", repr=False)
    ssh_key_file: str | None = None
    known_hosts_file: str | None = None


class RejectedPush(TemporaryError):
    """Somebody else has pushed meanwhile."""


class Repository:
    """A local repository with one remote branch.

    url: a path, or an https or ssh URL without credentials. folder: empty, kept by the caller.
    Every call raises TemporaryError (unreachable, too slow), ConfigurationError (login, no such
    repository) or PermanentError, with what git said.
    """

    def __init__(
        self, url: str, branch: str, login: GitLogin, folder: Path, *, timeout_seconds: float = 120
    ) -> None:
        _check(url, branch)
        self.url, self.branch = url, branch
        self._login = login
        self.folder = folder / "work"
        self._timeout = timeout_seconds
        self.folder.mkdir(mode=0o700)
        self._environment = self._settings(folder)
        self.run("init", "--quiet", "--initial-branch", "export")
        self.run("remote", "add", "origin", "--", url)

    def fetch(self, *, history_only: bool) -> str | None:
        """Fetch the branch; return its newest commit, None if there is none.

        history_only: files come when they are looked at, where the remote can do that.
        """
        if not self.run("ls-remote", "--heads", "origin", f"refs/heads/{self.branch}").strip():
            return None
        less = ["--filter=blob:none"] if history_only else []
        refs = f"+refs/heads/{self.branch}:refs/remotes/origin/{self.branch}"
        self.run("fetch", "--quiet", "--no-tags", *less, "origin", refs)
        return self.run("rev-parse", f"refs/remotes/origin/{self.branch}").strip()

    def push(self) -> None:
        """Push what is checked out; raise RejectedPush if the branch has moved on."""
        self.run("push", "--quiet", "origin", f"HEAD:refs/heads/{self.branch}")

    def run(self, *arguments: str, stdin: str | None = None) -> str:
        """Run git and return what it printed."""
        process = subprocess.Popen(  # noqa: S603 - our own arguments
            ["git", "-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=30", *arguments],  # noqa: S607
            cwd=self.folder,
            env=self._environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        )
        where = f"git {arguments[0]} ({self.url})"
        try:
            out, err = process.communicate(stdin or "", timeout=self._timeout)
        except BaseException as e:
            os.killpg(process.pid, signal.SIGKILL)  # its helpers too: they hold the connection
            process.communicate()
            if isinstance(e, subprocess.TimeoutExpired):
                raise TemporaryError(f"{where}: no end within {self._timeout:g} s") from None
            raise
        if process.returncode:
            raise self._error(where, err)
        return out

    def _error(self, where: str, said: str) -> UpkeepError:
        if self._login.password:
            said = said.replace(self._login.password, "***")
        message, low = f"{where}: {safe_excerpt(said)}", said.lower()
        if any(word in low for word in _REJECTED):
            return RejectedPush(f"{message}; somebody pushed meanwhile")
        if any(word in low for word in _DENIED):
            return ConfigurationError(f"{message}; check the connection's login and its rights")
        if any(word in low for word in _ABSENT):
            return ConfigurationError(f"{message}; check the repository's address")
        if any(word in low for word in _UNREACHABLE):
            return TemporaryError(message)
        return PermanentError(message)

    def _settings(self, folder: Path) -> dict[str, str]:
        """Return git's environment: nobody's settings, no questions, secrets in no argument and no file."""
        settings = {
            "PATH": os.environ.get("PATH", os.defpath),
            "HOME": str(folder),
            "LC_ALL": "C",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "file:http:https:ssh",
            "GIT_AUTHOR_NAME": "Upkeep",
            "GIT_AUTHOR_EMAIL": "upkeep@localhost",
            "GIT_COMMITTER_NAME": "Upkeep",
            "GIT_COMMITTER_EMAIL": "upkeep@localhost",
        }
        askpass = folder / "askpass"
        askpass.write_text(_ASKPASS)
        askpass.chmod(0o700)
        settings |= {"GIT_ASKPASS": str(askpass), "SSH_ASKPASS": "/bin/false"}
        settings |= {
            "UPKEEP_GIT_USERNAME": self._login.username,
            "UPKEEP_GIT_PASSWORD": self._login.password,
        }
        ssh = ["ssh", "-F", os.devnull, "-o", "BatchMode=yes", "-o", "StrictHostKeyChecking=yes"]
        ssh += ["-o", "ConnectTimeout=10"]
        if self._login.ssh_key_file:
            ssh += ["-i", self._login.ssh_key_file, "-o", "IdentitiesOnly=yes"]
        if self._login.known_hosts_file:
            ssh += ["-o", f"UserKnownHostsFile={self._login.known_hosts_file}"]
        return settings | {"GIT_SSH_COMMAND": shlex.join(ssh)}


def _check(url: str, branch: str) -> None:
    """Raise ConfigurationError for an address with a login in it, or what git would take for an option."""
    parts = urlsplit(url)
    if parts.password or (parts.scheme in ("http", "https") and parts.username):
        raise ConfigurationError(
            f"the repository at {parts.hostname} is given with its login: use the connection"
        )
    if parts.scheme == "http" and parts.hostname not in ("127.0.0.1", "localhost", "::1"):
        raise ConfigurationError(f"{parts.hostname}: http would send the login in clear: use https or ssh")
    if url.startswith("-") or branch.startswith("-"):
        raise ConfigurationError(f"not a repository and branch: {url!r}, {branch!r}")
