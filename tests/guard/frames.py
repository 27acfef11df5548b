# SPDX-License-Identifier: GPL-2.0-or-later
"""The frames that an attacker's pod sends: a row each, with who may get it.

`to` has the places to which a bridge without any guard brings the frame. P is another pod; N is
the node; O is outside of the node; M is outside, with the node's address as the source. `stopped`
says which check stops the frame: MAC, macspoofchk as well as spoofCheck; SPOOF, spoofCheck alone;
NOTHING, neither of them, because a pod may send that. Rows that change what a bridge does with
the frames behind them stand last.
"""
from typing import Callable, NamedTuple

from scapy.contrib.igmp import IGMP
from scapy.contrib.igmpv3 import IGMPv3, IGMPv3gr, IGMPv3mq, IGMPv3mr
from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dhcp6 import DHCP6_Reply, DHCP6_Solicit
from scapy.layers.inet import GRE, ICMP, IP, TCP, UDP, fragment
from scapy.layers.inet6 import (
    ICMPv6MLDMultAddrRec, ICMPv6MLDone, ICMPv6MLQuery, ICMPv6MLQuery2, ICMPv6MLReport,
    ICMPv6MLReport2, ICMPv6MRD_Advertisement, ICMPv6ND_RS, ICMPv6ND_Redirect, ICMPv6NDOptDstLLAddr,
    ICMPv6NDOptSrcLLAddr, ICMPv6NDOptUnknown, ICMPv6PacketTooBig, IPv6, IPv6ExtHdrDestOpt,
    IPv6ExtHdrFragment, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting)
from scapy.layers.l2 import LLC, SNAP, STP, Dot1AD, Dot1Q
from scapy.packet import Raw

from harness.node import OUTSIDE4, OUTSIDE6
from maker import (
    ALERT, ALL4, ALL6, BROADCAST, DATA, FOREIGN4, FOREIGN6, FOREIGN_MAC, OPTIONS, PIM, advertise,
    offer, pieces6)

MAC, SPOOF, NOTHING = "mac", "spoof", ""


class Row(NamedTuple):
    name: str
    to: str
    stopped: str
    make: Callable
    through: bool = False  # the frame goes to the gateway's MAC address, and the node routes it
    unknown: bool = False  # such a frame, which is not known for an isolated pod's
    quiet: str = None  # what it reaches with quietBridge; None: the same


class Part(NamedTuple):
    title: str


