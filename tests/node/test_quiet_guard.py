# SPDX-License-Identifier: GPL-2.0-or-later
"""quietBridge: no pod takes another's MAC address, and CHECK tells of pods that have several."""
import socket
import struct

import pytest

from harness import plugin
from harness.node import GATEWAY4, addresses_of, named, network
from harness.quiet import (ARP, REPLY, REQUEST, arp, assert_quiet, attached, bridge_mac, hearing,
                           inner, mac_of, neighbours, of_pod, packed, quiet)
from harness.wire import BROADCAST, listening, send_frame


# -- protection


def say(pod, source):
    """A frame that says that the pod has this MAC address."""
    with pod.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind(("eth0", 0))
        for _ in range(3):
            sock.send(packed(BROADCAST) + packed(source) + struct.pack("!H", 0x88b5) + bytes(46))


@pytest.mark.parametrize("is_quiet", [True, False])
def test_no_pod_takes_anothers_MAC_address(node, is_quiet):
    (thief, victim, third), results = attached(node, network("v4", quietBridge=is_quiet), 3)
    assert third.ping(addresses_of(results[1])[0])
    # With a frame of the victim's own, such as of IPv6's multicast groups, the bridge finds it again.
    victim.sysctl("ipv6.conf.eth0.disable_ipv6", 1)
    with listening(thief, "eth0") as stolen, listening(victim, "eth0") as arrived:
        say(thief, mac_of(results[1]))
        send_frame(third, "eth0", mac_of(results[1]), b"for the victim")
    assert (b"for the victim" in arrived, b"for the victim" in stolen) == (is_quiet, not is_quiet)


def test_no_pod_takes_the_gateways_MAC_address(node):
    (thief, other), results = attached(node, quiet("v4"))
    say(thief, bridge_mac(results[0]))
    with listening(thief, "eth0") as stolen, listening(node, "cni0") as arrived:
        send_frame(other, "eth0", bridge_mac(results[0]), b"for the node")
    assert stolen == [] and b"for the node" in arrived
    assert other.ping(GATEWAY4)


def test_no_pod_says_that_it_has_anothers_address_or_the_gateways(node):
    """Neither the node nor pods that know their gateway for good believe it."""
    (liar, victim), (_, result) = attached(node, quiet("v4"))
    address, its = addresses_of(result)[0], mac_of(result)
    mine = liar.links()["eth0"]["address"]
    with liar.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind(("eth0", 0))
        for spa in (address, GATEWAY4):
            for op in (REQUEST, REPLY):
                sock.send(packed(BROADCAST) + packed(mine) + struct.pack("!H", ARP) +
                          arp(op, mine, spa, spa, mine))
    assert neighbours(node)[address] == its
    assert neighbours(victim, "eth0") == {GATEWAY4: bridge_mac(result)}
    assert victim.ping(GATEWAY4) and node.ping(address)


@pytest.mark.parametrize("whose", ["another's", "the gateway's"])
def test_a_MAC_address_that_is_taken_is_refused(node, whose):
    first, second = node.pod(), node.pod()
    result = node.add(first, quiet("v4"))
    mac = mac_of(result) if whose == "another's" else bridge_mac(result)
    conf = quiet("v4", runtimeConfig={"mac": mac})
    with plugin.refusal(plugin.EXISTS, mac):
        node.add(second, conf)
    node.assert_nothing_left(second, others=1)
    assert neighbours(node) == of_pod(result)
    assert_quiet(node, first, result, quiet("v4"))


def test_an_announcement_comes_to_all(node):
    """The bridge answers a gratuitous request by itself: it would change no cache."""
    conf, mac = quiet("v4"), "02:00:00:00:00:42"
    (asker, old), (_, result) = attached(node, conf)
    address = addresses_of(result)[0]
    assert asker.ping(address)
    node.delete(old, conf)
    new = node.pod()
    with hearing(asker, ARP) as heard:
        node.add(new, quiet("v4", runtimeConfig={"mac": mac, "ips": [address]}))
    assert [struct.unpack("!H", frame[20:22])[0] for frame in heard] == [REPLY]
    assert mac in asker.ip(f"neigh show {address}") and asker.ping(address)


# -- pods that speak with other MAC addresses


def test_CHECK_tells_of_a_pod_that_speaks_with_another_MAC_address(node):
    conf, pod = quiet("v4"), node.pod()
    result = node.add(pod, conf)
    inner(pod)
    with plugin.refusal(plugin.CHECK, "quietBridge", "vrrp", "02:00:00:00:00:55"):
        node.check(pod, conf, result)
    pod.ip("link del vrrp")
    node.check(pod, conf, result)


def test_CHECK_tells_of_a_bridge_in_the_pod(node):
    """KubeVirt's bridge binding puts the pod's interface into one, with the machine's tap."""
    conf, pod = quiet("v4"), node.pod()
    result = node.add(pod, conf)
    pod.ip("link add inside address 02:00:00:00:00:56 type bridge")
    pod.ip("link set eth0 master inside")
    with plugin.refusal(plugin.CHECK, "quietBridge", "inside"):
        node.check(pod, conf, result)


@pytest.mark.parametrize("is_quiet", [True, False])
def test_such_a_pod_works_without_the_key_alone(node, is_quiet):
    conf = network("v4", quietBridge=is_quiet)
    (pod, other), _ = attached(node, conf)
    inner(pod)
    assert other.ping("10.1.2.200", wait=0.5 if is_quiet else 3) is not is_quiet


def test_CHECK_tells_of_a_MAC_address_that_a_later_plugin_has_set(node):
    conf, pod = quiet("v4"), node.pod()
    result = node.add(pod, conf)
    pod.ip("link set eth0 address 02:00:00:00:00:57")
    named(result, sandbox=True)[0]["mac"] = "02:00:00:00:00:57"
    with plugin.refusal(plugin.CHECK, "quietBridge", "fixed entry"):
        node.check(pod, conf, result)
