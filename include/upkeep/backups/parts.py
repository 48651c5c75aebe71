"""A backup of several parts under one name: whole only if every part is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from typing import Any

from upkeep.backups.model import Copy, Method, Prepared, Proof, Reclaims


@dataclass(frozen=True)
class Parts:
    """Methods that make their copies under the same name; a Method. parts: by the name of their policy."""

    parts: Mapping[str, Method]

    def initialise(self) -> None:
        """Make where parts go, of those that need it."""
        for method in self.parts.values():
            if isinstance(method, Prepared):
                method.initialise()

    def find(self, name: str) -> Copy | None:
        """Return the copy if every part of it is finished."""
        found = {part: method.find(name) for part, method in self.parts.items()}
        there = {part: copy for part, copy in found.items() if copy is not None}
        return _joined(name, there, self.parts) if len(there) == len(found) else None

    def make(self, name: str) -> Copy:
        """Make every part, one after the other; what is finished is not made again."""
        return _joined(name, {part: method.make(name) for part, method in self.parts.items()}, self.parts)

    def copies(self) -> Iterator[Copy]:
        """Yield all copies; one that lacks a part has that as its problem."""
        by_name: dict[str, dict[str, Copy]] = {}
        for part, method in self.parts.items():
            for copy in method.copies():
                by_name.setdefault(copy.name, {})[part] = copy
        for name, there in by_name.items():
            yield _joined(name, there, self.parts)

    def delete(self, copies: Sequence[Copy]) -> None:
        """Delete every part of copies."""
        names = {copy.name for copy in copies}
        for method in self.parts.values():
            method.delete([copy for copy in method.copies() if copy.name in names])

    def reclaim(self) -> None:
        """Free what no copy needs any more, of those parts whose deletions do not."""
        for method in self.parts.values():
            if isinstance(method, Reclaims):
                method.reclaim()

    def check(self, copy: Copy, before: Sequence[Proof] = ()) -> list[Proof]:
        """Examine every part; a level holds if it holds of all."""
        del before  # evidence of parts is not told apart
        levels: dict[int, Proof] = {}
        for part, method in self.parts.items():
            found = method.find(copy.name)
            if found is None:
                continue  # `find` says that it is not whole
            for proof in method.check(found):
                said = [f"{part}: {problem}" for problem in proof.problems]
                known = levels.get(proof.level)
                problems = [*(known.problems if known else ()), *said]
                evidence = {**(known.evidence if known else {}), part: dict(proof.evidence)}
                levels[proof.level] = replace(proof, problems=problems, evidence=evidence)
        return [levels[level] for level in sorted(levels)]


def copies_of(whole: Copy) -> dict[str, Copy]:
    """Return the copies of the parts of a copy."""
    return {part: _copy(values) for part, values in whole.facts["parts"].items()}


def _joined(name: str, there: Mapping[str, Copy], wanted: Mapping[str, Method]) -> Copy:
    sizes = [copy.bytes for copy in there.values()]
    missing = [f"the part {part} is missing" for part in wanted if part not in there]
    problems = [f"{part}: {problem}" for part, copy in there.items() for problem in copy.problems]
    ways = {copy.encryption for copy in there.values()}
    return Copy(
        name=name,
        reference=", ".join(copy.reference for copy in there.values()),
        started_at=min(copy.started_at for copy in there.values()),
        ended_at=max(copy.ended_at for copy in there.values()),
        bytes=None if None in sizes else sum(size for size in sizes if size is not None),
        encryption=ways.pop() if len(ways) == 1 else None,
        facts={"parts": {part: _plain(copy) for part, copy in there.items()}},
        problems=[*missing, *problems],
        held=any(copy.held for copy in there.values()),
    )


def _copy(values: Mapping[str, Any]) -> Copy:
    times = {name: datetime.fromisoformat(values[name]) for name in ("started_at", "ended_at")}
    return Copy(**{**values, **times})


def _plain(copy: Copy) -> dict[str, object]:
    values = asdict(copy)
    return values | {"started_at": copy.started_at.isoformat(), "ended_at": copy.ended_at.isoformat()}
