# SPDX-License-Identifier: GPL-2.0-or-later
"""The guard of the tunnels: what comes in by one is from a node's own pods, for pods of here.

A program calls the guard on a node, to which an attacker on its link sends packets that begin
with any source. What passes is seen by a socket on the node, or on its VXLAN device; what
doesn't is counted by its reason.
"""
import contextlib
import itertools
import json
import re
import os
import pathlib
import signal
import socket
import struct
import subprocess
import time

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import (
    ICMPv6MLQuery, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_Redirect, ICMPv6ND_RS,
    IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

from harness.node import NODE4, NODE6, Node, UPLINK
from harness.plugin import REPOSITORY
from harness.tunnels import assert_own_addresses_are_seen, network_address, start
from harness.waiting import wait_for

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


@pytest.fixture(scope="session")
def program():
    """It is made here, where nothing else of the suite has made it."""
    target = f"build/{BUILD.name}/tests/agent/tunnel_guard"
    sanitize = [] if BUILD.name == "release" else ["SANITIZE=address,undefined"]
    subprocess.run(["make", "-s", target, *sanitize], cwd=REPOSITORY, check=True)
    return str(PROGRAM)


class Guarded:
    """A node with VXLAN devices and the guard, and an attacker beside it."""

    def __init__(self, directory, program):
        self.node, self.program = Node(directory), program
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
        before = self.counters()
        send()
        last = self.mark()
        self.send(self.around(inner(family, ONES, POD, last), 4, ONE[4]))
        heard = []
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


@pytest.fixture(scope="module")
def shared(tmp_path_factory, program):
    guarded = Guarded(tmp_path_factory.mktemp("guarded") / "node", program)
    try:
        assert guarded.ensure(spec())[0]["made"]
        yield guarded
    finally:
        guarded.close()


# -- who may send what


@pytest.mark.parametrize("outer,family", BOTH)
def test_a_peers_pods_reach_pods_of_here(shared, outer, family):
    for peer, ranges in ((ONE, ONES), (TWO, TWOS)):
        for target in (POD, DEVICE):
            mark = shared.mark()
            frame = shared.around(inner(family, ranges, target, mark), outer, peer[outer])
            shared.passes(frame, mark=mark, family=family)


@pytest.mark.parametrize("outer,family", BOTH)
def test_whoever_is_no_peer_sends_nothing(shared, outer, family):
    stranger = {4: "192.0.2.99", 6: "2001:db8:aaaa::99"}[outer]
    for ranges in (ONES, TWOS, OWN):
        frame = shared.around(inner(family, ranges, POD, "no"), outer, stranger)
        shared.drops(frame, reason="source", family=family)


@pytest.mark.parametrize("outer,family", BOTH)
def test_a_peer_sends_only_from_its_own_pods(shared, outer, family):
    loopback = {4: "127.0.0.1", 6: "::1"}
    outside = {4: "198.51.100.1", 6: "2001:db8:bbbb::1"}
    for source in (TWOS, OWN, POD, NODE, ONE, OTHER, loopback, outside):
        frame = shared.around(inner(family, source, POD, "no"), outer, ONE[outer])
        shared.drops(frame, reason="source", family=family)


@pytest.mark.parametrize("outer,family", BOTH)
def test_only_pods_of_here_are_reached(shared, outer, family):
    everybody = {4: "255.255.255.255", 6: "ff02::1"}
    link = {4: "127.0.0.1", 6: "fe80::1"}
    for target in (NODE, OTHER, TWOS, ONES, link, everybody):
        frame = shared.around(inner(family, ONES, target, "no"), outer, ONE[outer])
        shared.drops(frame, reason="destination", family=family)


@pytest.mark.parametrize("outer", FAMILIES)
def test_nothing_but_ip_to_the_devices_address_comes_in(shared, outer):
    good = inner(4, ONES, POD, "no")
    packet, source = good[IP], "02:00:00:00:00:0b"
    frames = [
        inner(4, ONES, POD, "no", mac="02:00:00:00:00:0c"),
        inner(4, ONES, POD, "no", mac="ff:ff:ff:ff:ff:ff"),
        inner(6, ONES, POD, "no", mac="33:33:00:00:00:01"),
        Ether(dst=MAC, src=source) / ARP(op=2, psrc="10.1.11.7", pdst=DEVICE[4], hwsrc=source),
        Ether(dst=MAC, src=source) / Dot1Q(vlan=1) / packet,
        Ether(dst=MAC, src=source, type=0x88a8) / Dot1Q(vlan=1) / packet,
        Ether(dst=MAC, src=source, type=0x0027) / Raw(b"x" * 39),
        Ether(dst=MAC, src=source, type=0x88b5) / Raw(b"x" * 60),
    ]
    for frame in frames:
        shared.drops(shared.around(frame, outer, ONE[outer]), reason="frame")


@pytest.mark.parametrize("outer,family", BOTH)
def test_a_packet_that_ends_too_early_is_dropped(shared, outer, family):
    whole = bytes(around(inner(family, ONES, POD, "no")))[8:]
    # Up to the VXLAN header, the inner Ethernet header, and the inner source address.
    source_ends = 8 + 14 + (16 if family == 4 else 24)
    for length in (0, 3, 4, 7, 8, 13, 14, 20, 21, 22, 30, source_ends - 1):
        ip = IP(src=ONE[4], dst=NODE[4]) if outer == 4 else IPv6(src=ONE[6], dst=NODE[6])
        frame = shared.ether(ip / UDP(sport=40000, dport=PORT) / Raw(whole[:length]))
        # With its type, the inner packet is known to be one of IP.
        shared.drops(frame, reason="frame" if length < 22 else "source")


DISCOVERY = {
    "RS": ICMPv6ND_RS(), "RA": ICMPv6ND_RA(), "NS": ICMPv6ND_NS(tgt=DEVICE[6]),
    "NA": ICMPv6ND_NA(tgt="fd00:1:11::7", R=1, S=0, O=1),
    "redirect": ICMPv6ND_Redirect(tgt="fd00:1:11::9", dst="fd00:1:12::9"),
    "MLD": ICMPv6MLQuery(),
}
HEADERS = {
    "": [], "hop-by-hop": [IPv6ExtHdrHopByHop()], "options": [IPv6ExtHdrDestOpt()],
    "several": [IPv6ExtHdrHopByHop(), IPv6ExtHdrRouting(type=0, segleft=0),
                *[IPv6ExtHdrDestOpt()] * 8],
    "a fragment": [IPv6ExtHdrFragment(offset=0, m=0, id=7)],
    "options of a fragment": [IPv6ExtHdrFragment(offset=0, m=1, id=8), IPv6ExtHdrDestOpt()],
}


@pytest.mark.parametrize("headers", HEADERS)
@pytest.mark.parametrize("outer", FAMILIES)
def test_neighbour_discovery_does_not_come_through(shared, outer, headers):
    for message in DISCOVERY.values():
        for target in (DEVICE[6], POD[6]):
            packet = IPv6(src="fd00:1:11::7", dst=target, hlim=255)
            for header in HEADERS[headers]:
                packet = packet / header.copy()
            frame = Ether(dst=MAC, src="02:00:00:00:00:0b") / packet / message
            shared.drops(shared.around(frame, outer, ONE[outer]), reason="neighbour", family=6)


def test_a_redirect_of_icmp_does_not_come_through(shared):
    about = IP(src=POD[4], dst="198.51.100.1") / UDP(sport=1, dport=1)
    frame = Ether(dst=MAC, src="02:00:00:00:00:0b") / IP(src="10.1.11.7", dst=POD[4]) / \
        ICMP(type=5, code=1, gw="10.1.11.9") / about
    shared.drops(shared.around(frame, 4, ONE[4]), reason="neighbour")


def test_echo_of_both_families_comes_through(shared):
    """Of ICMP, only what is about neighbours is dropped."""
    from scapy.layers.inet6 import ICMPv6EchoRequest
    for family, packet in ((4, IP(src="10.1.11.7", dst=POD[4]) / ICMP()),
                           (6, IPv6(src="fd00:1:11::7", dst=POD[6]) / ICMPv6EchoRequest())):
        frame = shared.around(Ether(dst=MAC, src="02:00:00:00:00:0b") / packet, 4, ONE[4])
        assert shared.outcome(lambda: shared.send(frame), family=family) == ([], {})


def test_whoever_forges_a_peers_address_on_the_underlay_passes(shared):
    """This is the limit of the guard: deploy/README.md says so, and names WireGuard."""
    mark = shared.mark()
    frame = shared.around(inner(4, TWOS, POD, mark), 4, TWO[4])
    frame[Ether].src = "02:00:00:00:00:66"  # of neither peer
    shared.passes(frame, mark=mark, family=4)


def test_of_datagrams_that_come_as_one_the_first_is_judged(shared):
    """The other limit: a peer next to this node, whose packets come unsegmented."""
    shared.attacker.ip(f"addr add {ONE[4]}/24 dev eth0")
    first, second = (bytes(around(inner(4, source, POD, mark)))[8:]
                     for source, mark in ((ONES, "right"), (TWOS, "wrong")))
    UDP_SEGMENT = 103
    with shared.attacker.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((ONE[4], 40000))
        sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(first))
        for datagrams, outcome in (
                (first + second, (["right", "wrong"], {})),
                (second + first, ([], {"source": 1}))):
            assert shared.outcome(lambda: sock.sendto(datagrams, (NODE[4], PORT))) == outcome
    shared.attacker.ip(f"addr del {ONE[4]}/24 dev eth0")


