# SPDX-License-Identifier: GPL-2.0-or-later
"""Under the name loopback: whatever any one system call gives, and wherever it is killed, lo is set
up, or is as it was after an ADD that says so, and a DEL finishes."""
import time

import pytest

import bed
import inject
from inject import Fault
from harness import plugin
from harness.plugin import CniError

pytestmark = pytest.mark.must_run
CONF = {"cniVersion": plugin.NEWEST, "name": "cni-loopback", "type": "loopback"}


@pytest.fixture
def loopback(node):
    """Calls the plugin for a pod, whose lo is down: loopback(verb, **more)."""
    path, pod = node.directory / "loopback", node.pod()
    path.symlink_to(plugin.BRIDGE_CNI)

    def call(verb, **kw):
        return node.invoke(verb, CONF, pod, executable=str(path), **kw)

    call.is_up = lambda: "UP" in pod.links()["lo"]["flags"]
    call.reset = lambda verb: pod.ip(f"link set lo {'down' if verb == 'ADD' else 'up'}")
    return call


def fault_in(node, loopback, verb, fault):
    """Whether the fault came."""
    loopback.reset(verb)
    done, came = inject.run(node, fault, lambda **kw: loopback(verb, **kw))
    if done.returncode == 1 and fault.call.line.startswith("write(1,") and not done.stdout:
        outcome = CniError({"code": plugin.IO, "msg": done.stderr}, done.stderr)
    else:
        outcome = bed.outcome_of(done)
    assert outcome is not None or fault.what.startswith("signal="), done
    failed = isinstance(outcome, CniError)
    if outcome is not None and verb != "DEL":
        assert loopback.is_up() == (not failed if verb == "ADD" else True), outcome
    if outcome is not None and verb == "DEL" and not failed:
        assert not loopback.is_up()
    assert bed.outcome_of(loopback("DEL")) == {} and not loopback.is_up()
    return came


@pytest.mark.parametrize("verb", ["ADD", "DEL", "CHECK"])
def test_any_error_of_any_call_or_a_kill(node, loopback, tally, verb):
    began, failures, missed = time.monotonic(), [], 0
    loopback.reset(verb)
    _, calls = inject.record(node, lambda **kw: loopback(verb, **kw), children=False)
    faults = inject.spread([Fault(call, what) for call in calls
                            for what in [*call.errors(), "signal=KILL"]], 12)
    for fault in faults:
        try:
            missed += not fault_in(node, loopback, verb, fault)
        except AssertionError as error:
            failures.append(f"{fault}\n    {error}")
    tally(bed.Tally("loopback", verb, len(calls), len(faults), missed, failures,
                    time.monotonic() - began))
