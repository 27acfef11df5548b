# SPDX-License-Identifier: GPL-2.0-or-later
"""The guard of the tunnels on a node of its own: the program tests/agent/tunnel_guard calls it, and an
attacker on the node's link sends packets that begin with any source. What passes is seen by a socket
on the node, or on its VXLAN device; what doesn't is counted by its reason."""
import contextlib
import fcntl
import functools
import itertools
import json
import os
import pathlib
import socket
import subprocess

from scapy.layers.inet import IP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from .netns import on_one_processor
from .node import NODE4, NODE6, UPLINK, Node
from .plugin import REPOSITORY
from .waiting import ANSWER, SLOWNESS

TABLE = "inet bridge_cni_tunnel"
BUILD = pathlib.Path(os.environ.get("BUILD_DIR") or REPOSITORY / "build/release")
PROGRAM = BUILD / "tests/agent/tunnel_guard"
PORT, VNI, MAC = 8472, 4096, "02:00:00:00:00:0a"
HEARD = 4711  # the port of the socket that hears what passes
REASONS = ["destination", "frame", "neighbour", "pod", "source"]

# Two peers, each with its InternalIPs and its pods' ranges.
ONE = {4: "192.0.2.11", 6: "2001:db8:aaaa::11"}
TWO = {4: "192.0.2.12", 6: "2001:db8:aaaa::12"}
ONES = {4: "10.1.11.0/24", 6: "fd00:1:11::/64"}
TWOS = {4: "10.1.12.0/24", 6: "fd00:1:12::/64"}
OWN = {4: "10.1.2.0/24", 6: "fd00:1:2::/64"}
NODE = {4: NODE4, 6: NODE6}
POD = {4: "10.1.2.7", 6: "fd00:1:2::7"}
DEVICE = {4: "10.1.2.0", 6: "fd00:1:2::"}
OTHER = {4: "10.99.0.1", 6: "fd00:99::1"}  # on the node, but of no podCIDR
FAMILIES = [4, 6]
BOTH = list(itertools.product(FAMILIES, FAMILIES))


def spec(*lines, port=PORT, vni=VNI):
    sources = [f"source {peer[o]} {ranges[i]}" for peer, ranges in ((ONE, ONES), (TWO, TWOS))
               for o, i in BOTH]
    return "\n".join([f"vxlan {port} {vni} {MAC}", *sources,
                      *(f"own {OWN[f]}" for f in FAMILIES), *lines, ""])


