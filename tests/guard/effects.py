# SPDX-License-Identifier: GPL-2.0-or-later
"""What frames do to those who get them: a row each, with the frames and how one tells that they
did it."""
import functools
import json
import os
import threading
from typing import Callable, NamedTuple

from scapy.layers.inet import ICMP, IP
from scapy.layers.inet6 import (ICMPv6MLDMultAddrRec, ICMPv6MLQuery2, ICMPv6MLReport2,
                                ICMPv6NDOptDstLLAddr, ICMPv6NDOptSrcLLAddr, ICMPv6NDOptUnknown)

from attack import connected
from frames import MAC, SPOOF
from harness import plugin
from harness.node import OUTSIDE4
from maker import ALERT, ALL4, ALL6, DATA

WANTED6, ALSO6 = "fd00:1:2::77", "fd00:1:2::78"  # what new pods ask for


class Effect(NamedTuple):
    name: str
    way: str  # P: the frames have to reach the pod; N: the node; "": nobody takes them;
    # B: the node, which takes them where pods share a link
    stopped: str  # by which check, as in frames.py
    make: Callable
    took: Callable  # (scene, the frames): did they?
    known: bool = False  # with quietBridge who has what is known for good: nobody believes the frames


def neighbour(place, address):
    """The MAC address that a namespace has for an address."""
    return next((entry.get("lladdr") for entry in place.ip_json("neigh", "show", address)), None)


def router_taken(here, _):
    """Has the victim a route, an address or an MTU from a router advertisement?"""
    pod = here.victim
    return (any(route.get("protocol") == "ra" for route in pod.routes(6)) or
            any(a.startswith("2001:db8:bad:") for a in pod.addresses("eth0")) or
            pod.sysctl("ipv6.conf.eth0.mtu") == "1280")


def redirected(here, _):
    route, = here.victim.ip_json("route", "get", OUTSIDE4)
    return route.get("gateway") == here.attacker.host.ip4


def forwarding_entries(here, mac=None):
    """The addresses that the bridge has learned at the attacker's port."""
    out = here.node.run("bridge", "-j", "fdb", "show", "brport", here.port).stdout
    return [e["mac"] for e in json.loads(out) if mac in (None, e["mac"])]


def router_port(here, _):
    out = here.node.run("bridge", "-j", "-d", "mdb", "show", "dev", "cni0").stdout
    return here.port in json.dumps([entry.get("router") for entry in json.loads(out)])


def bridge_data(here):
    return here.node.links()["cni0"]["linkinfo"]["info_data"]


def random6():
    return "fe80::" + os.urandom(6).hex(":", 2)


def reports(a):
    """MLD reports of 4200 groups, in frames of 60. A bridge keeps 4096."""
    for first in range(0, 4200, 60):
        yield a.v6(a.me.local6, "ff02::16", ALERT, ICMPv6MLReport2(records=[
            ICMPv6MLDMultAddrRec(rtype=4, dst=f"ff05::2:{group:x}")
            for group in range(first, first + 60)]), hlim=1)


def duplicate(here, frames, address=WANTED6):
    """Is a new pod refused its IPv6 address, while the attacker says that it has it?"""
    stop = threading.Event()

    def claim():
        while not stop.wait(0.01):
            here.send(frames)

    thread = threading.Thread(target=claim)
    thread.start()
    try:
        connected(here.node, {**here.conf, "enabledad": True,
                              "runtimeConfig": {"ips": [address]}})
    except plugin.CniError as error:
        assert error.code == plugin.EXISTS
        return error.says("enabledad", address)
    finally:
        stop.set()
        thread.join()
    return False