# -- packets of the underlay in other forms


@pytest.mark.parametrize("family", FAMILIES)
def test_a_checksum_of_zero_passes_on_ipv4(shared, family):
    mark = shared.mark()
    frame = inner(family, ONES, POD, mark)
    shared.passes(shared.around(frame, 4, ONE[4], checksum=False), mark=mark, family=family)
    frame = inner(family, TWOS, POD, "no")
    shared.drops(shared.around(frame, 4, ONE[4], checksum=False), reason="source",
                 family=family)


OPTIONS = {
    "hop-by-hop": IPv6ExtHdrHopByHop(), "options": IPv6ExtHdrDestOpt(),
    "routing": IPv6ExtHdrRouting(type=0, segleft=0),
    "several": IPv6ExtHdrHopByHop() / IPv6ExtHdrDestOpt() / IPv6ExtHdrRouting(
        type=0, segleft=0) / IPv6ExtHdrDestOpt(),
    "a fragment that is whole": IPv6ExtHdrFragment(id=9),
}


@pytest.mark.parametrize("headers", OPTIONS)
@pytest.mark.parametrize("family", FAMILIES)
def test_extension_headers_of_the_underlay_hide_nothing(shared, family, headers):
    for ranges, right in ((ONES, True), (TWOS, False)):
        mark = shared.mark()
        frame = shared.ether(IPv6(src=ONE[6], dst=NODE[6]) / OPTIONS[headers].copy() /
                             around(inner(family, ranges, POD, mark)))
        if right:
            shared.passes(frame, mark=mark, family=family)
        else:
            shared.drops(frame, reason="source", family=family)


