# SPDX-License-Identifier: GPL-2.0-or-later
"""spoofCheck frame by frame: what a pod may send, and as what the rest is counted."""
import ipaddress
import socket
import struct

import pytest

from harness.node import network
from harness.service import netfilter_on_the_bridge
from harness.waiting import wait_for
from test_spoofcheck import (ARP, FOREIGN_MAC, IP, IP6, SPOOFED4, SPOOFED6, arp, checksum,
                             counters, mac_of, own, packet6, udp4, what_came)

ICMP6, UDP, TCP, HOPS, DESTINATION, FRAGMENT = 58, 17, 6, 0, 60, 44
ROUTERS, NODES = "ff02::2", "ff02::1"


def packed(ip):
    return ipaddress.ip_address(ip).packed


def link_local(mac):
    return str(ipaddress.ip_address(
        b"\xfe\x80" + bytes(6) + bytes([mac[0] ^ 2]) + mac[1:3] + b"\xff\xfe" + mac[3:]))


def ipv4(source, target, proto, payload, fragment=0, length=None):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, length or 20 + len(payload), 7, fragment,
                       64, proto, 0, packed(source), packed(target))
    return head[:10] + struct.pack("!H", checksum(head)) + head[12:] + payload


def udp(sport, dport, data=b""):
    return struct.pack("!HHHH", sport, dport, 8 + len(data), 0) + data


def icmp6(kind, body, options=b"", source="::", target=NODES):
    message = bytes([kind, 0, 0, 0]) + body + options
    pseudo = packed(source) + packed(target) + struct.pack("!II", len(message), ICMP6)
    return message[:2] + struct.pack("!H", checksum(pseudo + message)) + message[4:]


def option(kind, mac):
    return bytes([kind, 1]) + mac


def extension(following):
    """A hop-by-hop or destination header that has padding alone."""
    return bytes([following, 0, 1, 4, 0, 0, 0, 0])


def fragment(following, offset=0, more=False, ident=7):
    return struct.pack("!BBHI", following, 0, offset | more, ident)


def about(target):
    """The body of a solicitation or an advertisement."""
    return bytes(4) + packed(target)


def behind(source, headers, message):
    """An IPv6 packet to all nodes. @headers: (kind, function of the next one's kind)."""
    kinds = [kind for kind, _ in headers] + [ICMP6]
    chain = b"".join(header(following) for (_, header), following
                     in zip(headers, kinds[1:]))
    return packet6(source, NODES, kinds[0], chain + message)


WAYS = {"": [], " behind hop-by-hop": [(HOPS, extension)],
        " behind destination options": [(DESTINATION, extension)],
        " in an only fragment": [(FRAGMENT, fragment)],
        " behind several headers": [(HOPS, extension), (DESTINATION, extension),
                                    (FRAGMENT, fragment), (DESTINATION, extension)]}