EFFECTS = [
    Effect("a pod takes an ICMP redirect that claims to be the gateway's", "", SPOOF,
           # The first frame has the victim know the MAC address of the new gateway.
           lambda a: [a.arp(a.me.ip4, a.victim.ip4),
                      a.v4(a.gateway.ip4, a.victim.ip4, ICMP(type=5, code=1, gw=a.me.ip4),
                           IP(src=a.victim.ip4, dst=OUTSIDE4), ICMP(type=0), at=a.victim.mac)],
           redirected),
    Effect("a pod takes a route, an address or an MTU from an RA", "", SPOOF,
           lambda a: [a.ra()], router_taken),
    Effect("a pod sends to the attacker what is for the gateway, by ARP", "P", SPOOF,
           lambda a: [a.arp(a.gateway.ip4, a.victim.ip4, op=2, at=a.victim.mac,
                            known=a.victim.mac)],
           lambda here, _: neighbour(here.victim, here.gateway.ip4) == here.attacker.host.mac,
           known=True),
    Effect("a pod sends to the attacker what is for the gateway, by NA", "P", SPOOF,
           lambda a: [a.na(a.me.ip6, a.gateway.ip6, ICMPv6NDOptDstLLAddr(lladdr=a.me.mac))],
           lambda here, _: neighbour(here.victim, here.gateway.ip6) == here.attacker.host.mac,
           known=True),
    Effect("the node sends to the attacker what is for another pod, by ARP", "B", SPOOF,
           lambda a: [a.arp(a.victim.ip4, a.gateway.ip4, op=2, at=a.gateway.mac,
                            known=a.gateway.mac)],
           lambda here, _: neighbour(here.node, here.victim.host.ip4) == here.attacker.host.mac,
           known=True),
    Effect("the node sends to the attacker what is for another pod, by NA", "B", SPOOF,
           lambda a: [a.na(a.me.ip6, a.victim.ip6, ICMPv6NDOptDstLLAddr(lladdr=a.me.mac))],
           lambda here, _: neighbour(here.node, here.victim.host.ip6) == here.attacker.host.mac,
           known=True),
    Effect("the bridge sends to the attacker what is for another pod's MAC address", "N", MAC,
           lambda a: [a.v4(a.third.ip4, ALL4, DATA, mac=a.third.mac)],
           lambda here, _: forwarding_entries(here, here.third.host.mac), known=True),
    Effect("the bridge learns 2000 MAC addresses", "N", MAC,
           lambda a: [frame[:6] + b"\x0a" + os.urandom(5) + frame[12:]
                      for frame in [bytes(a.v4(a.me.ip4, ALL4, DATA))] * 2000],
           lambda here, _: len(forwarding_entries(here)) > 1500, known=True),
    Effect("the node keeps 40 neighbours that NS of random sources claim", "N", SPOOF,
           lambda a: [a.ns(random6(), a.gateway.ip6, ICMPv6NDOptSrcLLAddr(lladdr=a.me.mac))
                      for _ in range(40)],
           # No more of them: the kernel has one table for all of a machine's namespaces.
           lambda here, _: len(here.node.ip_json("-6", "neigh", "show", "dev", "cni0")) > 30),
    Effect("the node looks for 40 neighbours, because packets to unused addresses come", "N", "",
           lambda a: [a.v6(a.me.ip6, f"fd00:1:2::{n:x}", DATA, at=a.gateway.mac)
                      for n in range(0x7000, 0x7028)],
           lambda here, _: len(here.node.ip_json("-6", "neigh", "show",
                                                 "fd00:1:2::7000/112")) > 30),
    Effect("a query makes the attacker's port that of a multicast router", "N", SPOOF,
           lambda a: [a.v6(a.me.local6, ALL6, ALERT, ICMPv6MLQuery2(), hlim=1)], router_port,
           known=True),  # the bridge asks by itself, from a lower address
    Effect("MLD reports of 4200 groups end the bridge's snooping", "N", SPOOF,
           reports, lambda here, _: bridge_data(here)["mcast_snooping"] == 0),
    Effect("a new pod with enabledad is refused its address, by NS from ::", "P", SPOOF,
           lambda a: [a.ns("::", WANTED6, ICMPv6NDOptUnknown(type=14, len=1, data=b"123456"))],
           duplicate),
    Effect("a new pod with enabledad is refused its address, by NA", "P", SPOOF,
           lambda a: [a.na(a.me.ip6, ALSO6, ICMPv6NDOptDstLLAddr(lladdr=a.me.mac))],
           functools.partial(duplicate, address=ALSO6)),
]
