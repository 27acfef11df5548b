# SPDX-License-Identifier: GPL-2.0-or-later
"""The guard of the tunnels: what comes in by one is from a node's own pods, for pods of here. How the
guard keeps its table is test_guard_table.py's, and how an agent uses it test_tunnel_guard.py's."""
import contextlib
import itertools
import socket

import pytest
from scapy.layers.inet import ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import (
    ICMPv6EchoRequest, ICMPv6MLQuery, ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6ND_Redirect,
    ICMPv6ND_RS, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting)
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw

from harness.guarded import (
    BOTH, DEVICE, FAMILIES, HEARD, MAC, NODE, ONE, ONES, OTHER, OWN, POD, PORT, TWO, TWOS, VNI,
    around, host, inner, made, spec)
from harness.node import NODE4, UPLINK
from harness.waiting import wait_for


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    with made(tmp_path_factory.mktemp("guarded")) as guarded:
        assert guarded.ensure(spec())[0]["made"]
        yield guarded


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


@pytest.mark.parametrize("words", [1, 2, 5, 10])
def test_options_of_ipv4_in_the_tunnel_hide_nothing(shared, words):
    def packet(source=ONES, target=POD):
        return inner(4, source, target, mark, options=b"\x01" * 4 * words)

    mark = shared.mark()
    shared.passes(shared.around(packet(), 4, ONE[4]), mark=mark, family=4)
    shared.drops(shared.around(packet(source=TWOS), 4, ONE[4]), reason="source")
    shared.drops(shared.around(packet(target=NODE), 4, ONE[4]), reason="destination")
    redirect = packet()[IP].copy()
    redirect.remove_payload()
    redirect = redirect / ICMP(type=5, code=1, gw="10.1.11.9") / IP(
        src=POD[4], dst="198.51.100.1") / UDP(sport=1, dport=1)
    frame = Ether(dst=MAC, src="02:00:00:00:00:0b") / redirect
    shared.drops(shared.around(frame, 4, ONE[4]), reason="neighbour")


@pytest.mark.parametrize("family", FAMILIES)
def test_fragments_in_the_tunnel_hide_nothing(shared, family):
    """Each is judged by itself, and then reassembled by whoever it is for."""
    def frames(source=ONES, target=POD):
        packet = inner(family, source, target, mark)[Ether]
        return [shared.around(Ether(dst=MAC, src="02:00:00:00:00:0b") / piece, 4, ONE[4])
                for piece in pieces(packet.payload, 40)]

    mark = shared.mark().ljust(500, ".")
    shared.passes(*frames(), mark=mark, family=family)
    shared.drops(*frames(source=TWOS), reason="source", family=family)
    shared.drops(*frames(target=NODE), reason="destination", family=family)


def test_echo_of_both_families_comes_through(shared):
    """Of ICMP, only what is about neighbours is dropped."""
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


@pytest.fixture
def as_one(shared):
    """Sends the frames in datagrams that come as one: by a peer next to this node, whose packets
    come unsegmented. They must be equally long."""
    # A datagram that waited for the neighbour would come behind what is sent after it.
    shared.attacker.ip(f"neigh replace {NODE4} lladdr {shared.mac} dev eth0 nud permanent")
    shared.attacker.ip(f"addr add {ONE[4]}/24 dev eth0")
    with shared.attacker.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((ONE[4], 40000))

        def send(*frames):
            datagrams = [bytes(around(frame))[8:] for frame in frames]
            UDP_SEGMENT = 103
            sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, len(datagrams[0]))
            sock.sendto(b"".join(datagrams), (NODE[4], PORT))

        yield send
    shared.attacker.ip(f"addr del {ONE[4]}/24 dev eth0")


def test_of_datagrams_that_come_as_one_the_first_source_is_judged(shared, as_one):
    """The other limit."""
    first, second = inner(4, ONES, POD, "right"), inner(4, TWOS, POD, "wrong")
    assert shared.outcome(lambda: as_one(first, second)) == (["right", "wrong"], {})
    assert shared.outcome(lambda: as_one(second, first)) == ([], {"source": 1})


def test_of_datagrams_that_come_as_one_every_destination_is_judged(shared, as_one):
    """So that what isn't judged of them reaches pods of here alone."""
    for target in (NODE, OTHER, TWOS):
        first, second = inner(4, ONES, POD, "right"), inner(4, ONES, target, "wrong")
        assert shared.outcome(lambda: as_one(first, second, first)) == (
            ["right", "right"], {"destination": 1})
    redirect = inner(4, ONES, POD, "right")
    redirect[IP].proto, redirect[UDP].sport = 1, 0x0501  # ICMP's type and code
    assert shared.outcome(lambda: as_one(first, redirect, first)) == (
        ["right", "right"], {"neighbour": 1})


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
def wireguard(tmp_path):
    """Its device is not of the kind; the guard goes by its name."""
    with made(tmp_path) as guarded:
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