def right(me):
    """Frames that a pod needs. @me: its addresses."""
    four, six, local, mac = me
    to = "10.1.2.250"
    report = icmp6(143, bytes(2) + b"\0\1" + b"\4\0\0\0" + packed("ff02::1:ff00:9"))
    big = icmp6(128, b"\0\1\0\1" + bytes(64))
    return {
        "UDP": (IP, ipv4(four, to, UDP, udp(9, 53, b"a"))),
        "TCP": (IP, ipv4(four, to, TCP, struct.pack("!HHIIBBHHH", 67, 68, 1, 0, 0x50, 2,
                                                    9, 0, 0))),
        "SCTP": (IP, ipv4(four, to, 132, bytes(12))),
        "a later fragment": (IP, ipv4(four, to, UDP, udp(67, 68, b"later"), fragment=9)),
        "a later fragment of IGMP": (IP, ipv4(four, to, 2, b"\x11later..", fragment=9)),
        "UDP from a low port": (IP, ipv4(four, to, UDP, udp(53, 9, b"answer"))),
        "UDP from a high port": (IP, ipv4(four, to, UDP, udp(65535, 9, b"high"))),
        "an IGMP report": (IP, ipv4(four, "224.0.0.251", 2, b"\x16\0\0\0\xe0\0\0\xfb")),
        "DHCP from an address": (IP, ipv4(four, to, UDP, udp(68, 67, b"renew"))),
        "DHCP without an address": (IP, ipv4("0.0.0.0", "255.255.255.255", UDP,
                                             udp(68, 67, b"discover"))),
        "ARP": (ARP, arp(mac, four, to)),
        "an ARP answer": (ARP, arp(mac, four, to)[:6] + b"\0\2" + arp(mac, four, to)[8:]),
        "an ARP probe": (ARP, arp(mac, "0.0.0.0", four)),
        "UDP over IPv6": (IP6, packet6(six, NODES, UDP, udp(9, 53, b"6"))),
        "DHCPv6": (IP6, packet6(local, "ff02::1:2", UDP, udp(546, 547, b"solicit"))),
        "TCP over IPv6": (IP6, packet6(six, NODES, TCP, struct.pack(
            "!HHIIBBHHH", 547, 546, 2, 0, 0x50, 2, 9, 0, 0))),
        "a ping": (IP6, packet6(six, NODES, ICMP6, icmp6(128, b"\0\1\0\2"))),
        "a first fragment": (IP6, packet6(six, NODES, FRAGMENT,
                                          fragment(ICMP6, more=True) + big[:32])),
        "the next fragment": (IP6, packet6(six, NODES, FRAGMENT,
                                           fragment(ICMP6, 32) + big[32:])),
        "a later fragment of UDP": (IP6, packet6(six, NODES, FRAGMENT, fragment(UDP, 8) +
                                                 udp(547, 546, b"later6"))),
        "a later fragment that looks like discovery": (IP6, packet6(
            six, NODES, FRAGMENT, fragment(ICMP6, 8) + bytes([135]) + b"later")),
        "a later fragment that looks like a router": (IP6, packet6(
            six, NODES, FRAGMENT, fragment(ICMP6, 8) + bytes([134]) + b"later")),
        "UDP over IPv6 from a high port": (IP6, packet6(six, NODES, UDP,
                                                        udp(65535, 9, b"high6"))),
        "a solicitation": (IP6, packet6(six, NODES, ICMP6, icmp6(
            135, about("fd00:1:2::1"), option(1, mac)))),
        "a solicitation without option": (IP6, packet6(six, NODES, ICMP6, icmp6(
            135, about("fd00:1:2::1")))),
        "an advertisement": (IP6, packet6(six, NODES, ICMP6, icmp6(
            136, about(six), option(2, mac)))),
        "an advertisement without option": (IP6, packet6(local, NODES, ICMP6, icmp6(
            136, about(six)))),
        "a probe": (IP6, packet6("::", NODES, ICMP6, icmp6(135, about(six)))),
        "a probe with nonce": (IP6, packet6("::", NODES, ICMP6, icmp6(
            135, about(local), b"\x0e\1random"))),
        "the search for routers": (IP6, packet6(local, ROUTERS, ICMP6, icmp6(
            133, bytes(4), option(1, mac)))),
        "the search for routers from ::": (IP6, packet6("::", ROUTERS, ICMP6, icmp6(
            133, bytes(4)))),
        "a report": (IP6, packet6(local, "ff02::16", HOPS, extension(ICMP6) + report)),
        "a report from ::": (IP6, packet6("::", "ff02::16", HOPS,
                                          extension(ICMP6) + report)),
    }


