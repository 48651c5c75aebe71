"""What every way of backing up has in common: a copy, its proofs, and what a method can do."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import IntEnum
from typing import Any, Protocol, runtime_checkable


class Level(IntEnum):
    """How far a backup is proven; each level includes those below it."""

    EXISTS = 1
    """It is there, under the name that the ledger has."""
    COMPLETE = 2
    """All its parts are there, finished, encrypted as promised, and of a plausible size."""
    CHECKSUMS = 3
    """Its bytes are those that were written."""
    RESTORED = 4
    """It was restored."""
    INVARIANTS = 5
    """What was restored says what it must: row counts, the catalog's assertions, foreign keys, age."""


@dataclass(frozen=True)
class Copy:
    """A backup that is there.

    name: unique within its policy; chosen once, when it is made. reference: where it is, such as
    `s3://bucket/key` or a snapshot's id. started_at: data is as of this moment or later; ended_at: when it
    was finished; both with time zone. bytes: its size as stored, None where that is not told. sha256: of
    what is stored, in hex. encryption: as in the catalog, `none` where it is not, None where that cannot be
    seen. facts: what is known of the source at backup time, such as `rows` (table → count), `end_lsn`,
    `wal_start`; plain values that JSON can hold. problems: why it is not complete.
    """

    name: str
    reference: str
    started_at: datetime
    ended_at: datetime
    bytes: int | None
    sha256: str | None = None
    encryption: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)
    problems: Sequence[str] = ()
    held: bool = False
    """Under legal hold or object lock: never deleted."""
    needed_by: Sequence[str] = ()
    """Names of backups, of this policy or another, that cannot be restored without it."""


@dataclass(frozen=True)
class Proof:
    """What one examination of a copy showed.

    level: the one that was tried. problems: what was found wrong, each a sentence that names the damage and
    its place; none means proven. evidence: numbers and names that support it.
    """

    level: Level
    at: datetime
    problems: Sequence[str] = ()
    evidence: Mapping[str, Any] = field(default_factory=dict)

    @property
    def holds(self) -> bool:
        """Whether the level is proven."""
        return not self.problems


@runtime_checkable
class Prepared(Protocol):
    """A method that needs a place of its own before its first copy."""

    def initialise(self) -> None:
        """Make the place, if it is not there."""


@runtime_checkable
class Awaited(Protocol):
    """A method whose copies somebody else makes, while no worker waits."""

    def begin(self, name: str) -> object:
        """Begin the copy of this name, or find it begun."""

    def ready(self, name: str) -> Copy | None:
        """Return the copy once it is finished, None while it is made. Raises PermanentError if it failed."""


@runtime_checkable
class Reclaims(Protocol):
    """A method whose deletions free no room by themselves, for its copies share what they store."""

    def reclaim(self) -> None:
        """Free what no copy needs any more. Slow: for once a week. Safe to repeat after a kill."""


class Method(Protocol):
    """A way to back up one thing.

    Every act is safe to repeat after a kill at any point: `make` with a name that is finished returns that
    copy; with one that was begun it finishes or replaces it and leaves nothing behind.
    """

    def find(self, name: str) -> Copy | None:
        """Return the copy of this name if it is finished."""

    def make(self, name: str) -> Copy:
        """Make the copy of this name. The source is only read.

        What is returned may lack something, and says so in its problems; `find` does not return such a copy.
        """

    def copies(self) -> Iterator[Copy]:
        """Yield all copies that are there, unfinished ones with their problems."""

    def delete(self, copies: Sequence[Copy]) -> None:
        """Delete copies; one that is gone is no error, one that is held is a PermanentError."""

    def check(self, copy: Copy, before: Sequence[Proof] = ()) -> list[Proof]:
        """Examine a copy up to the checksums.

        before: proofs of checksums of any copies of the policy, for copies may share what they store. What
        they have read is not read again.
        """
