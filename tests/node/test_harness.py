# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests' own ping: a request that is lost counts on a real machine, and is sent again where
processors are emulated. And their bound of time: what comes late fails."""
import contextlib
import time

import pytest

from harness import netns, waiting
from harness.node import INTERNET4

FIRST_IS_LOST = """
    table ip lossy {
        chain input {
            type filter hook input priority 0
            icmp type echo-request numgen inc mod 1000 0 drop
        }
    }
"""


@pytest.mark.parametrize("slowness, answered", [(1, False), (5, True)], ids=["real", "emulated"])
def test_a_lost_request_is_sent_again_only_where_processors_are_emulated(node, monkeypatch,
                                                                         slowness, answered):
    for module in netns, waiting:
        monkeypatch.setattr(module, "SLOWNESS", slowness)
    node.outside.nft(FIRST_IS_LOST)
    assert node.ping(INTERNET4) is answered
    assert node.ping(INTERNET4)


class Agent:
    """This process takes the agent's place."""
    def agent_pid(self):
        return "self"


@pytest.mark.parametrize("after, in_time", [(0.1, True), (1.5, False)])
def test_what_comes_late_fails_though_it_comes(after, in_time):
    began = time.monotonic()
    with contextlib.nullcontext() if in_time else pytest.raises(AssertionError, match="took"):
        waiting.within(Agent(), 1 / waiting.SLOWNESS, lambda: time.monotonic() > began + after)


def test_time_without_a_processor_does_not_count(monkeypatch):
    waits = iter([0, 0, 1, 1])
    monkeypatch.setattr(waiting, "kept_waiting", lambda pid: next(waits))
    began = time.monotonic()
    waiting.within(Agent(), 1 / waiting.SLOWNESS, lambda: time.monotonic() > began + 1.5)
