"""Every error that Upkeep raises on purpose.

UpkeepError
├── TemporaryError          trying again may help: refused, timed out, busy, 5xx
└── PermanentError          trying again cannot help
    ├── ConfigurationError  the catalog, a parameter or a connection is wrong
    └── BadAnswer           the far side answered something we cannot use
        └── DamagedBackup   a backup's bytes are not those that were written

A message says what happened, where, and what to do. The original error is chained (`from e`)
and whatever text of the far side it quotes is cut to a readable length by `excerpt`.
"""

EXCERPT_LENGTH = 200
"""Characters of a foreign answer that an error message quotes: a line in a log, not a page."""


class UpkeepError(Exception):
    """The base of all errors raised on purpose."""


class TemporaryError(UpkeepError):
    """Trying again may help."""


class PermanentError(UpkeepError):
    """Trying again cannot help."""


class ConfigurationError(PermanentError):
    """The catalog, a run's parameter or an Airflow connection is wrong or missing."""


class BadAnswer(PermanentError):
    """The far side answered with something that cannot be used."""


class DamagedBackup(BadAnswer):
    """A backup's bytes are not those that were written: whatever was proven of it holds no more."""


def excerpt(text: str, length: int = EXCERPT_LENGTH) -> str:
    """Return `text` on one line, cut to `length` characters.

    >>> excerpt("a\\n  b")
    'a b'
    >>> excerpt("x" * 10, length=4)
    'xxxx…'
    """
    line = " ".join(text.split())
    return line if len(line) <= length else line[:length] + "…"