@pytest.mark.parametrize("family", FAMILIES)
def test_options_of_ipv4_on_the_underlay_hide_nothing(shared, family):
    for ranges, right in ((ONES, True), (TWOS, False)):
        mark = shared.mark()
        frame = shared.ether(IP(src=ONE[4], dst=NODE[4], options=b"\x01" * 12) /
                             around(inner(family, ranges, POD, mark)))
        if right:
            shared.passes(frame, mark=mark, family=family)
        else:
            shared.drops(frame, reason="source", family=family)


@pytest.mark.parametrize("target", [
    ("192.0.2.255", "ff:ff:ff:ff:ff:ff"), ("224.0.0.1", "01:00:5e:00:00:01"),
    ("ff02::1", "33:33:00:00:00:01")], ids=lambda target: target[0])
def test_what_is_sent_to_everybody_is_judged_too(shared, target):
    address, mac = target
    outer = 6 if ":" in address else 4
    for ranges, right in ((ONES, True), (TWOS, False)):
        mark = shared.mark()
        frame = shared.around(inner(4, ranges, POD, mark), outer, ONE[outer], address)
        frame[Ether].dst = mac
        heard, counted = shared.outcome(lambda: shared.send(frame))
        assert counted == ({} if right else {"source": 1})
        assert right or heard == []


@contextlib.contextmanager
def table(guarded, text):
    """A table of somebody else, for a while."""
    guarded.node.nft(f"table inet other {{ {text}\n}}")
    yield
    guarded.node.nft("delete table inet other")


numbers = itertools.count(1000)


def pieces(packet, size):
    """The packet in fragments with so many bytes of payload each. Their number is their own: what
    is left of another packet with that number would be in their way."""
    whole = bytes(packet)
    if isinstance(packet, IP):
        return fragment(IP(whole), fragsize=size)
    head, rest = IPv6(whole[:40]), whole[40:]
    number = next(numbers)
    head.nh, head.plen = 44, None
    return [head.copy() / IPv6ExtHdrFragment(nh=17, id=number, offset=at // 8,
                                             m=int(at + size < len(rest))) /
            Raw(rest[at:at + size]) for at in range(0, len(rest), size)]


