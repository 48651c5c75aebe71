"""Secrets masked in whatever text of others is kept or shown."""

from __future__ import annotations

import re

MASK = "***"

_KEY_WORDS = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|apikey|access[-_]?key(?:[-_]?id)?"
    r"|private[-_]?key|client[-_]?secret|authorization|credentials?|session[-_]?id|cookie"
)

_HINTS = (
    "pass",
    "pwd",
    "secret",
    "token",
    "key",
    "authorization",
    "credential",
    "session",
    "cookie",
    "bearer",
)
"""Of these every rule of _NAMED needs one: most lines have none, and looking for them is quick."""

_NAMED: tuple[tuple[re.Pattern[str], str], ...] = (
    # Header lines: everything up to the end of the line.
    (
        re.compile(r"\b((?:set-)?cookie|(?:proxy-)?authorization)(:\s{0,3})[^\r\n]+", re.IGNORECASE),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"\b(bearer)(\s+)(?!\*)[A-Za-z0-9+/._~=-]{8,}", re.IGNORECASE), rf"\1\2{MASK}"),
    # key=value, "key": "value", key: value. Quoted values may contain blanks.
    (
        re.compile(
            rf"""((?:{_KEY_WORDS})["']?\s{{0,3}}[=:]\s{{0,3}})"""
            r"""(?:"(?:[^"\\]|\\.){0,2000}"|'(?:[^'\\]|\\.){0,2000}'"""
            r"""|(?:(?:bearer|basic)\s+)?[^\s,;&"'}\])]+)""",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
)

_SHAPES: tuple[tuple[re.Pattern[str], str], ...] = (
    # A private key, whole or cut short.
    (
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}KEY-----|\Z)", re.DOTALL
        ),
        MASK,
    ),
    # The user and password of a URL: scheme://user:password@host. An @ in the password is part of it.
    (re.compile(r"://[^\s/@:]{0,200}:[^\s/]{1,500}@"), f"://{MASK}@"),
    # Well-known shapes: JSON web tokens, AWS key ids, GitHub and Slack tokens.
    (re.compile(r"\beyJ[\w-]{8,}\.[\w-]{4,}(?:\.[\w-]*)?"), MASK),
    (re.compile(r"\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"), MASK),
    (re.compile(r"\b(?:gh[pousr]_\w{20,}|github_pat_\w{20,}|xox[abeoprs]-[\w-]{10,})"), MASK),
)


def mask_secrets(text: str) -> str:
    """Return `text` with passwords, tokens and keys replaced by `***`.

    >>> mask_secrets("password=hunter2 user=ann")
    'password=*** user=ann'
    >>> mask_secrets("postgres://ann:hunter2@db/app")
    'postgres://***@db/app'
    """
    for pattern, replacement in _SHAPES:
        text = pattern.sub(replacement, text)
    lowered = text.lower()
    if any(hint in lowered for hint in _HINTS):
        for pattern, replacement in _NAMED:
            text = pattern.sub(replacement, text)
    return text
