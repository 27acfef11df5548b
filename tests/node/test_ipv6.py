# SPDX-License-Identifier: GPL-2.0-or-later
"""IPv6: no waiting, pods that have it disabled, and router advertisements from pods."""
import socket
import struct
import time

import pytest

from harness.node import GATEWAY6, INTERNET6, network

ROUTER = "fe80::bad"


def ipv6_addresses(ns, ifname):
    return [a for link in ns.ip_json("-6", "addr", "show", "dev", ifname)
            for a in link["addr_info"] if a["scope"] == "global"]


def test_no_address_waits_for_duplicate_detection(node):
    pod = node.pod()
    node.add(pod, network("v6"))
    found = ipv6_addresses(pod, "eth0") + ipv6_addresses(node, "cni0")
    assert len(found) == 2
    assert not [a for a in found if a.get("tentative") or a.get("dadfailed")]
    # A tentative address could be no source here.
    assert pod.ping(GATEWAY6, wait=0.5) and pod.ping(INTERNET6, wait=0.5)


def test_a_pod_with_IPv6_disabled_gets_its_address(node):
    pod = node.pod()
    for where in ("all", "default"):
        pod.sysctl(f"ipv6.conf.{where}.disable_ipv6", 1)
    node.add(pod, network("dual"))
    assert pod.addresses("eth0") == ["10.1.2.2/24", "fd00:1:2::2/64"]
    assert pod.ping(INTERNET6)


def test_a_node_with_IPv6_disabled_by_default_gets_its_gateway(node):
    node.sysctl("ipv6.conf.default.disable_ipv6", 1)
    pod = node.pod()
    node.add(pod, network("dual"))
    assert pod.ping(GATEWAY6)


def test_IPv4_alone_works_where_IPv6_is_disabled(node):
    pod = node.pod()
    for ns in (node, pod):
        ns.sysctl("ipv6.conf.default.disable_ipv6", 1)
    node.add(pod, network("v4"))
    assert pod.ping("198.51.100.1")
    assert pod.sysctl("ipv6.conf.eth0.disable_ipv6") == "1"


# -- router advertisements (CVE-2020-10749)


def advertisement(prefix):
    """Type 134: be my default route for half an hour, and take an address of mine."""
    header = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0, 1800, 0, 0)
    option = struct.pack("!BBBBIII", 3, 4, 64, 0xc0, 3600, 3600, 0)
    return header + option + socket.inet_pton(socket.AF_INET6, prefix)


def advertise(pod, prefix):
    pod.ip(f"addr add {ROUTER}/64 dev eth0 nodad")
    index = pod.call(socket.if_nametoindex, "eth0")
    with pod.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sock:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        sock.bind((ROUTER, 0, 0, index))
        sock.sendto(advertisement(prefix), ("ff02::1", 0, 0, index))


def learned(node, bridge):
    """Routes and addresses that a bridge has from router advertisements."""
    routes = [r for r in node.routes(6)
              if r.get("dev") == bridge and r.get("protocol") == "ra"]
    return routes, [a for a in ipv6_addresses(node, bridge) if a.get("dynamic")]


def heard(node, bridge):
    def read():
        with open(f"/proc/thread-self/net/dev_snmp6/{bridge}") as file:
            return dict(line.split() for line in file)["Icmp6InRouterAdvertisements"]

    return int(node.call(read))


def until(condition, seconds=3):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "that never came"
        time.sleep(0.02)


def control(node):
    """A bridge as others make it, which does believe what a pod advertises."""
    pod = node.pod("control")
    node.ip_batch("link add ctl0 type bridge\n"
                  "link add ctl1 type veth peer name eth0 netns control\n"
                  "link set ctl1 master ctl0 up\n")
    node.sysctl("ipv6.conf.ctl0.accept_ra", 2)
    node.ip("link set ctl0 up")
    pod.ip("link set eth0 up")
    return pod


@pytest.mark.parametrize("families", ["v4", "dual"])
@pytest.mark.parametrize("made_before", [False, True])
def test_a_pods_router_advertisement_changes_nothing(node, families, made_before):
    if made_before:
        node.ip("link add cni0 type bridge")
    pod, believed = node.pod(), control(node)
    node.add(pod, network(families))
    if pod.sysctl("ipv6.conf.eth0.disable_ipv6") == "1":
        pod.sysctl("ipv6.conf.eth0.disable_ipv6", 0)
    advertise(believed, "2001:db8:c::")
    until(lambda: all(learned(node, "ctl0")))  # the advertisement does work
    advertise(pod, "2001:db8:d::")
    until(lambda: heard(node, "cni0") >= 1)  # it was received
    time.sleep(0.1)
    assert learned(node, "cni0") == ([], [])
    assert node.sysctl("ipv6.conf.cni0.accept_ra") == "0"


def test_a_bridge_that_somebody_has_believe_them_stops_that_with_the_next_ADD(node):
    node.add(node.pod(), network())
    node.sysctl("ipv6.conf.cni0.accept_ra", 1)
    node.add(node.pod(), network())
    assert node.sysctl("ipv6.conf.cni0.accept_ra") == "0"
