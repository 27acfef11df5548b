# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests' own ping: a request that is lost counts on a real machine, and is sent again where
processors are emulated."""
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
