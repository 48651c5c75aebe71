"""Secrets masked in whatever text of others is kept or shown."""

from __future__ import annotations

import re

MASK = "***"

_KEY_WORDS = (
    r"pass(?:word|wd|phrase)?|pwd|secret|token|api[-_]?key|apikey|access[-_]?key(?:[-_]?id)?"
    r"|private[-_]?key|client[-_]?secret|authorization|credentials?|session[-_]?id|cookie"
)

_RULES: tuple[tuple[re.Pattern[str], str], ...] = (
    # A private key, whole or cut short.
    (
        re.compile(
            r"-----BEGIN [A-Z ]{0,40}PRIVATE KEY-----.*?(?:-----END [A-Z ]{0,40}KEY-----|\Z)", re.DOTALL
        ),
        MASK,
    ),
    # The password of a URL: scheme://user:password@host. An @ inside the password counts as part of it.
    (
        re.compile(r"(\b[a-z][a-z0-9+.-]{0,20}://)[^\s/@:]{0,200}:[^\s/]{1,500}@", re.IGNORECASE),
        rf"\1{MASK}@",
    ),
    # Header lines: everything up to the end of the line.
    (
        re.compile(r"\b((?:set-)?cookie|(?:proxy-)?authorization)(:\s{0,3})[^\r\n]+", re.IGNORECASE),
        rf"\1\2{MASK}",
    ),
    (re.compile(r"\b(bearer)(\s+)(?!\*)[A-Za-z0-9+/._~=-]{8,}", re.IGNORECASE), rf"\1\2{MASK}"),
    # key=value, "key": "value", key: value. Quoted values may contain blanks.
    (
        re.compile(
            rf"""((?:["']?)[\w.-]{{0,40}}(?:{_KEY_WORDS})(?:["']?)\s{{0,3}}[=:]\s{{0,3}})"""
            r"""(?:"(?:[^"\\]|\\.){0,2000}"|'(?:[^'\\]|\\.){0,2000}'"""
            r"""|(?:(?:bearer|basic)\s+)?[^\s,;&"'}\])]+)""",
            re.IGNORECASE,
        ),
        rf"\1{MASK}",
    ),
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
    for pattern, replacement in _RULES:
        text = pattern.sub(replacement, text)
    return text