@pytest.mark.parametrize("outer,family", BOTH)
@pytest.mark.parametrize("size", [8, 40, 600])
def test_fragments_hide_nothing(shared, size, outer, family):
    """The kernel reassembles them before the rules. No path has an MTU that small."""
    for ranges, right in ((ONES, True), (TWOS, False)):
        mark = shared.mark().ljust(1000, ".")
        whole = shared.around(inner(family, ranges, POD, mark), outer, ONE[outer])[Ether]
        frames = [shared.ether(piece) for piece in pieces(whole.payload, size)]
        assert len(frames) > 1
        if right:
            shared.passes(*frames, mark=mark, family=family)
        else:
            shared.drops_one(frames, reason="source", family=family)


def test_a_destination_that_was_translated_is_judged(shared):
    """A port that somebody leads to that of VXLAN."""
    with table(shared, "chain c { type nat hook prerouting priority dstnat; "
                       f"ip protocol udp udp dport 9999 dnat ip to {NODE4}:{PORT}; }}"):
        for ranges, right in ((ONES, True), (TWOS, False)):
            mark = shared.mark()
            frame = shared.around(inner(4, ranges, POD, mark, ), 4, ONE[4], port=9999)
            if right:
                shared.passes(frame, mark=mark, family=4)
            else:
                shared.drops(frame, reason="source")


def test_what_this_node_only_routes_passes(shared):
    """Such as the packets of a virtual machine that has a VXLAN of its own, of whatever VNI."""
    machine = shared.node.pod()
    shared.node.sysctl("ipv4.conf.all.forwarding", 1)
    shared.node.ip_batch(f"""
        link add machine type veth peer name eth0 netns {machine.netns.rsplit("/", 1)[1]}
        link set machine up
        addr add 10.55.0.1/24 dev machine
        """)
    machine.ip("addr add 10.55.0.2/24 dev eth0")
    machine.ip("link set eth0 up")
    machine.ip("route add default via 10.55.0.1")
    before = shared.counters()
    with machine.udp("10.55.0.2", PORT) as sock:
        shared.send(shared.around(inner(4, TWOS, POD, "theirs"), 4, ONE[4], "10.55.0.2"))
        assert sock.recv(2000).endswith(b"theirs")
    assert shared.counters() == before
    shared.node.ip("link del machine")


def test_a_device_of_somebody_else_may_share_the_port(shared):
    """Its VNI is another one; what comes by it is its owner's affair."""
    shared.node.ip_batch(f"""
        link add theirs address 02:00:00:00:00:77 type vxlan id 77 dstport {PORT} local {NODE4}
        addr add 10.77.0.1/24 dev theirs
        link set theirs up
        """)
    mark = shared.mark()
    frame = inner(4, "10.77.0.2", "10.77.0.1", mark, mac="02:00:00:00:00:77")
    shared.passes(shared.around(frame, 4, "192.0.2.99", vni=77), mark=mark, family=4)
    # The first and the last byte of the VNI count as well.
    for vni in (VNI + 1, VNI | 1 << 23):
        frame = shared.around(inner(4, ONES, POD, "no"), 4, ONE[4], vni=vni)
        assert shared.outcome(lambda: shared.send(frame)) == ([], {})
    shared.node.ip("link del theirs")


def test_segments_that_were_merged_pass_or_not_as_one(shared):
    """GRO merges inner segments of one connection alone, so that their sources are the same."""
    shared.node.run("ethtool", "-K", UPLINK, "gro", "on")
    with shared.node.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP) as tcp:
        for ranges, right in ((ONES, True), (TWOS, False)):
            frames = []
            for i in range(8):
                segment = IP(src=host(ranges, 4), dst=POD[4], id=i, flags="DF") / TCP(
                    sport=9, dport=HEARD, flags="A", seq=1 + 1000 * i, ack=1) / Raw(b"x" * 1000)
                frames.append(shared.around(Ether(dst=MAC) / segment, 4, ONE[4]))
            before = shared.counters()["source"]
            shared.send(*frames)
            if right:
                got = 0
                while got < 8000:
                    got += len(tcp.recv(65536)) - 40
            else:
                wait_for(lambda: shared.counters()["source"] > before)
    shared.node.run("ethtool", "-K", UPLINK, "gro", "off")


# -- WireGuard: who may send what it knows itself


@pytest.fixture
def wireguard(tmp_path, program):
    """Its device is not of the kind; the guard goes by its name."""
    guarded = Guarded(tmp_path / "node", program)
    try:
        guarded.node.ip_batch(f"""
            link add bcni-wg1 address {MAC} type veth peer name wg netns outside
            link set bcni-wg1 addrgenmode none
            link set bcni-wg1 up
            """)
        guarded.attacker.sysctl("ipv6.conf.wg.disable_ipv6", 1)
        guarded.attacker.ip("link set wg up")
        guarded.tunnel = guarded.attacker.socket(socket.AF_PACKET, socket.SOCK_RAW)
        guarded.tunnel.bind(("wg", 0))
        yield guarded
        guarded.tunnel.close()
    finally:
        guarded.close()


