"""Errors of the sandbox.

SandboxError
├── PartMissing   a program or library that a part needs is not installed
└── PartFailed    a part did not start, or does not answer
"""

from __future__ import annotations


class SandboxError(Exception):
    """Something in the sandbox is wrong; the message says what and what to do."""


class PartMissing(SandboxError):
    """A part cannot run here because something is not installed."""


class PartFailed(SandboxError):
    """A part did not start or does not answer."""
