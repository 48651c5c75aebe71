"""Files brought back from a restic copy, into a folder of their own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

from upkeep.acts.plans import Plan
from upkeep.backups import targets
from upkeep.backups.files import ResticFiles
from upkeep.backups.model import Copy, Level, Proof
from upkeep.recoveries.beside import Beside


@dataclass(frozen=True)
class FilesRecovery(Beside):
    """A copy restored beside the files that are in use. keep: whether the folder stays; never in a drill."""

    method: ResticFiles
    copy: Copy
    title: str
    folder: Path
    keep: bool
    backup_id: UUID | None = None

    @property
    def subject(self) -> str:
        """What is recovered."""
        return self.title

    def plan(self, pinned: Plan | None = None) -> Plan:
        """Look whether the folder is free and has room; what an earlier attempt began keeps the plan."""
        looked = self.method.look(self.copy, self.folder)
        if pinned is not None:
            return pinned
        end = [] if self.keep else [f"remove {self.folder}"]
        read = f"restore {looked['files']:,} files, {looked['bytes']:,} bytes, and read back what was written"
        return Plan(
            title=f"Restore {self.title}",
            target=str(self.folder),
            steps=[read, "the files that are in use are not touched", *end],
            destructive=False,
            facts={**looked, "backup": self.copy.name},
        )

    def restore(self, plan: Plan) -> None:  # noqa: ARG002 - the plan was made of the same
        """Restore, and read back what was written."""
        self.method.restore(self.copy, self.folder)

    def ready(self, plan: Plan) -> str | None:
        """Return at once: they are there when the call returns."""
        return f"{plan.target} is there"

    def verify(self, plan: Plan) -> Sequence[Proof]:
        """Count the files against the copy; their content was read back while they were written."""
        found = sum(1 for path in self.folder.rglob("*") if path.is_file())
        wanted = int(plan.facts["files"])
        there = sum(1 for path in self.folder.rglob("*"))
        problems = [] if found and there <= wanted else [f"{there} of {wanted} files and folders are there"]
        evidence = {"files": found, "files_and_folders": there, "in_the_copy": wanted}
        return [Proof(Level.INVARIANTS, datetime.now(UTC), problems, evidence)]

    def resume(self, plan: Plan) -> str | None:  # noqa: ARG002 - people move what they need
        """Return nothing: people move what they need."""
        return None

    def data_as_of(self, plan: Plan) -> datetime | None:  # noqa: ARG002 - the copy says it
        """Return the moment of the copy."""
        return self.copy.started_at

    def clean_up(self, plan: Plan) -> str:
        """Remove the folder, unless it is to stay."""
        if self.keep:
            return f"{plan.target} stays, as was asked"
        targets.clear(self.folder)
        return f"{plan.target} was removed"
