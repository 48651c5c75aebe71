"""age as a stage of a stream: encrypted to public keys, so that a worker that dumps can read no dump."""

from __future__ import annotations

import contextlib
import fcntl
import os
import threading
from collections.abc import Callable, Sequence
from typing import Any, Self

from upkeep.backups.dumps.child import PIPE_BYTES
from upkeep.backups.dumps.stream import Sink
from upkeep.errors import BadAnswer, ConfigurationError, excerpt


class Age:
    """age reads a file and writes a file: it works in a thread, behind a pipe.

    As a context: the thread ends with the block.
    """

    def __init__(self, then: Sink, work: Callable[[Any, Any], None], where: str) -> None:
        self._then, self._where, self._work = then, where, work
        self._failure: BaseException | None = None
        self._out = _Written(then)
        readable, writable = os.pipe()
        self._reads, self._writes = os.fdopen(readable, "rb", PIPE_BYTES), os.fdopen(writable, "wb", 0)
        with contextlib.suppress(OSError):
            fcntl.fcntl(self._writes, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._out.stopped = True  # what age makes of a stream that is given up goes nowhere
        self._writes.close()
        self._thread.join()

    def write(self, data: bytes) -> None:
        """Take bytes."""
        view = memoryview(data)
        try:
            while view:
                view = view[self._writes.write(view) or 0 :]
        except BrokenPipeError:
            self._join()
            raise BadAnswer(f"{self._where}: age: there is something behind the end") from None

    def close(self) -> None:
        """Have age see the end, and pass it on if age was content."""
        self._writes.close()
        self._join()
        self._then.close()

    def _join(self) -> None:
        self._thread.join()
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        import pyrage

        out = self._out
        try:
            self._work(self._reads, out)
            out.flush()
        except (pyrage.EncryptError, pyrage.DecryptError, OSError) as e:
            said = f"{self._where}: age: {excerpt(str(e))}"
            self._failure = out.failure or BadAnswer(f"{said}; it is cut off, damaged, or for another key")
        except BaseException as e:
            self._failure = e
        finally:
            self._reads.close()  # whoever writes on gets a broken pipe, and joins


class _Written:
    """The file that age writes: small pieces go on together, and a failure behind it is kept."""

    def __init__(self, then: Sink) -> None:
        self._then = then
        self.failure: BaseException | None = None
        self.stopped = False
        self._pieces: list[bytes] = []
        self._bytes = 0

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        self._bytes += len(data)
        if self._bytes >= PIPE_BYTES:
            self.flush()
        return len(data)

    def flush(self) -> None:
        joined, self._pieces, self._bytes = b"".join(self._pieces), [], 0
        try:
            if joined and not self.stopped:
                self._then.write(joined)
        except BaseException as e:
            self.failure = e
            raise


def encrypt(then: Sink, recipients: Sequence[str], where: str) -> Age:
    """Return a stage that encrypts to age's recipients (`age1…`); ConfigurationError if one is none."""
    import pyrage

    try:
        keys = [pyrage.x25519.Recipient.from_str(each) for each in recipients]
    except pyrage.RecipientError as e:
        raise ConfigurationError(f"{where}: not a recipient of age: {excerpt(str(e))}") from e
    if not keys:
        raise ConfigurationError(f"{where}: to encrypt with age, name at least one recipient")
    return Age(then, lambda reads, writes: pyrage.encrypt_io(reads, writes, keys), where)


def decrypt(then: Sink, identities: Sequence[str], where: str) -> Age:
    """Return a stage that decrypts with age's identities (`AGE-SECRET-KEY-…`)."""
    import pyrage

    try:
        keys = [pyrage.x25519.Identity.from_str(each) for each in identities]
    except pyrage.IdentityError as e:
        raise ConfigurationError(f"{where}: not an identity of age") from e
    if not keys:
        raise ConfigurationError(f"{where}: it is encrypted with age, and no identity is given")
    return Age(then, lambda reads, writes: pyrage.decrypt_io(reads, writes, keys), where)