def wrong(me, other):
    """kind: {frame: what it has}"""
    four, six, local, mac = me
    to = "10.1.2.250"
    adverts = {f"a router's advertisement{way}": (IP6, behind(local, headers, icmp6(
        134, b"\x40\0\7\x08" + bytes(8)))) for way, headers in WAYS.items()}
    redirects = {f"a redirect{way}": (IP6, behind(local, headers, icmp6(
        137, bytes(4) + packed(to6) + packed(to6))))
        for to6 in ["fd00:1:2::77"] for way, headers in WAYS.items()}
    queries = {f"an MLD query{way}": (IP6, behind(local, headers, icmp6(
        130, bytes(4) + bytes(16)))) for way, headers in WAYS.items()}
    solicits = {f"a solicitation{way}": (IP6, behind(six, headers, icmp6(
        135, about("fd00:1:2::1"), option(1, mac)))) for way, headers in WAYS.items() if way}
    answers = {f"a server's answer{way}": (IP6, packet6(
        local, NODES, (headers + [(UDP, None)])[0][0],
        b"".join(header(following) for (_, header), following in zip(
            headers, [k for k, _ in headers[1:]] + [UDP])) + udp(547, 546, b"reply")))
        for way, headers in WAYS.items()}
    advert = icmp6(134, b"\x40\0\7\x09" + bytes(8) + b"\3\4\x40\xc0" + bytes(28))
    head = arp(mac, four, to)
    tagged = struct.pack("!HH", 0, IP) + ipv4(four, to, UDP, udp(9, 9, b"tagged"))
    return {
        "ra": adverts | redirects | {
            "a router's advertisement in two": (IP6, packet6(
                local, NODES, FRAGMENT, fragment(ICMP6, more=True) + advert[:24]))},
        "query": queries | {
            "an IGMP query": (IP, ipv4(four, "224.0.0.1", 2, b"\x11\x64\0\0\0\0\0\0")),
            "a multicast router": (IP, ipv4(four, "224.0.0.106", 2, b"\x30\0\0\0\0\0\0\0")),
            "a multicast router, IPv6": (IP6, behind(local, [], icmp6(151, bytes(4)))),
            "PIM": (IP, ipv4(four, "224.0.0.13", 103, b"\x20\0\xdf\xf3")),
            "PIM, IPv6": (IP6, packet6(local, "ff02::d", 103, b"\x20\0\xdf\xf3"))},
        "dhcp": answers | {
            "a server's answer, IPv4": (IP, ipv4(four, to, UDP, udp(67, 68, b"ack"))),
            "an answer of another port": (IP, ipv4(four, to, UDP, udp(9, 68, b"ack"))),
            "an answer from 67 to elsewhere": (IP, ipv4(four, to, UDP, udp(67, 9, b"x"))),
            "an answer in two": (IP, ipv4(four, to, UDP, udp(67, 68, b"first..."),
                                          fragment=0x2000)),
            "an answer from 547 to elsewhere": (IP6, packet6(six, NODES, UDP,
                                                             udp(547, 9, b"x6"))),
            "a relay's": (IP, ipv4(four, to, UDP, udp(67, 67, b"relay"))),
            "an answer of another port, IPv6": (IP6, packet6(
                six, NODES, UDP, udp(9, 546, b"reply")))},
        "nd": solicits | {
            "a probe for another's address": (IP6, packet6("::", NODES, ICMP6, icmp6(
                135, about(other)))),
            "a probe with a link-layer address": (IP6, packet6("::", NODES, ICMP6, icmp6(
                135, about(six), option(1, mac)))),
            "a solicitation with another's link-layer address": (IP6, packet6(
                six, NODES, ICMP6, icmp6(135, about("fd00:1:2::1"),
                                         option(1, FOREIGN_MAC)))),
            "a solicitation with two options": (IP6, packet6(six, NODES, ICMP6, icmp6(
                135, about("fd00:1:2::1"), option(1, mac) + option(1, FOREIGN_MAC)))),
            "an advertisement with another's link-layer address": (IP6, packet6(
                six, NODES, ICMP6, icmp6(136, about(six), option(2, FOREIGN_MAC)))),
            "an advertisement of another's address": (IP6, packet6(
                six, NODES, ICMP6, icmp6(136, about(other), option(2, mac)))),
            "another's, without option": (IP6, packet6(six, NODES, ICMP6, icmp6(
                136, about(other)))),
            "an advertisement with two options": (IP6, packet6(six, NODES, ICMP6, icmp6(
                136, about(six), option(2, mac) + option(2, FOREIGN_MAC)))),
            "the search for routers with another's": (IP6, packet6(
                local, ROUTERS, ICMP6, icmp6(133, bytes(4), option(1, FOREIGN_MAC)))),
            "the search for routers from :: with an option": (IP6, packet6(
                "::", ROUTERS, ICMP6, icmp6(133, bytes(4), option(1, mac))))},
        "ip6": {
            "a foreign source": (IP6, packet6(SPOOFED6, NODES, UDP, udp(9, 9, b"f"))),
            "a foreign advertisement": (IP6, packet6(
                "fe80::99", NODES, ICMP6, icmp6(134, bytes(12)))),
            "UDP from ::": (IP6, packet6("::", NODES, UDP, udp(9, 9, b"any"))),
            "a first fragment without what follows": (IP6, packet6(
                local, NODES, FRAGMENT,
                fragment(DESTINATION, more=True) + extension(ICMP6))),
            "a fragment that goes on in the headers": (IP6, packet6(
                local, NODES, FRAGMENT, fragment(DESTINATION, 8) + advert)),
            "a first fragment without ports": (IP6, packet6(
                local, NODES, FRAGMENT,
                fragment(DESTINATION, more=True) + extension(UDP))),
            "a header that is cut off": (IP6, packet6(
                local, NODES, DESTINATION, extension(ICMP6)[:4])),
            "more than there is": (IP6, packet6(
                six, NODES, UDP, udp(9, 9, b"short"))[:4] + b"\1\0" + packet6(
                    six, NODES, UDP, udp(9, 9, b"short"))[6:])},
        "ip4": {
            "a foreign source": (IP, udp4(SPOOFED4, "10.1.2.255")),
            "0.0.0.0, no DHCP": (IP, ipv4("0.0.0.0", to, UDP, udp(68, 69, b"0"))),
            "more than there is": (IP, ipv4(four, to, UDP, udp(9, 9, b"s"), length=99))},
        "arp": {
            "of a foreign address": (ARP, arp(mac, SPOOFED4, to)),
            "of a foreign MAC address": (ARP, arp(FOREIGN_MAC, four, to)),
            "a probe for another's address": (ARP, arp(mac, "0.0.0.0", to)),
            "an answer from 0.0.0.0": (ARP, arp(mac, "0.0.0.0", four)[:6] + b"\0\2" +
                                       arp(mac, "0.0.0.0", four)[8:]),
            "of IEEE 802": (ARP, b"\0\6" + head[2:]),
            "for IPv6": (ARP, head[:2] + b"\x86\xdd" + head[4:]),
            "of long addresses": (ARP, head[:4] + b"\x08\4" + head[6:] + b"long"),
            "an operation of RARP": (ARP, head[:6] + b"\0\3" + head[8:])},
        "ethertype": {
            "RARP": (0x8035, head[:6] + b"\0\3" + head[8:]),
            "PPPoE": (0x8863, b"\x11\x09\0\0\0\4\1\1\0\0"),
            "a session of PPPoE": (0x8864, b"\x11\0\0\1\0\4\xc0\x21\1\1"),
            "LLDP": (0x88CC, b"\2\7\4lldp.."),
            "SNAP": (0x26, b"\xaa\xaa\3\0\0\x0c\x01\x0bsnap"),
            "802.1Q": (0x8100, tagged), "802.1ad": (0x88A8, tagged[:4] + tagged[4:] + b"ad"),
            "a tag in a tag": (0x8100, b"\0\0\x81\0" + tagged + b"two")},
    }


