# SPDX-License-Identifier: GPL-2.0-or-later
"""Nodes with WireGuard, and what `wg` shows of it; whether this kernel has it."""
import contextlib
import functools
import socket
import subprocess
import threading

import pytest

from . import tunnels
from .icmp import family_of
from .waiting import wait_for

KEYS = "bridge-cni/wireguard-keys"
DEVICE = "bcni-wg"
LAST = 4713  # the UDP port to which the last packet of a capture goes


@functools.cache
def kernel_has_it():
    """A device is made in a namespace that ends at once."""
    return subprocess.run(["unshare", "-n", "ip", "link", "add", "wg", "type", "wireguard"],
                          capture_output=True).returncode == 0


needs_wireguard = pytest.mark.skipif(not kernel_has_it(), reason="this kernel has no WireGuard")


@contextlib.contextmanager
def capture(node, *expression):
    """Afterwards the list has what crosses the node's uplink, a line a packet: all that came before a
    packet that the node sends at the end. tcpdump tells packets in the order in which they came."""
    lines = []
    target = node.network.gateway4 if node.address4 else node.network.gateway6
    dump = node.popen(["tcpdump", "--immediate-mode", "-lnni", "eth0",
                       f"udp dst port {LAST} or ({' '.join(expression)})"],
                      stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    for line in dump.stderr:
        if "listening on" in line:
            break
    reader = threading.Thread(target=lambda: lines.extend(map(str.rstrip, dump.stdout)))
    reader.start()

    def ends():
        """Where the last packet's line is, or 0. The packet is sent again, as it may be lost."""
        with node.socket(family_of(target), socket.SOCK_DGRAM) as sock:
            sock.sendto(b"", (target, LAST))
        return next((i for i, line in enumerate(lines, 1) if f".{LAST}: UDP" in line), 0)

    yield lines
    end = wait_for(ends)
    dump.terminate()
    reader.join()
    dump.communicate()
    node._processes.remove(dump)
    del lines[end - 1:]


IN_THE_CLEAR = "net 10.244.0.0/16 or net fd00:244::/32 or ip proto 4 or ip6 proto 41 or udp port 8472"


class Peer:
    def __init__(self, line):
        key, _, endpoint, allowed, handshake, received, sent, _ = line.split("\t")
        self.key, self.endpoint, self.handshake = key, endpoint, int(handshake)
        self.received, self.sent = int(received), int(sent)  # bytes
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
