"""Kafka's server: from Maven Central once, then from the user's cache.

`python tests/conformance/kafka/programs.py` prepares it and prints its folder; it ends with status 69
and one line where Java, Maven or its repository is absent.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

POM = Path(__file__).with_name("pom.xml")
GOAL = "org.apache.maven.plugins:maven-dependency-plugin:copy-dependencies"
JAVA = 17
"""The oldest Java that a Kafka 4 broker runs on."""

FETCH_SECONDS = 900
UNAVAILABLE = 69
COSTS = "consumer-group lag is not proven on a real Kafka broker"


class Unavailable(Exception):
    """Kafka cannot be had on this machine; the message says in one line why and what that costs."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"{reason}: {COSTS}")


def prepare() -> Path:
    """Return the folder of Kafka's jars, fetched if this machine does not have them yet.

    Raises:
        Unavailable: there is no Java, no Maven, or Maven's repository does not answer.

    """
    version = _java_version()
    key = hashlib.sha256(POM.read_bytes() + version.encode()).hexdigest()[:16]
    folder = _cache() / key
    if not folder.exists():
        _fetch(folder)
    return folder


def java() -> Path:
    """Return the Java program: JAVA_HOME's if that is set, else the search path's.

    Raises:
        Unavailable: there is none.

    """
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home, "bin"))) if home else shutil.which("java")
    if found is None:
        where = "under JAVA_HOME" if home else "on the search path"
        raise Unavailable(f"there is no java {where} (apt-get install openjdk-17-jre-headless)")
    return Path(found)


def _java_version() -> str:
    ran = subprocess.run([java(), "-version"], capture_output=True, text=True, check=False)
    found = re.search(r'version "(\d+)[^"]*"', ran.stderr)
    if found is None:
        raise Unavailable(f"{java()} does not say its version")
    if int(found[1]) < JAVA:
        raise Unavailable(f"{java()} is Java {found[1]}, Kafka needs {JAVA} or newer")
    return found[0]


def _cache() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "upkeep" / "kafka"


def _fetch(folder: Path) -> None:
    """Copy Kafka and what it needs into `folder`, which appears only when it is complete."""
    maven = shutil.which("mvn")
    if maven is None:
        raise Unavailable("there is no mvn on the search path (apt-get install maven)")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".fetching-") as draft:
        jars = Path(draft, "jars")
        _maven([maven, "-B", "-q", "-C", "-f", str(POM), GOAL], jars)
        try:
            jars.rename(folder)
        except OSError:
            if not folder.exists():  # else another run was faster
                raise


def _maven(command: list[str], jars: Path) -> None:
    command += [f"-DoutputDirectory={jars}", "-DincludeScope=runtime"]
    try:
        ran = subprocess.run(command, capture_output=True, text=True, check=False, timeout=FETCH_SECONDS)
    except subprocess.TimeoutExpired as e:
        raise Unavailable(f"Maven did not fetch Kafka within {FETCH_SECONDS} s") from e
    if ran.returncode != 0 or not any(jars.glob("kafka_*.jar")):
        problem = re.search(r"\[ERROR\] (.+?)( -> |$)", ran.stdout + ran.stderr, re.MULTILINE)
        raise Unavailable(f"Maven did not fetch Kafka ({problem[1] if problem else 'it gave no reason'})")


def main() -> int:
    """Prepare Kafka; return the exit status."""
    try:
        print(prepare())
    except Unavailable as e:
        print(e, file=sys.stderr)
        return UNAVAILABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())