@pytest.mark.parametrize("vxlan", [False, True], ids=["alone", "beside_vxlan"])
def test_by_wireguard_only_pods_of_here_are_reached(wireguard, vxlan):
    own = "".join(f"own {OWN[family]}\n" for family in FAMILIES)
    wireguard.ensure(spec("wireguard") if vxlan else f"wireguard\n{own}")
    for family in FAMILIES:
        def comes(frame):
            return wireguard.outcome(lambda: wireguard.tunnel.send(bytes(frame)), family=family)

        for target in (POD, DEVICE):
            mark = wireguard.mark()
            assert comes(inner(family, TWOS, target, mark)) == ([mark], {})
        for target in (NODE, OTHER, TWOS):
            assert comes(inner(family, TWOS, target, "no")) == ([], {"destination": 1})
    for message in DISCOVERY.values():
        frame = Ether(dst=MAC) / IPv6(src="fd00:1:11::7", dst=POD[6], hlim=255) / \
            IPv6ExtHdrDestOpt() / message
        assert comes(frame) == ([], {"neighbour": 1})


def test_a_mode_that_is_not_in_use_is_not_judged(wireguard):
    wireguard.ensure(spec())
    mark = wireguard.mark()
    frame = inner(4, TWOS, OTHER, mark)
    assert wireguard.outcome(lambda: wireguard.tunnel.send(bytes(frame))) == ([mark], {})


# -- how the table is kept


@pytest.fixture
def guarded(tmp_path, program):
    made = Guarded(tmp_path / "node", program)
    try:
        yield made
    finally:
        made.close()


def ruleset(guarded):
    """Without counters; chains that were made anew may stand elsewhere."""
    text = guarded.node.run("nft", "-s", "list", "table", "inet", "bridge_cni_tunnel").stdout
    return sorted(part.rstrip("}\n\t") for part in text.split("\n\n"))


NOTHING = {"made": 0, "rules": 0, "added": 0, "deleted": 0}


def did(done):
    return {key: done[key] for key in NOTHING}


def test_the_table_comes_and_goes(guarded):
    before = guarded.node.run("nft", "list", "ruleset").stdout
    done, again = guarded.ensure(spec() + "then\n" + spec())
    assert did(done) == {**NOTHING, "made": 1, "added": 10}
    assert did(again) == NOTHING
    assert "dormant" not in "".join(ruleset(guarded))
    assert json.loads(guarded.node.run(guarded.program, "remove").stdout) == {"removed": 1}
    assert guarded.node.run("nft", "list", "ruleset").stdout == before
    assert json.loads(guarded.node.run(guarded.program, "remove").stdout) == {"removed": 0}
    assert set(guarded.counters().values()) == {0}


T = "inet bridge_cni_tunnel"


