"""Configuration to Git: each export is a commit, also where nothing has changed: the log proves it."""

from __future__ import annotations

import hashlib
import json
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from upkeep.backups.kubernetes.manifests import INDEX, manifests
from upkeep.backups.kubernetes.repository import GitLogin, RejectedPush, Repository
from upkeep.backups.kubernetes.sealing import AGE_HEADER, seal
from upkeep.backups.kubernetes.selection import EVERYTHING, Selection
from upkeep.backups.model import Copy, Level, Proof
from upkeep.backups.scratch import scratch
from upkeep.clients.answers import moment
from upkeep.clients.kubernetes.api import Api
from upkeep.errors import PermanentError, TemporaryError

TRIES = 5
"""How often a push is repeated that others were faster than."""

_FIELDS = "%H%x00%cI%x00%(trailers:key=Upkeep-Backup,valueonly)%x00%(trailers:key=Upkeep-Facts,valueonly)"
_SECRET = re.compile(r"^kind: Secret$", re.MULTILINE)


@dataclass(frozen=True)
class GitConfiguration:
    """Backs up the configuration of one namespace; a Method.

    url: of the repository. folder: in it; the namespace has one of its own inside. recipients: age public
    keys of the secrets. A commit is never deleted: all copies are held.
    """

    api: Api
    namespace: str
    url: str
    recipients: Sequence[str]
    login: GitLogin = field(default_factory=GitLogin)
    branch: str = "main"
    folder: str = "kubernetes"
    selection: Selection = EVERYTHING
    timeout_seconds: float = 120

    def look(self) -> dict[str, str | None]:
        """Return where the next export goes, and on top of which commit. Only reads."""
        seal(b"", self.recipients)
        self.api.get(f"/api/v1/namespaces/{self.namespace}")
        with self._repository() as repository:
            return {
                "repository": self.url,
                "branch": self.branch,
                "commit": repository.fetch(history_only=True),
            }

    def find(self, name: str) -> Copy | None:
        """Return the commit of this name."""
        with self._repository() as repository:
            return self._find(repository, name) if repository.fetch(history_only=True) else None

    def make(self, name: str) -> Copy:
        """Commit and push the configuration as it is, unless there is a commit of this name."""
        with self._repository() as repository:
            for _ in range(TRIES):
                tip = repository.fetch(history_only=True)
                if tip and (found := self._find(repository, name)):
                    return found
                self._commit(repository, name, tip)
                try:
                    repository.push()
                except RejectedPush:
                    continue
                repository.fetch(history_only=True)
                if found := self._find(repository, name):
                    return found
                raise PermanentError(f"{self.url}: {name} was pushed and is not on {self.branch}")
        raise TemporaryError(f"{self.url}: others pushed first, {TRIES} times: run again")

    def copies(self) -> Iterator[Copy]:
        """Yield all exports on the branch, newest first."""
        with self._repository() as repository:
            if repository.fetch(history_only=True):
                yield from list(self._log(repository))

    def delete(self, copies: Sequence[Copy]) -> None:
        """Refuse: history is kept whole. Raises PermanentError for any copy."""
        if copies:
            raise PermanentError(f"{self.url}: commits are not deleted: {', '.join(c.name for c in copies)}")

    def check(self, copy: Copy, before: Sequence[Proof] = ()) -> list[Proof]:
        """Examine a commit: it is on the branch, its files are those of its index, nothing in clear."""
        del before  # all of it is read in any case
        with self._repository() as repository:
            tip = repository.fetch(history_only=False)
            if tip is None or self._find(repository, copy.name) is None:
                return [_proof(Level.EXISTS, [f"no commit of {copy.name} on {self.branch}"])]
            damage = _damage(repository)
            repository.run("checkout", "--quiet", "--detach", str(copy.facts["commit"]))
            incomplete, other = _compare(repository.folder / self.folder / self.namespace)
        return [
            _proof(Level.EXISTS, []),
            _proof(Level.COMPLETE, incomplete),
            _proof(Level.CHECKSUMS, [*damage, *other]),
        ]

    def _commit(self, repository: Repository, name: str, tip: str | None) -> None:
        """Commit the namespace's files on top of `tip`."""
        if tip:
            repository.run("checkout", "--quiet", "--force", "-B", "export", tip)
        place = repository.folder / self.folder / self.namespace
        started = datetime.now(UTC)
        files = manifests(self.api, self.namespace, self.selection, self.recipients, _sealed(place))
        shutil.rmtree(place, ignore_errors=True)
        for path, content in files.items():
            (place / path).parent.mkdir(parents=True, exist_ok=True)
            (place / path).write_bytes(content)
        repository.run("add", "--all", "--force", "--", self.folder)
        facts = {
            "started_at": started.isoformat(),
            "files": len(files),
            "bytes": sum(map(len, files.values())),
        }
        trailers = f"Upkeep-Backup: {name}\nUpkeep-Facts: {json.dumps(facts)}\n"
        message = f"Configuration of {self.namespace}: {name}\n\n{trailers}"
        repository.run("commit", "--quiet", "--allow-empty", "--no-verify", "-F", "-", stdin=message)

    def _find(self, repository: Repository, name: str) -> Copy | None:
        return next((copy for copy in self._log(repository) if copy.name == name), None)

    def _log(self, repository: Repository) -> Iterator[Copy]:
        ref = f"refs/remotes/origin/{self.branch}"
        head = f"^Configuration of {re.escape(self.namespace)}: "
        lines = repository.run("log", "-z", f"--format={_FIELDS}", "--extended-regexp", f"--grep={head}", ref)
        fields = [part.strip() for part in lines.split("\0")]
        for commit, at, name, noted in zip(*[iter(fields)] * 4, strict=False):
            facts = json.loads(noted or "{}")
            if not name or "started_at" not in facts:
                continue
            yield Copy(
                name=name,
                reference=f"{self.url}@{commit}",
                started_at=moment(facts["started_at"], "started_at"),
                ended_at=moment(at, "ended_at"),
                bytes=int(facts["bytes"]),
                encryption="none",
                facts={"commit": commit, "files": facts["files"], "secrets": "age"},
                held=True,
            )

    @contextmanager
    def _repository(self) -> Iterator[Repository]:
        with scratch("upkeep-git-") as folder:
            yield Repository(self.url, self.branch, self.login, folder, timeout_seconds=self.timeout_seconds)


