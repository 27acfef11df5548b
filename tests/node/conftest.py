# SPDX-License-Identifier: GPL-2.0-or-later
"""Fixtures of more than one file of tests here."""
import os

import pytest

from harness import doctor


@pytest.fixture
def healthy(node):
    """A node of which doctor has nothing to say: its plugins and its configuration are there."""
    for name in ("loopback", "host-local", "bridge-cni"):
        doctor.plugins(node, name)
    doctor.write(node, doctor.ours("dual"))
    if node.call(os.path.exists, "/proc/sys/net/bridge"):
        for key in ("iptables", "ip6tables"):
            node.sysctl(f"bridge.bridge-nf-call-{key}", 1)
    return node
