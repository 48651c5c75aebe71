"""Findings: what checks answer and what that means."""

from upkeep.findings.model import Finding, State, worst

__all__ = ["Finding", "State", "worst"]