FRAMES = [
    Part("What a pod may send"),
    Row("IPv4 to all", "PN", NOTHING, lambda a: a.v4(a.me.ip4, ALL4, DATA)),
    Row("IPv4 to a pod", "P", NOTHING, lambda a: a.v4(
        a.me.ip4, a.victim.ip4, DATA, at=a.victim.mac)),
    Row("IPv4 from a second address", "P", NOTHING, lambda a: a.v4(
        a.me.second4, a.victim.ip4, DATA, at=a.victim.mac)),
    Row("IPv4 in fragments", "P", NOTHING, lambda a: fragment(a.v4(
        a.me.ip4, a.victim.ip4, UDP(sport=9, dport=9), Raw(b"x" * 3000), at=a.victim.mac))),
    Row("IPv4 to the outside", "M", NOTHING, lambda a: a.v4(
        a.me.ip4, OUTSIDE4, DATA, at=a.gateway.mac), True),
    Row("IPv4 to a pod, by the gateway", "P", NOTHING, lambda a: a.v4(
        a.me.ip4, a.victim.ip4, DATA, at=a.gateway.mac), True),
    Row("IPv4 multicast (mDNS)", "PN", NOTHING, lambda a: a.v4(
        a.me.ip4, "224.0.0.251", UDP(sport=5353, dport=5353) / b"data")),
    Row("SCTP, ESP, AH", "P", NOTHING, lambda a: [a.v4(
        a.me.ip4, a.victim.ip4, Raw(b"x" * 32), at=a.victim.mac, proto=proto)
        for proto in (132, 50, 51)]),
    Row("GRE, IPIP, 6in4: any source inside", "P", NOTHING, lambda a: [
        a.v4(a.me.ip4, a.victim.ip4, *inner, at=a.victim.mac) for inner in (
            (GRE(), IP(src=FOREIGN4, dst=a.third.ip4), DATA),
            (IP(src=FOREIGN4, dst=a.third.ip4), DATA),
            (IPv6(src=FOREIGN6, dst=a.third.ip6), DATA))]),
    Row("DHCPv4 client's question from 0.0.0.0", "PN", NOTHING, lambda a: a.v4(
        "0.0.0.0", "255.255.255.255", UDP(sport=68, dport=67), BOOTP(op=1),
        DHCP(options=[("message-type", "discover"), "end"]))),
    Row("ARP question to all", "PN", NOTHING, lambda a: a.arp(a.me.ip4, a.third.ip4),
        quiet="N"),
    Row("ARP question to one (unicast probe)", "P", NOTHING, lambda a: a.arp(
        a.me.ip4, a.victim.ip4, at=a.victim.mac, known=a.victim.mac)),
    Row("ARP answer", "P", NOTHING, lambda a: a.arp(
        a.me.ip4, a.victim.ip4, op=2, at=a.victim.mac, known=a.victim.mac)),
    Row("gratuitous ARP question", "PN", NOTHING, lambda a: a.arp(a.me.ip4, a.me.ip4),
        quiet="N"),
    Row("gratuitous ARP answer", "PN", NOTHING, lambda a: a.arp(a.me.ip4, a.me.ip4, op=2)),
    Row("ARP probe for its own address", "PN", NOTHING, lambda a: a.arp(
        "0.0.0.0", a.me.ip4), quiet="N"),
    Row("IPv6 to all", "PN", NOTHING, lambda a: a.v6(a.me.ip6, ALL6, DATA)),
    Row("IPv6 to a pod", "P", NOTHING, lambda a: a.v6(
        a.me.ip6, a.victim.ip6, DATA, at=a.victim.mac)),
    Row("IPv6 from its link-local address", "P", NOTHING, lambda a: a.v6(
        a.me.local6, a.victim.local6, DATA, at=a.victim.mac)),
    Row("IPv6 to the outside", "M", NOTHING, lambda a: a.v6(
        a.me.ip6, OUTSIDE6, DATA, at=a.gateway.mac), True),
    Row("IPv6 to a pod, by the gateway", "P", NOTHING, lambda a: a.v6(
        a.me.ip6, a.victim.ip6, DATA, at=a.gateway.mac), True),
    Row("IPv6 with extension headers", "P", NOTHING, lambda a: [a.v6(
        a.me.ip6, a.victim.ip6, *before, DATA, at=a.victim.mac) for before in (
            [IPv6ExtHdrHopByHop()], [OPTIONS], [OPTIONS, IPv6ExtHdrDestOpt()],
            [IPv6ExtHdrRouting(type=4)], [IPv6ExtHdrFragment()])]),
    Row("IPv6 in fragments", "P", NOTHING, lambda a: pieces6(a.v6(
        a.me.ip6, a.victim.ip6, UDP(sport=9, dport=9), Raw(b"x" * 2000), at=a.victim.mac), 1400)),
    Row("ICMPv6 packet too big", "P", NOTHING, lambda a: a.v6(
        a.me.ip6, a.victim.ip6, ICMPv6PacketTooBig(mtu=1400), Raw(b"x" * 48), at=a.victim.mac)),
    Row("DHCPv6 client's question", "PN", NOTHING, lambda a: a.v6(
        a.me.local6, ALL6, UDP(sport=546, dport=547), DHCP6_Solicit())),
    Row("NS for another's address", "PN", NOTHING, lambda a: a.ns(
        a.me.ip6, a.third.ip6, ICMPv6NDOptSrcLLAddr(lladdr=a.me.mac)), quiet=""),
    Row("NS to one (unicast probe)", "P", NOTHING, lambda a: a.ns(
        a.me.ip6, a.victim.ip6, at=a.victim.mac)),
    Row("NS from :: for its own addresses", "PN", NOTHING, lambda a: [
        a.ns("::", own, *nonce) for own in (a.me.ip6, a.me.local6)
        for nonce in ((), (ICMPv6NDOptUnknown(type=14, len=1, data=b"123456"),))], quiet=""),
    Row("NA of its own address", "PN", NOTHING, lambda a: a.na(
        a.me.ip6, a.me.ip6, ICMPv6NDOptDstLLAddr(lladdr=a.me.mac))),
    Row("RS", "PN", NOTHING, lambda a: [
        a.v6(a.me.local6, ALL6, ICMPv6ND_RS(), ICMPv6NDOptSrcLLAddr(lladdr=a.me.mac)),
        a.v6("::", ALL6, ICMPv6ND_RS())]),
    Row("IGMP reports", "PN", NOTHING, lambda a: [
        a.igmp("239.1.1.1", IGMP(type=0x16, gaddr="239.1.1.1")),
        a.igmp("224.0.0.22", IGMPv3(type=0x22), IGMPv3mr(
            records=[IGMPv3gr(rtype=4, maddr="239.1.1.2")]))], quiet=""),
    Row("MLD reports", "PN", NOTHING, lambda a: [
        a.v6(source, group, ALERT, *report, hlim=1) for source in (a.me.local6, "::")
        for group, report in (
            ("ff05::1:1", [ICMPv6MLReport(mladdr="ff05::1:1")]),
            ("ff02::16", [ICMPv6MLReport2(records=[
                ICMPv6MLDMultAddrRec(rtype=4, dst="ff05::1:2")])]))], quiet=""),
    Row("MLD done", "PN", NOTHING, lambda a: a.v6(
        a.me.local6, "ff02::2", ALERT, ICMPv6MLDone(mladdr="ff05::1:1"), hlim=1)),

    Part("Foreign sources"),
    Row("IPv4 from a foreign MAC address", "PN", MAC, lambda a: a.v4(
        a.me.ip4, ALL4, DATA, mac=FOREIGN_MAC)),
    Row("IPv6 from a foreign MAC address", "PN", MAC, lambda a: a.v6(
        a.me.ip6, ALL6, DATA, mac=FOREIGN_MAC)),
    Row("IPv4 from another pod's address", "PN", SPOOF, lambda a: a.v4(a.third.ip4, ALL4, DATA)),
    Row("IPv4 from the gateway's address", "P", SPOOF, lambda a: a.v4(
        a.gateway.ip4, a.victim.ip4, DATA, at=a.victim.mac)),
    Row("IPv4 from both", "PN", MAC, lambda a: a.v4(a.third.ip4, ALL4, DATA, mac=a.third.mac)),
    Row("IPv4 from 0.0.0.0, no DHCP", "PN", SPOOF, lambda a: a.v4(
        "0.0.0.0", "255.255.255.255", DATA)),
    Row("IPv4 in fragments, from another pod's address", "P", SPOOF, lambda a: fragment(a.v4(
        a.third.ip4, a.victim.ip4, UDP(sport=9, dport=9), Raw(b"x" * 3000), at=a.victim.mac))),
    Row("IPv6 from another pod's address", "PN", SPOOF, lambda a: a.v6(a.third.ip6, ALL6, DATA)),
    Row("IPv6 from another's link-local address", "PN", SPOOF, lambda a: a.v6(
        a.gateway.local6, ALL6, DATA)),
    Row("IPv6 from ::, no search for duplicates", "PN", SPOOF, lambda a: a.v6("::", ALL6, DATA)),
    Row("IPv6 from ::ffff:IPv4 of another pod", "P", SPOOF, lambda a: a.v6(
        "::ffff:" + a.third.ip4, a.victim.ip6, DATA, at=a.victim.mac)),
    Row("IPv6 with extension headers, from another pod", "P", SPOOF, lambda a: a.v6(
        a.third.ip6, a.victim.ip6, IPv6ExtHdrHopByHop(), OPTIONS, DATA, at=a.victim.mac)),
    Row("IPv4 from no subnet here, to the outside", "O", SPOOF, lambda a: a.v4(
        FOREIGN4, OUTSIDE4, DATA, at=a.gateway.mac), True),
    Row("IPv4 from no subnet here, by the gateway to a pod", "P", SPOOF, lambda a: a.v4(
        FOREIGN4, a.victim.ip4, DATA, at=a.gateway.mac), True, True),
    Row("IPv4 from another pod, to the outside", "M", SPOOF, lambda a: a.v4(
        a.third.ip4, OUTSIDE4, DATA, at=a.gateway.mac), True),
    Row("IPv6 from no subnet here, to the outside", "O", SPOOF, lambda a: a.v6(
        FOREIGN6, OUTSIDE6, DATA, at=a.gateway.mac), True),
    Row("IPv6 from no subnet here, by the gateway to a pod", "P", SPOOF, lambda a: a.v6(
        FOREIGN6, a.victim.ip6, DATA, at=a.gateway.mac), True, True),
    Row("IPv6 from another pod, to the outside", "M", SPOOF, lambda a: a.v6(
        a.third.ip6, OUTSIDE6, DATA, at=a.gateway.mac), True),
    Row("TCP of no connection (invalid), own source, to the outside", "", NOTHING, lambda a: a.v4(
        a.me.ip4, OUTSIDE4, TCP(sport=9, dport=9, flags="R"), at=a.gateway.mac), True),
    Row("TCP of no connection (invalid), from no subnet here", "O", SPOOF, lambda a: a.v4(
        FOREIGN4, OUTSIDE4, TCP(sport=9, dport=9, flags="R"), at=a.gateway.mac), True),

    Part("ARP"),
    Row("question from another's IP address", "PN", SPOOF, lambda a: a.arp(
        a.third.ip4, a.victim.ip4), quiet="N"),
    Row("answer with another's IP address", "P", SPOOF, lambda a: a.arp(
        a.third.ip4, a.victim.ip4, op=2, at=a.victim.mac, known=a.victim.mac)),
    Row("question from another's MAC address", "PN", SPOOF, lambda a: a.arp(
        a.me.ip4, a.third.ip4, mac=FOREIGN_MAC), quiet="N"),
    Row("gratuitous question, another's IP address", "PN", SPOOF, lambda a: a.arp(
        a.third.ip4, a.third.ip4), quiet="N"),
    Row("gratuitous answer, another's IP address", "PN", SPOOF, lambda a: a.arp(
        a.third.ip4, a.third.ip4, op=2)),
    Row("hardware type 6, another's IP address", "PN", SPOOF, lambda a: a.arp(
        a.third.ip4, a.victim.ip4, hwtype=6), quiet="N"),
    Row("hardware type 6, another's MAC address", "PN", SPOOF, lambda a: a.arp(
        a.me.ip4, a.victim.ip4, hwtype=6, mac=FOREIGN_MAC), quiet="N"),
    Row("probe (from 0.0.0.0) for another's address", "PN", SPOOF, lambda a: a.arp(
        "0.0.0.0", a.third.ip4), quiet="N"),

    Part("IPv6's neighbours and routers"),
    Row("NS from :: for another's address", "PN", SPOOF, lambda a: a.ns("::", a.third.ip6),
        quiet=""),
    Row("NS with another's MAC address", "PN", SPOOF, lambda a: a.ns(
        a.me.ip6, a.victim.ip6, ICMPv6NDOptSrcLLAddr(lladdr=FOREIGN_MAC)), quiet="P"),
    Row("NS with another's MAC address in a second option", "PN", SPOOF, lambda a: [a.ns(
        a.me.ip6, a.victim.ip6, first, ICMPv6NDOptSrcLLAddr(lladdr=FOREIGN_MAC))
        for first in (ICMPv6NDOptSrcLLAddr(lladdr=a.me.mac),
                      ICMPv6NDOptUnknown(type=14, len=1, data=b"123456"))], quiet="P"),
    Row("NA with another's MAC address", "PN", SPOOF, lambda a: a.na(
        a.me.ip6, a.me.ip6, ICMPv6NDOptDstLLAddr(lladdr=FOREIGN_MAC))),
    Row("NA with another's MAC address in a second option", "PN", SPOOF, lambda a: a.na(
        a.me.ip6, a.me.ip6, ICMPv6NDOptDstLLAddr(lladdr=a.me.mac),
        ICMPv6NDOptDstLLAddr(lladdr=FOREIGN_MAC))),
    Row("NA of another's address", "PN", SPOOF, lambda a: a.na(
        a.me.ip6, a.third.ip6, ICMPv6NDOptDstLLAddr(lladdr=a.me.mac))),
    *(Row(f"NA of another's address behind {what}", "PN", SPOOF, lambda a, before=before: a.na(
        a.me.ip6, a.third.ip6, ICMPv6NDOptDstLLAddr(lladdr=a.me.mac), before=before))
      for what, before in (("hop-by-hop options", [IPv6ExtHdrHopByHop()]),
                           ("destination options", [OPTIONS]),
                           ("a fragment header", [IPv6ExtHdrFragment()]))),
    Row("RS with another's MAC address", "PN", SPOOF, lambda a: a.v6(
        a.me.local6, ALL6, ICMPv6ND_RS(), ICMPv6NDOptSrcLLAddr(lladdr=FOREIGN_MAC))),
    Row("RA", "PN", SPOOF, lambda a: a.ra()),
    Row("RA to one pod", "P", SPOOF, lambda a: a.ra(to=a.victim.local6, at=a.victim.mac)),
    *(Row(f"RA behind {what}", "PN", SPOOF, lambda a, before=before: a.ra(*before))
      for what, before in (("hop-by-hop options", [IPv6ExtHdrHopByHop()]),
                           ("destination options", [OPTIONS]),
                           ("both", [IPv6ExtHdrHopByHop(), OPTIONS]),
                           ("a fragment header", [IPv6ExtHdrFragment()]))),
    Row("RA in two fragments", "PN", SPOOF, lambda a: pieces6(a.ra(), 16)),
    Row("RA whose type is in the second fragment", "PN", SPOOF, lambda a: pieces6(
        a.ra(OPTIONS), 8)),
    Row("RA with VLAN tag 0", "PN", SPOOF, lambda a: a.ra(tags=[Dot1Q(vlan=0)])),
    Row("RA with VLAN tag 7", "PN", SPOOF, lambda a: a.ra(tags=[Dot1Q(vlan=7)])),
    *(Row(f"ICMPv6 redirect{what}", "P", SPOOF, lambda a, before=before: a.v6(
        a.me.local6, a.victim.ip6, *before, ICMPv6ND_Redirect(tgt=a.me.local6, dst=OUTSIDE6),
        at=a.victim.mac))
      for what, before in (("", []), (" behind options", [IPv6ExtHdrHopByHop(), OPTIONS]))),
    Row("ICMP redirect from the gateway's address", "P", SPOOF, lambda a: a.v4(
        a.gateway.ip4, a.victim.ip4, ICMP(type=5, code=1, gw=a.me.ip4),
        IP(src=a.victim.ip4, dst=OUTSIDE4), UDP(), at=a.victim.mac)),

    Part("Servers' answers"),
    Row("DHCPv4 offer to all", "PN", SPOOF, offer),
    Row("DHCPv4 offer to one pod", "P", SPOOF, lambda a: offer(a, a.victim.ip4, a.victim.mac)),
    Row("DHCPv4 offer in fragments", "P", SPOOF, lambda a: fragment(
        offer(a, a.victim.ip4, a.victim.mac), 64)),
    Row("DHCPv4 offer by the gateway", "P", SPOOF, lambda a: offer(
        a, a.victim.ip4, a.gateway.mac), True),
    Row("DHCPv6 advertise, reply", "P", SPOOF, lambda a: [
        advertise(a), advertise(a, kind=DHCP6_Reply)]),
    Row("DHCPv6 advertise behind options", "P", SPOOF, lambda a: advertise(
        a, IPv6ExtHdrHopByHop(), OPTIONS)),
    Row("DHCPv6 advertise in two fragments", "P", SPOOF, lambda a: pieces6(advertise(a), 8)),
    Row("DHCPv6 advertise, ports in the second fragment", "P", SPOOF, lambda a: pieces6(
        advertise(a, OPTIONS), 8)),

    Part("Below IP"),
    Row("IPv4 in a frame with VLAN tag 0", "PN", SPOOF, lambda a: a.v4(
        a.me.ip4, ALL4, DATA, tags=[Dot1Q(vlan=0)])),
    Row("802.1Q", "PN", SPOOF, lambda a: a.v4(a.me.ip4, ALL4, DATA, tags=[Dot1Q(vlan=7)])),
    Row("802.1ad", "PN", SPOOF, lambda a: a.v4(a.me.ip4, ALL4, DATA, tags=[Dot1AD(vlan=7)])),
    Row("QinQ", "PN", SPOOF, lambda a: a.v4(
        a.me.ip4, ALL4, DATA, tags=[Dot1AD(vlan=7), Dot1Q(vlan=8)])),
    *(Row(name, "PN", SPOOF, lambda a, kind=kind, at=at: a.other(kind, at)) for name, kind, at in (
        ("RARP", 0x8035, BROADCAST), ("PPPoE discovery", 0x8863, BROADCAST),
        ("PPPoE session", 0x8864, BROADCAST), ("MPLS", 0x8847, BROADCAST),
        ("PTP", 0x88F7, "01:1b:19:00:00:00"), ("an ethertype for experiments", 0x88B5, BROADCAST))),
    Row("IEEE 802.2 (LLC)", "PN", SPOOF, lambda a: a.llc(BROADCAST, LLC(dsap=4, ssap=4, ctrl=3))),
    Row("IPv4 in SNAP", "PN", SPOOF, lambda a: a.llc(
        BROADCAST, LLC(dsap=0xAA, ssap=0xAA, ctrl=3), SNAP(code=0x0800),
        IP(src=a.me.ip4, dst=ALL4), DATA)),
    Row("PVST+", "PN", SPOOF, lambda a: a.llc(
        "01:00:0c:cc:cc:cd", LLC(dsap=0xAA, ssap=0xAA, ctrl=3), SNAP(OUI=0x0C, code=0x010B),
        STP())),
    Row("BPDU (spanning tree)", "PN", SPOOF, lambda a: a.llc(
        "01:80:c2:00:00:00", LLC(dsap=0x42, ssap=0x42, ctrl=3), STP())),
    # A bridge gives these to the node without a look at any rule.
    Row("LLDP", "N", NOTHING, lambda a: a.other(0x88CC, "01:80:c2:00:00:0e")),
    Row("EAPOL", "N", SPOOF, lambda a: a.other(0x888E, "01:80:c2:00:00:03")),

    Part("Questions of multicast routers"),
    Row("IGMPv1 query", "PN", SPOOF, lambda a: a.igmp(
        "224.0.0.1", IGMP(type=0x11, mrcode=0, gaddr="0.0.0.0"))),
    Row("IGMPv2 query", "PN", SPOOF, lambda a: a.igmp(
        "224.0.0.1", IGMP(type=0x11, mrcode=100, gaddr="0.0.0.0"))),
    Row("IGMPv3 query", "PN", SPOOF, lambda a: a.igmp(
        "224.0.0.1", IGMPv3(type=0x11), IGMPv3mq(gaddr="0.0.0.0"))),
    *(Row(f"{name} query{what}", "PN", SPOOF, lambda a, query=query, before=before: a.v6(
        a.me.local6, ALL6, *before, query(), hlim=1))
      for name, query in (("MLDv1", ICMPv6MLQuery), ("MLDv2", ICMPv6MLQuery2))
      for what, before in (("", [ALERT]), (" without router alert", []))),
    Row("advertisement of a multicast router", "PN", SPOOF, lambda a: [
        a.igmp("224.0.0.106", IGMP(type=0x30)),
        a.v6(a.me.local6, "ff02::6a", ALERT, ICMPv6MRD_Advertisement(), hlim=1)], quiet="N"),
    Row("PIM hello", "PN", SPOOF, lambda a: [
        a.v4(a.me.ip4, "224.0.0.13", PIM, proto=103, ttl=1),
        a.v6(a.me.local6, "ff02::d", PIM, hlim=1, proto=103)], quiet=""),
]

