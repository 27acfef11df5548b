# SPDX-License-Identifier: GPL-2.0-or-later
"""Whatever error any one system call gives: ADD succeeds or leaves nothing, DEL, GC and repair
succeed or a second one does, so does a cleanup that has only the store to go by, and CHECK
and STATUS change nothing."""
import pytest

import bed
import scenarios
from inject import Fault

pytestmark = pytest.mark.must_run


def errors_at(call):
    return [Fault(call, what) for what in call.errors()]


@pytest.mark.parametrize("verb, scenario", scenarios.pairs("ADD", "DEL", "GC"))
def test_any_error_of_any_call(tmp_path, tally, verb, scenario):
    tally(bed.sweep(tmp_path, scenario, verb, errors_at, sample=4))


@pytest.mark.parametrize("verb, scenario", scenarios.pairs("CHECK", "STATUS"))
def test_any_error_of_any_call_of_a_question(tmp_path, tally, verb, scenario):
    tally(bed.sweep(tmp_path, scenario, verb, errors_at, sample=4))


@pytest.mark.parametrize("verb, scenario", scenarios.pairs("repair", only=scenarios.QUIET))
def test_any_error_of_any_call_of_a_repair(tmp_path, tally, verb, scenario):
    tally(bed.sweep(tmp_path, scenario, verb, errors_at, sample=4))


def errors_of_cleanup_at(call):
    """A kernel tells a namespace's cookie always or never. The bridge's MAC follows from it: where it
    is told to ADD alone, cleanup takes the bridge for somebody else's, and leaves it."""
    return [] if "SO_NETNS_COOKIE" in call.line else errors_at(call)


@pytest.mark.parametrize("verb, scenario", scenarios.pairs(*bed.CLEANUPS,
                                                           only=scenarios.CLEANED))
def test_any_error_of_any_call_of_a_cleanup(tmp_path, tally, verb, scenario):
    tally(bed.sweep(tmp_path, scenario, verb, errors_of_cleanup_at, sample=3))
