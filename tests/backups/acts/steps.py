"""What a process takes for a step: each thing that it leaves outside. At one of them it kills itself."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, event

from upkeep.backups import targets
from upkeep.backups.dumps.server import Session
from upkeep.clients.kubernetes.api import Api

READS = ("SELECT", "SHOW", "SET", "EXPLAIN")
MOMENT_SECONDS = 0.1
"""How long a program runs before its worker dies: what it does is half done then."""


class Steps:
    """Names them, and dies at the first that is not spared, which it tells before. spared: None to live."""

    def __init__(self, spared: Collection[str] | None, tell: Callable[[str], object]) -> None:
        self._spared, self._tell, self._taken = spared, tell, Counter[str]()

    def step(self, what: str, before: Callable[[], object] = lambda: None) -> None:
        """Take a step; `what` is the same whenever it is taken. `before` is done before the process dies."""
        self._taken[what] += 1
        name = f"{what} #{self._taken[what]}"
        if self._spared is not None and name not in self._spared:
            before()
            self._tell(name)
            os.kill(os.getpid(), signal.SIGKILL)

    def of_the_ledger(self, engine: Engine) -> None:
        """Take one at each statement that writes into the ledger, and at each commit."""

        def wrote(_c: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if statement.startswith(("INSERT", "UPDATE", "DELETE")):
                self.step(statement)

        event.listen(engine, "after_cursor_execute", wrote)
        event.listen(engine, "commit", lambda _: self.step("commit"))

    def of_aws(self, clients: dict[str, Any]) -> None:
        """Take one at each call that changes something. clients: by service."""

        def changes(model: Any, **_: Any) -> None:
            if not model.name.startswith(("Get", "Head", "List", "Describe")):
                self.step(model.name)

        for service, client in clients.items():
            client.meta.events.register(f"after-call.{service}", changes)

    def of_the_rest(self) -> None:
        """Take one at each write to Kubernetes, to a database, and to the mark of a folder."""

        def sent(_: Any, method: str, path: str, body: Any = None, *__: Any) -> None:
            self.step(f"{method} {path} {((body or {}).get('metadata') or {}).get('name')}")

        def ran(_: Any, query: str, *__: Any) -> None:
            if not query.startswith(READS):
                self.step(query)

        _after(Api, "send", sent)
        _after(Session, "run", ran)
        _after(targets, "_write", lambda *_: self.step("mark"))

    def of_programs(self) -> None:
        """Take one at each program that is begun, and has come to something."""

        def begun(process: Any, command: Any, *_: Any) -> None:
            def moment() -> None:
                with suppress(subprocess.TimeoutExpired):
                    process.wait(MOMENT_SECONDS)

            if "--version" not in command:
                self.step(_name_of([str(word) for word in command]), moment)

        _after(subprocess.Popen, "__init__", begun)


def _name_of(command: list[str]) -> str:
    """Return what a program is told, without what is another at each attempt.

    That is the name of a folder for temporary files, of a snapshot, of the binary log that it begins.
    """
    words = [re.sub(r"\.\d{6}$", "", word.partition("=")[0]) for word in command[1:]]
    return " ".join([Path(command[0]).name, *(word for word in words if "/" not in word)])


def _after(owner: Any, name: str, tell: Callable[..., object]) -> None:
    """Tell of each call, once it was made."""
    call = getattr(owner, name)

    def calls(*arguments: Any, **more: Any) -> Any:
        result = call(*arguments, **more)
        tell(*arguments)
        return result

    setattr(owner, name, calls)