@pytest.mark.parametrize("harm", [
    "flush ruleset", f"delete table {T}", f"flush table {T}", f"flush set {T} sources_44_b",
    f"flush set {T} own_6", f"flush chain {T} vxlan", f"flush chain {T} underlay",
    f"insert rule {T} vxlan accept", f"add rule {T} inner accept", f"insert rule {T} from6_1 accept",
    f"delete chain {T} underlay", f"add table {T} {{ flags dormant; }}",
    f"add element {T} sources_44_b {{ 192.0.2.11 . 0x0a0a0000-0x0a0affff }}",
    f"delete element {T} own_4 {{ ipv4 . 10.1.2.0/24 }}; "
    f"add element {T} own_4 {{ ipv4 . 10.1.0.0/16 }}",
    f"flush table {T}; delete chain {T} underlay; delete chain {T} inner; "
    f"delete chain {T} vxlan; delete chain {T} from4_b; delete set {T} sources_44_b",
], ids=lambda harm: harm.split("{")[0].replace(T, "").replace("  ", " ").strip())
def test_what_others_change_is_put_back(guarded, harm):
    """By the process that made it as well, which goes by nftables' generation."""
    process = guarded.node.popen([guarded.program, "ensure"], stdin=subprocess.PIPE,
                                 stdout=subprocess.PIPE, text=True)

    def ensure():
        process.stdin.write(spec() + "then\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    assert ensure()["made"]
    right = ruleset(guarded)
    assert did(ensure()) == NOTHING
    guarded.node.nft("add table inet others; delete table inet others")
    assert did(ensure()) == NOTHING
    guarded.node.nft(harm.replace("; ", "\n") if "flags" not in harm else harm)
    assert did(ensure()) != NOTHING
    assert ruleset(guarded) == right
    ensure()
    assert did(ensure()) == NOTHING
    process.stdin.close()
    process.wait()


def test_the_table_of_a_version_with_other_sets_is_made_anew(guarded):
    """Its sets don't count, for example; its rules have the hash of those sets."""
    guarded.ensure(spec())
    right, text = ruleset(guarded), guarded.node.run("nft", "-s", "list", "table", *T.split()).stdout
    assert "counter" in text.split("chain ")[0]
    sets, rules = text.split("\tchain ", 1)
    old = re.sub("(?<=v2 )([0-9]+ [0-9a-f]{16}) [0-9a-f]{16}", r"\1 0123456789abcdef",
                 sets.replace("\t\tcounter\n", "").replace(" counter", "") + "\tchain " + rules)
    guarded.node.nft(f"delete table {T}\n{old}")
    assert guarded.ensure(spec())[0]["made"]
    assert ruleset(guarded) == right


def test_a_table_that_was_not_finished_is_made_anew(guarded):
    """Somebody who made it was killed before it was woken."""
    guarded.node.nft(f"table {T} {{ flags dormant; chain underlay {{ }}; }}")
    assert guarded.ensure(spec())[0]["made"]
    right = ruleset(guarded)
    guarded.node.nft("flush ruleset")
    guarded.ensure(spec())
    assert ruleset(guarded) == right


def test_port_vni_and_mac_address_change_in_place(guarded):
    guarded.ensure(spec())
    other = spec(port=4789, vni=7).replace(MAC, "02:00:00:00:00:0c")
    done, again = guarded.ensure(other + "then\n" + other)
    assert did(done) == {**NOTHING, "rules": 1} and did(again) == NOTHING
    changed = ruleset(guarded)
    guarded.node.nft("flush ruleset")
    guarded.ensure(other)
    assert changed == ruleset(guarded)


def test_a_range_inside_of_another_is_no_element(guarded):
    extra = spec(f"source {ONE[4]} 10.1.11.128/25", f"source {ONE[4]} 10.1.11.0/24",
                 "own 10.1.2.64/26")
    assert guarded.ensure(extra)[0]["added"] == 10
    assert did(guarded.ensure(extra)[0]) == NOTHING


@contextlib.contextmanager
def traffic(guarded):
    """One of the peers' pods sends all the time: nothing of that is dropped."""
    frame = bytes(guarded.around(inner(4, ONES, POD, "on and on"), 4, ONE[4]))
    with subprocess_sending(guarded, frame):
        yield
        for reason, packets in guarded.counters().items():
            assert packets == 0, reason


@contextlib.contextmanager
def subprocess_sending(guarded, frame):
    import threading
    ended, sent = threading.Event(), []

    def send():
        while not ended.is_set():
            guarded.wire.send(frame)
            sent.append(1)
            ended.wait(0.0002)

    thread = threading.Thread(target=send)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
    assert len(sent) > 100


def test_making_and_changing_it_drops_nothing_that_is_right(guarded):
    with traffic(guarded):
        for _ in range(10):
            assert guarded.ensure(spec())[0]["made"]
            wider = spec().replace("10.1.11.0/24", "10.1.10.0/23")
            assert did(guarded.ensure(wider)[0]) == {**NOTHING, "added": 2, "deleted": 2}
            assert guarded.ensure(spec(vni=VNI, port=PORT).replace(
                f"own {OWN[6]}\n", "wireguard\n"))[0]["rules"]
            assert set(guarded.counters().values()) == {0}
            guarded.node.nft(f"flush table {T}")
            guarded.ensure(spec())
            assert set(guarded.counters().values()) == {0}
            guarded.node.nft(f"delete table {T}")
        guarded.ensure(spec())


def big(changed=False):
    """5,000 nodes with ranges of both families."""
    lines = [f"vxlan {PORT} {VNI} {MAC}", "own 10.0.0.0/24", "own fd00::/64"]
    for i in range(1, 5001):
        outer = f"172.{17 if changed and i == 4999 else 16}.{i >> 8}.{i & 255}"
        lines += [f"source {outer} 10.{i >> 8}.{i & 255}.0/24",
                  f"source {outer} fd00:0:0:{i:x}::/64"]
    return "\n".join([*lines, ""])


def test_with_5000_nodes_one_change_is_a_matter_of_milliseconds(guarded):
    """Also where others have 90,000 rules: libnftables, which would read them, has no part."""
    chains = "".join(f"chain c{i} {{ " + "tcp dport 80 counter; " * 30 + "}\n"
                     for i in range(3000))
    guarded.ensure(spec())
    guarded.node.nft(f"table inet other {{ {chains} }}")
    steps = [big(), big(), *[big(True), big()] * 3]
    done = guarded.ensure("then\n".join(steps))
    for step in done:
        print(step)
    assert [step["added"] for step in done] == [10002, 0] + [2] * 6
    assert min(step["cpu_ms"] for step in done[2:]) < 10


# -- as the agent keeps it


@pytest.fixture
def two_nodes(cluster):
    """On two links; all that is of the tunnel goes by a router."""
    cluster.network("b")
    cluster.fabric.check_sources(routers=True)
    nodes = [cluster.node(), cluster.node(network="b")]
    start(*nodes)
    return nodes


def elements(node):
    """The pairs of an InternalIP and a range that are let in."""
    listed = json.loads(node.run("nft", "-j", "list", "table", "inet", "bridge_cni_tunnel").stdout)
    values = [element["elem"]["val"]["concat"]
              for item in listed["nftables"] if item.get("set", {}).get("name", "").startswith("s")
              for element in item["set"].get("elem", [])]
    return {(value[0], str(value[1])) for value in values}


def dropped(node):
    return {reason: node.metrics()[f'bridge_cni_tunnel_dropped_total{{reason="{reason}"}}']
            for reason in REASONS}


def test_an_agent_lets_in_its_peers_pods_and_counts_the_others(two_nodes):
    one, two = two_nodes
    assert_own_addresses_are_seen([node.attach() for node in two_nodes])
    assert set(dropped(one).values()) == {0}
    assert {outer for outer, _ in elements(one)} == {two.address4, two.address6}
    assert len(elements(one)) == 4
    mac = one.links()["bcni-vxlan"]["address"]
    target = network_address(one, 4)
    packet = around(inner(4, network_address(one, 4), target, "no", mac=mac))
    with two.udp(two.address4) as sock:
        sock.sendto(bytes(packet)[8:], (one.address4, PORT))
        wait_for(lambda: dropped(one)["source"] == 1)
        packet = around(inner(4, network_address(two, 4), one.address4, "no", mac=mac))
        sock.sendto(bytes(packet)[8:], (one.address4, PORT))
        wait_for(lambda: dropped(one)["destination"] == 1)


def test_a_pod_does_not_send_by_vxlan_as_its_node_does(two_nodes):
    """What it sends to a node leaves with its own node's address, whose pods are let in. Pods have
    the port for themselves."""
    one, two = two_nodes
    victim, pod = one.attach(), two.attach()
    wait_for(lambda: pod.ping(victim.address4, wait=1))
    mac = one.links()["bcni-vxlan"]["address"]
    forged = inner(4, network_address(two, 4), victim.address4, "forged", mac=mac)
    with victim.udp("0.0.0.0", HEARD) as heard, victim.udp(victim.address4, PORT) as same_port, \
            pod.udp(pod.address4) as sock4, pod.udp(pod.address6) as sock6:
        heard.settimeout(5)
        for vni in (VNI, 77):
            payload = bytes(around(forged, vni=vni))[8:]
            sock4.sendto(payload, (one.address4, PORT))
            sock6.sendto(payload, (one.address6, PORT))
        sock4.sendto(b"last", (victim.address4, HEARD))
        assert heard.recv(2000) == b"last"
        assert dropped(two) == {**dict.fromkeys(REASONS, 0), "pod": 4}
        sock4.sendto(b"of pods", (victim.address4, PORT))
        same_port.settimeout(5)
        assert same_port.recv(2000) == b"of pods"
    assert set(dropped(one).values()) == {0}


def test_an_agent_puts_its_guard_back_within_seconds(two_nodes):
    one, _ = two_nodes

    def guard():
        text = one.run("nft", "-s", "list", "table", "inet", "bridge_cni_tunnel", check=False)
        return sorted(part.rstrip("}\n\t") for part in text.stdout.split("\n\n"))

    right = guard()
    assert len(right) > 1
    for harm in ("flush ruleset", f"flush table {T}", f"insert rule {T} vxlan accept",
                 f"add table {T} {{ flags dormant; }}", f"flush set {T} own_4"):
        one.nft(harm)
        wait_for(lambda: guard() == right, 5)
    assert "guard of the tunnels" in one.log()


def test_nodes_that_claim_one_address_are_not_let_in_by_it(two_nodes):
    one, two = two_nodes
    four = {(two.address4, cidr) for _, cidr in elements(one)}
    assert len(four) == 2 and four <= elements(one)
    one.cluster.api.put("claimer", ["10.244.99.0/24"], [two.address4])
    wait_for(lambda: not any(outer == two.address4 for outer, _ in elements(one)))
    # By its other address the Node that had it first still is.
    assert {outer for outer, _ in elements(one)} == {two.address6}
    wait_for(lambda: one.metrics().get('bridge_cni_node_unrouted{node="claimer",'
                                       'reason="shared-internal-ip"}') == 1)


def test_pods_of_a_former_podcidr_are_let_in_still(two_nodes):
    one, two = two_nodes
    old, asker = two.attach(), one.attach()
    wait_for(lambda: asker.ping(old.address4, wait=1))
    two.cidrs = ["10.244.77.0/24", "fd00:244:0:77::/64"]
    one.cluster.api.put(two.name, two.cidrs, [two.address4, two.address6])
    wait_for(lambda: two.cidrs[0] in one.own_routes())
    wait_for(lambda: two.addresses("bcni-vxlan")[0].startswith("10.244.77."))
    for address in (old.address4, old.address6):
        wait_for(lambda: asker.ping(address, wait=1))
        assert old.ping(asker.address4 if "." in address else asker.address6)
    assert set(dropped(one).values()) == {0}


def test_pods_of_a_former_podcidr_make_no_guard_without_a_tunnel(cluster):
    """A guard would be told of them. The agent is stopped for a while, so that it looks for them
    before it makes the routes."""
    node, = cluster.ready(1)
    olds = [node.attach() for _ in range(3)]
    node.cidrs = ["10.244.77.0/24", "fd00:244:0:77::/64"]
    cluster.api.put(node.name, node.cidrs, [node.address4, node.address6])
    for left in (3, 2, 1):
        wait_for(lambda: node.metrics()["bridge_cni_pods_outside_podcidr"] == left)
        wait_for(node.ready)
        node.agent.send_signal(signal.SIGSTOP)
        node.detach(olds.pop())
        time.sleep(1.2)
        node.agent.send_signal(signal.SIGCONT)
    wait_for(lambda: node.metrics()["bridge_cni_pods_outside_podcidr"] == 0)
    assert node.metrics()["bridge_cni_tunnel_guard_changes_total"] == 0
    assert "bridge_cni_tunnel" not in node.run("nft", "list", "tables").stdout


def test_a_node_that_only_receives_has_the_guard_and_one_without_tunnel_has_none(two_nodes):
    one, two = two_nodes
    right = elements(one)
    one.stop_agent()
    one.nft(f"delete table {T}")
    one.start_agent("--tunnel-receive", "vxlan")
    wait_for(one.ready)
    assert elements(one) == right
    one.stop_agent()
    one.start_agent()
    wait_for(one.ready)
    wait_for(lambda: "bridge_cni_tunnel" not in one.run("nft", "list", "tables").stdout)
    two.stop_agent()
    two.run(*two.agent_argv("--cleanup"))
    assert "bridge_cni_tunnel" not in two.run("nft", "list", "tables").stdout


def test_without_a_guard_there_is_no_tunnel(cluster, tmp_path):
    """Where libnftables can't be loaded, for example."""
    (tmp_path / "libnftables.so.1").write_text("no library")
    node = cluster.node()
    node.start_agent("--tunnel", "vxlan", LD_LIBRARY_PATH=str(tmp_path))
    wait_for(lambda: "the guard of the tunnels isn't right" in node.log())
    assert "libnftables" in node.log()
    assert node.metrics()["bridge_cni_tunnel_wrong"] == 1
    assert "bcni-vxlan" not in node.links()
    node.stop_agent()
    start(node)
    assert "bcni-vxlan" in node.links()
    # An agent that comes after it finds device and routes, and can't make the guard anew.
    node.stop_agent()
    node.nft(f"delete table {T}")
    node.start_agent("--tunnel", "vxlan", LD_LIBRARY_PATH=str(tmp_path))
    wait_for(lambda: "UP" not in node.links()["bcni-vxlan"]["flags"])
    assert "bridge_cni_tunnel" not in node.run("nft", "list", "tables").stdout
    node.stop_agent()
    start(node)
    assert "UP" in node.links()["bcni-vxlan"]["flags"]
