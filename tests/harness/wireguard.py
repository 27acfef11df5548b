# SPDX-License-Identifier: GPL-2.0-or-later
"""Nodes with WireGuard, and what `wg` shows of it; whether this kernel has it."""
import contextlib
import functools
import subprocess
import time

import pytest

from . import tunnels
from .waiting import SLOWNESS, wait_for

KEYS = "bridge-cni/wireguard-keys"
DEVICE = "bcni-wg"


@functools.cache
def kernel_has_it():
    """A device is made in a namespace that ends at once."""
    return subprocess.run(["unshare", "-n", "ip", "link", "add", "wg", "type", "wireguard"],
                          capture_output=True).returncode == 0


needs_wireguard = pytest.mark.skipif(not kernel_has_it(), reason="this kernel has no WireGuard")


@contextlib.contextmanager
def capture(node, *expression):
    """Afterwards the list has what crosses the node's uplink, a line a packet."""
    lines = []
    dump = node.popen(["tcpdump", "-lnni", "eth0", *expression], stdout=subprocess.PIPE,
                      stderr=subprocess.PIPE, text=True)
    for line in dump.stderr:
        if "listening on" in line:
            break
    yield lines
    time.sleep(0.2 * SLOWNESS)
    dump.terminate()
    lines += filter(None, dump.communicate()[0].splitlines())
    node._processes.remove(dump)


IN_THE_CLEAR = "net 10.244.0.0/16 or net fd00:244::/32 or ip proto 4 or ip6 proto 41 or udp port 8472"


class Peer:
    def __init__(self, line):
        key, _, endpoint, allowed, handshake, rx, tx, _ = line.split("\t")
        self.key, self.endpoint, self.handshake = key, endpoint, int(handshake)
        self.allowed = set() if allowed == "(none)" else set(allowed.split(","))


def shown(node):
    """The device's private key, public key, port; and its peers by key."""
    first, *others = node.run("wg", "show", DEVICE, "dump").stdout.splitlines()
    private, public, port, mark = first.split("\t")
    assert mark == "off"
    return (private, public, int(port)), {peer.key: peer for peer in map(Peer, others)}


def public_key(node):
    return shown(node)[0][1]


def note(node):
    return node.cluster.api.annotations(node.name).get(KEYS)


def start(*nodes, options=()):
    tunnels.start(*nodes, mode="wireguard", options=("--resync-seconds", "3600", *options))


def reaches(one, address):
    """The first packets may wait for a handshake."""
    wait_for(lambda: one.ping(address, wait=1))
