"""`python -m sandbox up|down|status|fault [NAME]|heal NAME`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable

from sandbox import commands
from sandbox.errors import SandboxError
from sandbox.estate import Estate, PartState


def main() -> int:
    """Run one command; return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The local estate.")
    actions = parser.add_subparsers(dest="action", required=True)
    for action in ("up", "down", "status"):
        actions.add_parser(action)
    actions.add_parser("fault").add_argument("name", nargs="?")
    actions.add_parser("heal").add_argument("name")
    arguments = parser.parse_args()
    try:
        _run(arguments)
    except SandboxError as e:
        sys.stderr.write(f"{e}\n")
        return 1
    return 0


def _run(arguments: argparse.Namespace) -> None:
    if arguments.action == "up":
        _print(_table(commands.up()))
    elif arguments.action == "status":
        _print(_table(commands.status()))
    elif arguments.action == "down":
        stopped = commands.down()
        _print([f"stopped: {', '.join(stopped)}" if stopped else "nothing was running"])
    elif arguments.action == "heal":
        _print([commands.heal(arguments.name)])
    elif arguments.name:
        _print([commands.fault(arguments.name)])
    else:
        _print(f"{fault.name:36} {fault.breaks} → {fault.finding}" for fault in commands.faults())


def _table(estate: Estate) -> list[str]:
    lines = []
    for part in estate.parts.values():
        where = f"{part.host}:{part.port}" if part.port else ""
        costs = None if part.state is PartState.UP else part.costs
        lines.append(f"{part.name:22} {part.state:8} {where:16} {': '.join(filter(None, [part.why, costs]))}")
    took = f", up in {estate.seconds_to_start} s" if estate.seconds_to_start else ""
    return [*lines, f"sandbox: {estate.state}{took}; state in {estate.folder}"]


def _print(lines: Iterable[str]) -> None:
    for line in lines:
        sys.stdout.write(f"{line.rstrip()}\n")


if __name__ == "__main__":
    sys.exit(main())