def addresses(pod, result):
    mac = mac_of(pod)
    return own(result, 4), own(result, 6), link_local(mac), mac


def arrived(sender, receiver, frames):
    """The names of those of @frames, name: (type, what follows), that arrive."""
    mac = mac_of(sender)
    ends = mac_of(receiver) + mac
    heard = what_came(sender, receiver, mac, [ends + struct.pack("!H", kind) + payload
                                              for kind, payload in frames.values()])
    # A tag is not in what is received.
    return {name for name, (_, payload) in frames.items()
            if any(payload in frame or payload[4:] in frame for frame in heard)}


def pair(node, **keys):
    """Two pods of a network with these keys, the first one's addresses, and an address of
    the second one's."""
    # Else the kernel puts fragments together before it forwards them.
    netfilter_on_the_bridge(node, False)
    pods = node.pod(), node.pod()
    results = [node.add(pod, network("dual", **keys)) for pod in pods]
    return *pods, addresses(pods[0], results[0]), own(results[1], 6)


class Counted:
    """A pair with spoofCheck, and what was counted since the test began."""

    def __init__(self, node):
        self.node = node
        self.sender, self.receiver, self.me, self.other = pair(node, spoofCheck=True)

    def begin(self):
        self.before = counters(self.node)
        return self

    def counted(self):
        return {name: number - self.before[name] for name, number in counters(self.node).items()
                if number != self.before[name]}


