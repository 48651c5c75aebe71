"""Compiles a system's file: checks it and makes its plans. The slow path of the compiled catalog."""

from __future__ import annotations

import hashlib
import logging
from pathlib import Path

import msgspec

from upkeep.catalog.check import check_content
from upkeep.catalog.plans import plan_routines
from upkeep.catalog.positions import START
from upkeep.catalog.problems import Problem, errors
from upkeep.catalog.store import Broken, Good
from upkeep.errors import excerpt

log = logging.getLogger(__name__)


def compile_content(path: Path, content: bytes, code: str) -> Good | Broken:
    """Return a content that was read from `path`, compiled by the code of that signature."""
    try:
        return _compile(path, content, code)
    except Exception as e:
        # A fault of ours that one file brings to light must not take the other systems down. Without a
        # digest the result fits no file: the next question tries again.
        log.exception("%s cannot be compiled", path)
        what = f"Upkeep itself fails on this file: {type(e).__name__}: {excerpt(str(e))}"
        return Broken("", code, [Problem(str(path), *START, "", what, "report it, with the log")])


def _compile(path: Path, content: bytes, code: str) -> Good | Broken:
    source = hashlib.sha256(content).hexdigest()
    system, problems = check_content(path, content)
    if system is None or errors(problems):
        return Broken(source, code, problems)
    return Good(
        source=source,
        code=code,
        text=content,
        plans=plan_routines(path.stem, system),
        system=msgspec.Raw(system.model_dump_json(exclude_unset=True).encode()),
        problems=problems,
    )
