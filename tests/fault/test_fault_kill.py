# SPDX-License-Identifier: GPL-2.0-or-later
"""Killed at any system call, an operation leaves what the next DEL finishes, and nothing
that the next ADD can't complete; a cleanup leaves what the next one finds in the store."""
import pytest

import bed
import scenarios
from inject import Fault

pytestmark = pytest.mark.must_run


def killed_at(call):
    """At its entry, which is after the call before it; strace then leaves it out."""
    return [] if call.in_child else [Fault(call, "signal=KILL")]


def terminated_at(call):
    """No handler: what SIGTERM leaves is what SIGKILL leaves."""
    return [] if call.in_child else [Fault(call, "signal=TERM")]


@pytest.mark.parametrize("verb, scenario", scenarios.pairs("ADD", "DEL", "GC"))
def test_killed_at_any_call(tmp_path, tally, verb, scenario):
    tally(bed.sweep(tmp_path, scenario, verb, killed_at, sample=4))


@pytest.mark.parametrize("verb, scenario", scenarios.pairs("repair", only=scenarios.QUIET))
def test_killed_at_any_call_of_a_repair(tmp_path, tally, verb, scenario):
    tally(bed.sweep(tmp_path, scenario, verb, killed_at, sample=4))


@pytest.mark.parametrize("verb, scenario", scenarios.pairs("ADD", only=["warm node"]))
def test_terminated_at_any_call(tmp_path, tally, verb, scenario):
    tally(bed.sweep(tmp_path, scenario, verb, terminated_at, sample=4))


@pytest.mark.parametrize("verb, scenario", scenarios.pairs(*bed.CLEANUPS,
                                                           only=scenarios.CLEANED))
def test_killed_at_any_call_of_a_cleanup(tmp_path, tally, verb, scenario):
    tally(bed.sweep(tmp_path, scenario, verb, killed_at, sample=3))