@pytest.fixture(scope="module")
def shared_pair(shared_node):
    return Counted(shared_node)


@pytest.fixture
def checked(shared_pair):
    return shared_pair.begin()


def all_of(me, other):
    return right(me) | {f"{kind}: {name}": frame for kind, frames in wrong(me, other).items()
                        for name, frame in frames.items()}


@pytest.mark.parametrize("keys", [{}, {"macspoofchk": True}])
def test_without_spoofCheck_all_of_them_pass(node, keys):
    """The control: the frames are right, and only the checks stop them."""
    sender, receiver, me, other = pair(node, **keys)
    frames = all_of(me, other)
    assert set(frames) - arrived(sender, receiver, frames) == set()


def test_what_a_pod_needs_passes(checked):
    frames = right(checked.me)
    lost = set(frames) - arrived(checked.sender, checked.receiver, frames)
    assert (lost, checked.counted()) == (set(), {})


KINDS = ["ra", "query", "dhcp", "nd", "ip6", "ip4", "arp", "ethertype"]


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_pod_may_not_send_is_dropped_and_counted_by_its_kind(checked, kind):
    frames = wrong(checked.me, checked.other)[kind]
    assert arrived(checked.sender, checked.receiver, frames) == set()
    assert checked.counted() == {f"spoof_{kind}": len(frames)}


def say(pod, target, payload):
    mouth = pod.socket(socket.AF_PACKET, socket.SOCK_RAW)
    mouth.bind(("eth0", 0))
    mouth.send(bytes.fromhex(target) + mac_of(pod) + payload)


@pytest.mark.parametrize("stp, last", [(0, "00"), (0, "02"), (1, "02")])
def test_frames_for_bridges_are_dropped_whether_the_bridge_has_spanning_tree(checked, stp, last):
    checked.node.ip(f"link set cni0 type bridge stp_state {stp}")
    try:
        say(checked.sender, "0180c20000" + last, struct.pack("!H", 38) + b"\x42\x42\3" + bytes(35))
        wait_for(lambda: checked.counted() == {"spoof_bpdu": 1})
    finally:  # the next tests have the same node
        checked.node.ip("link set cni0 type bridge stp_state 0")


def test_a_spanning_tree_of_Ciscos_is_dropped(checked):
    say(checked.sender, "01000ccccccd", struct.pack("!H", 50) + b"\xaa\xaa\3\0\0\x0c\x01\x0b" +
        bytes(42))
    wait_for(lambda: checked.counted() == {"spoof_ethertype": 1})
