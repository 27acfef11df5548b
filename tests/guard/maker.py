# SPDX-License-Identifier: GPL-2.0-or-later
"""Makes frames of an attacker's pod by scapy, each with its number."""
import functools
import socket

from scapy.layers.dhcp import BOOTP, DHCP
from scapy.layers.dhcp6 import DHCP6_Advertise
from scapy.layers.inet import IP, TCP, UDP, IPOption_Router_Alert
from scapy.layers.inet6 import (
    ICMPv6ND_NA, ICMPv6ND_NS, ICMPv6ND_RA, ICMPv6NDOptMTU, ICMPv6NDOptPrefixInfo,
    ICMPv6NDOptSrcLLAddr, IPv6, IPv6ExtHdrDestOpt, IPv6ExtHdrFragment, IPv6ExtHdrHopByHop,
    IPv6ExtHdrRouting, RouterAlert)
from scapy.layers.l2 import ARP, Dot3, Ether
from scapy.packet import Raw

from attack import BYTES, HIGH, SERVICE
from harness.node import OUTSIDE4

BROADCAST = "ff:ff:ff:ff:ff:ff"
FOREIGN_MAC = "0a:58:c0:ff:ee:01"  # nobody's
FOREIGN4, FOREIGN6 = "172.31.0.9", "fd00:31::9"  # of no subnet here
ALL4, ALL6 = "10.1.2.255", "ff02::1"
DATA = UDP(sport=9, dport=9) / b"data"
NEXT = {UDP: 17, TCP: 6, IPv6: 41, IPv6ExtHdrHopByHop: 0, IPv6ExtHdrRouting: 43,
        IPv6ExtHdrFragment: 44, IPv6ExtHdrDestOpt: 60}
ALERT = IPv6ExtHdrHopByHop(options=[RouterAlert()])
PIM = Raw(bytes.fromhex("2000dff3000100020069"))
OPTIONS = IPv6ExtHdrDestOpt()


class Maker:
    """Makes one frame. me, victim, third and gateway have the addresses (attack.Host)."""

    def __init__(self, scene, number):
        self.me, self.victim, self.third, self.gateway = (
            scene.attacker.host, scene.victim.host, scene.third.host, scene.gateway)
        self.node, self.number = scene.node, number
        self.mark = Raw(BYTES % number)

    def ether(self, target=BROADCAST, source=None, **kw):
        return Ether(dst=target, src=source or self.me.mac, **kw)

    def v4(self, source, target, *layers, at=None, mac=None, tags=(), **kw):
        """An IPv4 packet. at: the frame's destination; mac: its source; tags: in front of it."""
        packet = IP(src=source, dst=target, id=HIGH << 8 | self.number, tos=SERVICE, **kw)
        return join(self.ether(at or group4(target), mac), *tags, packet, *layers)

    def v6(self, source, target, *layers, at=None, mac=None, tags=(), hlim=255, proto=58):
        packet = [IPv6(src=source, dst=target, tc=SERVICE, fl=HIGH << 12 | self.number,
                       hlim=hlim), *(layer.copy() for layer in layers)]
        for layer, following in zip(packet, packet[1:]):
            if "nh" in layer.fieldtype:
                layer.nh = NEXT.get(type(following), proto)
        return join(self.ether(at or group6(target), mac), *tags, *packet)

    def arp(self, ip, target, mac=None, op=1, at=BROADCAST, known="00:00:00:00:00:00", **kw):
        return self.ether(at) / ARP(op=op, hwsrc=mac or self.me.mac, psrc=ip, hwdst=known,
                                    pdst=target, hwlen=6, **kw) / self.mark

    def ns(self, source, target, *options, at=None, **kw):
        return self.v6(source, solicited(target), ICMPv6ND_NS(tgt=target), *options, at=at, **kw)

    def na(self, source, target, *options, before=(), **kw):
        return self.v6(source, ALL6, *before, ICMPv6ND_NA(tgt=target, R=0, S=0, O=1), *options,
                       **kw)

    def ra(self, *before, to=ALL6, **kw):
        return self.v6(self.me.local6, to, *before, *RA, ICMPv6NDOptSrcLLAddr(lladdr=self.me.mac),
                       **kw)

    def igmp(self, target, *layers):
        return self.v4(self.me.ip4, target, *layers, ttl=1, options=[IPOption_Router_Alert()])

    def llc(self, target, *layers):
        return join(Dot3(dst=target, src=self.me.mac), *layers, self.mark)

    def other(self, kind, target=BROADCAST):
        """A frame of some protocol that a pod does not need."""
        return self.ether(target, type=kind) / self.mark


def final_frame(scene):
    """A frame with the number 0, which leaves for the outside in every mode."""
    maker = Maker(scene, 0)
    return bytes(maker.v4(maker.me.ip4, OUTSIDE4, maker.mark, at=maker.gateway.mac))


RA = (ICMPv6ND_RA(prf=1, routerlifetime=1800), ICMPv6NDOptMTU(mtu=1280),
      ICMPv6NDOptPrefixInfo(prefix="2001:db8:bad::", prefixlen=64))


def join(*layers):
    return functools.reduce(lambda packet, layer: packet / layer, layers)


def group4(target):
    if target.endswith(".255"):
        return BROADCAST
    a, b, c, d = socket.inet_aton(target)
    return f"01:00:5e:{b & 0x7f:02x}:{c:02x}:{d:02x}"


def group6(target):
    return "33:33:" + socket.inet_pton(socket.AF_INET6, target)[12:].hex(":")


def solicited(target):
    end = socket.inet_pton(socket.AF_INET6, target)[13:].hex()
    return f"ff02::1:ff{end[:2]}:{end[2:]}"


def pieces6(frame, size):
    """The frame's IPv6 packet in two fragments: the first one has `size` bytes of its payload."""
    head, data = frame[IPv6], bytes(frame[IPv6])[40:]
    return [frame.__class__(dst=frame.dst, src=frame.src) /
            IPv6(src=head.src, dst=head.dst, tc=head.tc, fl=head.fl, hlim=head.hlim) /
            IPv6ExtHdrFragment(nh=head.nh, offset=at // 8, m=at == 0, id=head.fl) / Raw(part)
            for at, part in ((0, data[:size]), (size, data[size:]))]


def offer(a, target="255.255.255.255", at=BROADCAST):
    return a.v4(a.me.ip4, target, UDP(sport=67, dport=68), BOOTP(op=2, yiaddr=a.victim.ip4),
                DHCP(options=[("message-type", "offer"), ("router", a.me.ip4), "end"]), at=at)


def advertise(a, *before, kind=DHCP6_Advertise):
    return a.v6(a.me.local6, a.victim.local6, *before, UDP(sport=547, dport=546), kind(),
                at=a.victim.mac)
