"""A repository brought back from a bundle: a bare repository or branch beside, or in its branch's place."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups import targets
from upkeep.backups.files.bundles import GitBundles
from upkeep.backups.kubernetes.repository import Repository
from upkeep.backups.model import Copy, Level, Proof
from upkeep.errors import ConfigurationError, PermanentError

HEADS = "refs/heads/"


@dataclass(frozen=True)
class GitRecovery:
    """All refs of a bundle in a new bare repository, or one branch of it as a new branch of the remote.

    label: follows from the run and ends the new names. folder: the bare repository's; None for the remote.
    in_place: the new branch then takes the place of the old one, which is kept under another name. keep:
    whether what is new stays.
    """

    method: GitBundles
    copy: Copy
    title: str
    label: str
    folder: Path | None = None
    in_place: bool = False
    keep: bool = True
    approvals: int = 1
    backup_id: UUID | None = None

    @property
    def subject(self) -> str:
        """What is recovered."""
        return self.title

    @property
    def beside(self) -> str:
        """The new branch of the remote."""
        return f"restored-{self.label}"

    @property
    def kept_as(self) -> str:
        """The branch that keeps what was replaced."""
        return f"{self.method.branch}-before-{self.label}"

    def plan(self, pinned: Plan | None = None) -> Plan:
        """Look whether copy, branch and target are as they must be; what an attempt began keeps the plan."""
        if self.method.find(self.copy.name) is None:
            raise PermanentError(f"nothing was touched: {self.copy.reference} is gone")
        facts = {
            "backup": self.copy.name,
            "sha256": self.copy.sha256,
            "commit": self._commit(),
            "refs": len(self.copy.facts["refs"]),
        }
        if self.folder is not None:
            return self._into_folder(self.folder, facts)
        return self._into_remote(facts, pinned)

    def restore(self, plan: Plan) -> None:
        """Read the bundle, let Git examine every object, and put it beside what there is."""
        if self.folder is not None:
            if targets.claim(self.folder, self._mark):
                return
            shutil.rmtree(self.folder)  # half of it may be there, with locks of a program that was killed
            self.folder.mkdir(mode=0o700)
        with self.method.opened(self.copy) as repository:
            if self.folder is None:
                commit = plan.facts["commit"]
                repository.run("push", "--quiet", "origin", f"+{commit}:{HEADS}{self.beside}")
                return
            folder = str(self.folder)
            repository.run("init", "--quiet", "--bare", folder)
            repository.run("push", "--quiet", folder, "+refs/checked/*:refs/*")
            repository.run("--git-dir", folder, "symbolic-ref", "HEAD", f"{HEADS}{self.method.branch}")
        targets.finish(self.folder, self._mark)

    def ready(self, plan: Plan) -> str | None:
        """Return at once: it is there when the call returns."""
        return f"{plan.target} is there"

    def verify(self, plan: Plan) -> Sequence[Proof]:
        """Compare the refs with those of the backup; of a bare repository Git reads every object again."""
        with self.method.repository() as repository:
            problems = self._wrong(repository, plan)
        evidence = {"commit": plan.facts["commit"], "refs": plan.facts["refs"]}
        return [Proof(Level.INVARIANTS, datetime.now(UTC), problems, evidence)]

    def resume(self, plan: Plan) -> str | None:
        """Let the branch lead to what was restored, if that was asked for; what it led to is kept.

        Raises PermanentError if somebody has pushed since the plan.
        """
        if not self.in_place:
            return None
        branch, before, commit = f"{HEADS}{self.method.branch}", plan.facts["before"], plan.facts["commit"]
        with self.method.repository() as repository:
            now = _heads(repository).get(self.method.branch)
            if now != commit:
                if now != before:
                    raise PermanentError(
                        f"{self.method.branch} leads to {now}, not to {before} as planned: somebody has "
                        "pushed; nothing was replaced, clear the run from 'plan'"
                    )
                repository.run("fetch", "--quiet", "origin", f"{HEADS}{self.beside}")
                moves = [f"+{commit}:{branch}"]
                if before is not None:
                    repository.run("fetch", "--quiet", "origin", branch)
                    moves.append(f"{before}:{HEADS}{self.kept_as}")
                lease = f"--force-with-lease={branch}:{before or ''}"
                repository.run("push", "--quiet", "--atomic", lease, "origin", *moves)
        kept = f"; what it was is kept as {self.kept_as}" if before else ""
        return f"{self.method.branch} leads to {commit}{kept}"

    def data_as_of(self, plan: Plan) -> datetime | None:  # noqa: ARG002 - the copy says it
        """Return the moment of the bundle."""
        return self.copy.started_at

    def clean_up(self, plan: Plan) -> str:
        """Remove what is beside, unless it is to stay; a branch in place needs none beside it."""
        if self.folder is not None:
            mark = targets.marked(self.folder)
            if self.keep and mark is not None and mark["finished"]:
                return f"{plan.target} stays, as was asked"
            targets.clear(self.folder)
            return f"{plan.target} was removed"
        if self.keep and not self.in_place:
            return f"{plan.target} stays, as was asked"
        with self.method.repository() as repository:
            if self.beside not in _heads(repository):
                return f"{self.beside} was not there"
            repository.run("push", "--quiet", "origin", f":{HEADS}{self.beside}")
        return f"{self.beside} was removed"

    @property
    def _mark(self) -> dict[str, Any]:
        return {"bundle": self.copy.reference, "sha256": self.copy.sha256}

    def _commit(self) -> str:
        heads = {ref: commit for commit, _, ref in (one.partition(" ") for one in self.copy.facts["refs"])}
        if commit := heads.get(f"{HEADS}{self.method.branch}"):
            return str(commit)
        there = ", ".join(ref.removeprefix(HEADS) for ref in heads if ref.startswith(HEADS)) or "none"
        raise ConfigurationError(f"{self.copy.name} has no branch {self.method.branch}; it has {there}")

    def _into_folder(self, folder: Path, facts: dict[str, Any]) -> Plan:
        # Packed objects take about what the bundle has; Git needs the bundle beside them meanwhile.
        if why := targets.refuse(folder, self._mark, 2 * (self.copy.bytes or 0)):
            raise PermanentError(f"nothing was touched: {why}")
        end = [] if self.keep else [f"remove {folder}"]
        steps = [f"restore {facts['refs']} refs of {self.copy.name}, every object examined by Git", *end]
        return Plan(f"Restore {self.title}", str(folder), steps, destructive=False, facts=facts)

    def _into_remote(self, facts: dict[str, Any], pinned: Plan | None) -> Plan:
        with self.method.repository() as repository:
            heads = _heads(repository)
        before, branch = heads.get(self.method.branch), self.method.branch
        if heads.get(self.beside, facts["commit"]) != facts["commit"]:
            raise PermanentError(f"nothing was touched: {self.beside} is there and leads elsewhere")
        if self.in_place and before == facts["commit"]:
            if pinned is not None:
                return pinned
            raise PermanentError(f"nothing was touched: {branch} leads to {before} already")
        steps = [f"push {branch} of {self.copy.name}, commit {facts['commit']}, as {self.beside}"]
        if self.in_place:
            steps += [f"keep {before} as {self.kept_as}"] if before else []
            steps += [f"let {branch} lead to {facts['commit']}", f"remove {self.beside}"]
            facts = {**facts, "before": before}
        elif not self.keep:
            steps.append(f"remove {self.beside}")
        target = f"{branch if self.in_place else self.beside} of {self.method.url}"
        return Plan(
            f"Restore {self.title}", target, steps, self.in_place, approvals=self.approvals, facts=facts
        )

    def _wrong_branch(self, heads: dict[str, str], wanted: str) -> list[str]:
        if self.in_place and heads.get(self.method.branch) == wanted:
            return []  # it is in use already
        found = heads.get(self.beside)
        return [] if found == wanted else [f"{self.beside} leads to {found}, not to {wanted}"]

    def _wrong(self, repository: Repository, plan: Plan) -> list[str]:
        if self.folder is None:
            return self._wrong_branch(_heads(repository), plan.facts["commit"])
        where = ("--git-dir", str(self.folder))
        listed = repository.run(*where, "for-each-ref", "--format=%(objectname) %(refname)").split("\n")
        there, wanted = {one for one in listed if one}, set(self.copy.facts["refs"])
        problems = [f"{ref} is missing or leads elsewhere" for ref in sorted(wanted - there)]
        problems += [f"{ref} was not in the backup" for ref in sorted(there - wanted)]
        try:
            repository.run(*where, "fsck", "--full", "--strict", "--no-progress")
        except PermanentError as e:
            problems.append(str(e))
        return problems


def _heads(repository: Repository) -> dict[str, str]:
    """Return the branches of the remote: name → commit."""
    rows = (line.split("\t") for line in repository.run("ls-remote", "--heads", "origin").splitlines())
    return {ref.removeprefix(HEADS): commit for commit, ref in rows}