def _sealed(place: Path) -> dict[str, tuple[str, bytes]]:
    """Return the sealed files of the last export: path → version and content."""
    index = place / INDEX
    if not index.exists():
        return {}
    versions = json.loads(index.read_bytes()).get("sealed", {})
    found = {path: place / path for path in versions}
    return {path: (versions[path], file.read_bytes()) for path, file in found.items() if file.exists()}


def _damage(repository: Repository) -> list[str]:
    try:
        repository.run("fsck", "--full", "--no-dangling", "--no-progress")
    except PermanentError as e:
        return [str(e)]
    return []


def _compare(place: Path) -> tuple[list[str], list[str]]:
    """Return what is incomplete or in clear, and what is not as the index says."""
    if not (place / INDEX).exists():
        return [f"{place.name}/{INDEX} is missing"], []
    wanted = json.loads((place / INDEX).read_bytes())["files"]
    there = {str(p.relative_to(place)): p for p in place.rglob("*") if p.is_file() and p.name != INDEX}
    incomplete = [f"{path} is missing" for path in sorted(set(wanted) - set(there))]
    other = [f"{path} is not in the index" for path in sorted(set(there) - set(wanted))]
    for path, file in sorted(there.items()):
        content = file.read_bytes()
        if path in wanted and hashlib.sha256(content).hexdigest() != wanted[path]:
            other.append(f"{path}: its bytes are not those that were written")
        if path.endswith(".age") and not content.startswith(AGE_HEADER):
            incomplete.append(f"{path}: a secret in clear: not encrypted with age")
        if not path.endswith(".age") and _SECRET.search(content.decode(errors="replace")):
            incomplete.append(f"{path}: a secret in clear")
    return incomplete, other


def _proof(level: Level, problems: Sequence[str]) -> Proof:
    return Proof(level, datetime.now(UTC), tuple(problems))