BEHIND = [
    Part("From a pod of another node"),
    Row("IPv4 to a pod", "P", NOTHING, lambda a: a.v4(
        a.me.ip4, a.victim.ip4, DATA, at=a.gateway.mac), True, True),
    Row("IPv6 to a pod", "P", NOTHING, lambda a: a.v6(
        a.me.ip6, a.victim.ip6, DATA, at=a.gateway.mac), True, True),
    *(Row(f"IPv4 from {whom}", "P", SPOOF, lambda a, source=source: a.v4(
        source(a), a.victim.ip4, DATA, at=a.gateway.mac), True, True)
      for whom, source in (("no subnet here", lambda a: FOREIGN4),
                           ("another pod of the attacker's node", lambda a: a.me.ip4 + "9"),
                           ("another pod of the victim's node", lambda a: a.third.ip4))),
    *(Row(f"IPv6 from {whom}", "P", SPOOF, lambda a, source=source: a.v6(
        source(a), a.victim.ip6, DATA, at=a.gateway.mac), True, True)
      for whom, source in (("no subnet here", lambda a: FOREIGN6),
                           ("another pod of the attacker's node", lambda a: a.me.ip6 + "9"),
                           ("another pod of the victim's node", lambda a: a.third.ip6))),
    Row("DHCPv4 offer", "P", SPOOF, lambda a: offer(a, a.victim.ip4, a.gateway.mac), True, True),
    Row("IPv4 from no subnet here, to the other node itself", "N", SPOOF, lambda a: a.v4(
        FOREIGN4, a.node.address4, DATA, at=a.gateway.mac)),
    Row("IPv6 from no subnet here, to the other node itself", "N", SPOOF, lambda a: a.v6(
        FOREIGN6, a.node.address6, DATA, at=a.gateway.mac)),
]
