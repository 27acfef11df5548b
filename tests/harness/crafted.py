# SPDX-License-Identifier: GPL-2.0-or-later
"""VXLAN packets as an attacker on the underlay makes them: any outer source, VNI and inner frame."""
import socket

from scapy.layers.inet import ICMP, IP, UDP
from scapy.layers.inet6 import ICMPv6EchoRequest, IPv6
from scapy.layers.l2 import Ether
from scapy.layers.vxlan import VXLAN
from scapy.packet import Raw

SOURCE_MAC = "02:00:00:00:66:66"


def inner_ping(source, target, target_mac, source_mac=SOURCE_MAC, data=b"crafted"):
    """A frame with an echo request."""
    ether = Ether(src=source_mac, dst=target_mac)
    if ":" in target:
        return ether / IPv6(src=source, dst=target) / ICMPv6EchoRequest(data=data)
    return ether / IP(src=source, dst=target) / ICMP() / Raw(data)


def inner_udp(source, target, target_mac, data, port, source_mac=SOURCE_MAC):
    """A frame with a datagram for that port."""
    packet = IPv6(src=source, dst=target) if ":" in target else IP(src=source, dst=target)
    return Ether(src=source_mac, dst=target_mac) / packet / UDP(sport=9, dport=port) / Raw(data)


def vxlan_packet(source, target, inner, vni, port=8472, source_port=49152, flags=0x08):
    """The IP packet that has that frame in it."""
    packet = IPv6(src=source, dst=target) if ":" in target else IP(src=source, dst=target)
    return packet / UDP(sport=source_port, dport=port) / VXLAN(vni=vni, flags=flags) / inner


def send_packet(ns, packet):
    """Sends an IP packet as it is; the kernel only finds the way to its destination."""
    family = socket.AF_INET6 if IPv6 is type(packet) else socket.AF_INET
    with ns.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW) as sock:
        sock.sendto(bytes(packet), (packet.dst, 0))


def send_vxlan(ns, source, target, inner, vni, **kw):
    send_packet(ns, vxlan_packet(source, target, inner, vni, **kw))
