"""Run as a program: makes or restores a dump, and kills itself at a step of its caller's choice.

It is told in JSON on its standard input. Steps are counted: requests to S3 before and after they are sent,
statements before and after they are run, and pieces of the stream. Without a step to die at, it ends well.
"""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path
from typing import Any

sys.path[:0] = [str(Path(__file__).parents[2]), str(Path(__file__).parent)]

from dumped_shop import dump  # noqa: E402

from servers.aws import aws_client  # noqa: E402
from upkeep.backups.dumps import DatabaseServer, restore, swap  # noqa: E402
from upkeep.backups.dumps.child import Child  # noqa: E402
from upkeep.backups.dumps.server import Session  # noqa: E402
from upkeep.clients.aws import multipart  # noqa: E402

told: dict[str, Any] = {}
steps: list[str] = []


def step(name: str) -> None:
    steps.append(name)
    if len(steps) == told.get("die_at"):
        os.kill(os.getpid(), signal.SIGKILL)


def around(owner: Any, name: str, what: Any) -> None:
    """Count the calls of a method, before and after."""
    real = getattr(owner, name)

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        step(f"before {what(args)}")
        answer = real(self, *args, **kwargs)
        step(f"after {what(args)}")
        return answer

    setattr(owner, name, call)


def main() -> None:
    """Do what is told."""
    told.update(json.load(sys.stdin))
    multipart.part_bytes = lambda number: 5 * 1024**2  # the smallest that S3 takes
    client = aws_client("s3", told["url"])
    for event in ("before-call", "after-call"):
        client.meta.events.register(
            f"{event}.s3", lambda model, _event=event, **_: step(f"{_event} {model.name}")
        )
    server = DatabaseServer(**told["server"])
    method = dump(server, client)
    if told["act"] == "make":
        pieces = Child.output

        def output(self: Child) -> Any:
            for number, data in enumerate(pieces(self)):
                if number == 3:
                    step("in the stream")
                yield data

        Child.output = output  # type: ignore[method-assign]
        method.make("nightly-1")
    else:
        words = ("CREATE", "COMMENT", "UPDATE", "DROP", "RENAME", "ALTER", "COMMIT", "BEGIN")
        run = Session.run

        def counted(self: Session, query: str, values: Any = ()) -> Any:
            if not query.startswith(words):
                return run(self, query, values)
            step(f"before {query[:40]}")
            answer = run(self, query, values)
            step(f"after {query[:40]}")
            return answer

        Session.run = counted  # type: ignore[method-assign]
        write, written = Child.write, [0]

        def fed(self: Child, data: bytes) -> None:
            write(self, data)
            written[0] += 1
            if written[0] in {1, 4}:
                step("in the stream")

        Child.write = fed  # type: ignore[method-assign]
        around(Child, "close", lambda _: "the end of the stream")
        copy = method.find("nightly-1")
        assert copy is not None
        target = server.at("shop_restored")
        if told["act"] == "restore":
            restore.restore_dump(client, copy, target)
        else:
            swap.swap_in(target, "shop_live", "shop_old")
    print(json.dumps(steps))


if __name__ == "__main__":
    main()
