"""Counts the tests that passed against a real server: a run without one proves nothing."""

from __future__ import annotations

import pytest


class Ran:
    """A pytest plugin. real: how many tests passed that were not the sandbox's."""

    def __init__(self) -> None:
        self.real = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Count one."""
        parameters = report.nodeid.partition("[")[2].rstrip("]").split("-")
        if report.when == "call" and report.passed and "sandbox" not in parameters:
            self.real += 1
