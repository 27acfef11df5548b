# SPDX-License-Identifier: GPL-2.0-or-later
"""Counts of what was tried, told at the end."""
import pytest

SHOWN = 20  # failures of a sweep
lines = []


@pytest.fixture
def tally():
    """Takes a sweep's counts, and fails where it found something."""

    def judge(result):
        lines.append(result.line)
        text = "\n".join(result.failures[:SHOWN])
        assert not result.failures, f"{result.line}\n{text}"
        # A run that had to wait less than the recorded one has fewer calls.
        assert result.missed <= 2 + result.faults // 10, result.line

    return judge


def pytest_terminal_summary(terminalreporter):
    for line in lines:
        terminalreporter.write_line(f"note: {line}")