@functools.cache
def program():
    """The path. It is made here, where nothing else of the suite has made it. Two files of tests want it at
    once, and one must not start what the other one's linker is writing."""
    target = f"build/{BUILD.name}/tests/agent/tunnel_guard"
    sanitize = [] if BUILD.name == "release" else ["SANITIZE=address,undefined"]
    PROGRAM.parent.mkdir(parents=True, exist_ok=True)
    with open(PROGRAM.with_suffix(".lock"), "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        subprocess.run(["make", "-s", target, *sanitize], cwd=REPOSITORY, check=True)
    return str(PROGRAM)


class Guarded:
    """A node with VXLAN devices and the guard, and an attacker beside it."""

    def __init__(self, directory):
        self.node, self.program = Node(directory), program()
        self.node.connect()
        self.attacker = self.node.outside
        self.mac = self.node.links()[UPLINK]["address"]
        for key in ("all", "default"):
            self.node.sysctl(f"ipv4.conf.{key}.rp_filter", 0)
        self.node.ip_batch(f"""
            link add bcni-vxlan address {MAC} type vxlan id {VNI} dstport {PORT} \
                local {NODE4} nolearning noudpcsum
            link add bcni-vxlan6 address {MAC} type vxlan id {VNI} dstport {PORT} \
                local {NODE6} nolearning udp6zerocsumrx
            addr add {DEVICE[4]}/32 dev bcni-vxlan
            addr add {DEVICE[6]}/128 dev bcni-vxlan nodad
            link set bcni-vxlan up
            link set bcni-vxlan6 up
            """)
        for address in (*POD.values(), *OTHER.values()):
            self.node.ip(f"addr add {address}/{128 if ':' in address else 32} dev lo")
        self.heard = {4: self.node.socket(socket.AF_INET, socket.SOCK_DGRAM),
                      6: self.node.socket(socket.AF_INET6, socket.SOCK_DGRAM)}
        self.heard[6].setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        for sock in self.heard.values():
            sock.settimeout(ANSWER * SLOWNESS)
            sock.bind(("", HEARD))
        self.wire = self.attacker.socket(socket.AF_PACKET, socket.SOCK_RAW)
        self.wire.bind(("eth0", 0))
        self.number = 0

    def close(self):
        for sock in (*self.heard.values(), self.wire):
            sock.close()
        self.node.close()

    # -- the guard

    def ensure(self, text):
        done = self.node.run(self.program, "ensure", input=text).stdout
        return [json.loads(line) for line in done.splitlines()]

    def counters(self):
        return json.loads(self.node.run(self.program, "counters").stdout)

    # -- packets

    def mark(self):
        self.number += 1
        return f"packet {self.number}"

    def around(self, inner, outer, source, target=None, **kw):
        """The packet of the underlay that has the frame `inner` in it."""
        target = target or NODE[outer]
        ip = IP(src=source, dst=target) if outer == 4 else IPv6(src=source, dst=target)
        return self.ether(ip / around(inner, **kw))

    def ether(self, packet, mac=None):
        return Ether(dst=mac or self.mac, src="02:00:00:00:00:fe") / packet

    def send(self, *frames):
        for frame in frames:
            self.wire.send(bytes(frame))

    def outcome(self, send, *, family=4):
        """What of these frames passes: the marks that were heard, and how much was counted."""
        before, last, heard = self.counters(), self.mark(), []
        with on_one_processor():
            send()
            self.send(self.around(inner(family, ONES, POD, last), 4, ONE[4]))
        while not heard or heard[-1] != last:
            heard.append(self.heard[family].recv(65536).decode(errors="replace"))
        after = self.counters()
        return heard[:-1], {key: after[key] - before[key] for key in REASONS
                            if after[key] != before[key]}

    def passes(self, *frames, mark, family):
        heard, counted = self.outcome(lambda: self.send(*frames), family=family)
        assert (heard, counted) == ([mark], {}), [frame.summary() for frame in frames]

    def drops_one(self, frames, *, reason, family=4):
        """One of them, without which the others are nothing."""
        heard, counted = self.outcome(lambda: self.send(*frames), family=family)
        assert (heard, counted) == ([], {reason: 1})

    def drops(self, *frames, reason, family=4):
        heard, counted = self.outcome(lambda: self.send(*frames), family=family)
        assert (heard, counted) == ([], {reason: len(frames)}), \
            [frame.summary() for frame in frames]


def around(inner, *, port=PORT, vni=VNI, checksum=True):
    udp = UDP(sport=40000, dport=port) if checksum else UDP(sport=40000, dport=port, chksum=0)
    return udp / VXLAN(flags=8, vni=vni) / inner


def host(ranges, family, number=7):
    """An address of a range; or the address that is given."""
    text = ranges[family] if isinstance(ranges, dict) else ranges
    base, slash, _ = text.partition("/")
    if not slash:
        return text
    return base[:-1] + str(number) if family == 4 else base + str(number)


def inner(family, source, target, mark, *, mac=MAC, **kw):
    """A frame with a datagram to the socket that hears."""
    kind = IP if family == 4 else IPv6
    return Ether(dst=mac, src="02:00:00:00:00:0b") / \
        kind(src=host(source, family), dst=host(target, family), **kw) / \
        UDP(sport=9, dport=HEARD) / Raw(mark.encode())


@contextlib.contextmanager
def made(directory):
    guarded = Guarded(directory / "node")
    try:
        yield guarded
    finally:
        guarded.close()
