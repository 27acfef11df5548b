# SPDX-License-Identifier: GPL-2.0-or-later
"""How large packets between pods of two nodes may be, by the tunnel itself: nodes on two links,
with routers between them that take no packet of a pod."""
import errno
import re

import pytest

from harness.transfer import datagram, largest, transfer
from harness.waiting import wait_for, within
from conftest import made

VXLAN = ("--tunnel", "vxlan", "--tunnel-always", "true")
OVERHEAD = {"v4": 50, "v6": 70}
UNDERLAYS = ["v4", "v6"]


@pytest.fixture
def sized(tmp_path, request):
    """A cluster whose first link has the MTU that a test's parameter says."""
    with made(tmp_path, mtu=request.param) as cluster:
        yield cluster


def two_nodes(cluster, underlay, *options, start=True, **network):
    """On two links, with agents that are ready and have routes to each other."""
    cluster.network("b", **network)
    nodes = [cluster.node(network=name, underlay=underlay) for name in ("a", "b")]
    cluster.check_sources(routers=True)
    if start:
        go(nodes, *options)
    return nodes


def go(nodes, *options):
    for node in nodes:
        if node.agent:
            node.stop_agent()
        node.start_agent(*VXLAN, *options)
    for node in nodes:
        wait_for(node.ready)
        wait_for(lambda: len(node.own_routes()) == 2)


def addresses(pod):
    return pod.address4, pod.address6


def each_way(one, other):
    return [(one, other, address) for address in addresses(other)] + \
        [(other, one, address) for address in addresses(one)]


def assert_largest(sender, receiver, address, mtu):
    """Exactly these bytes arrive, and the sender's own kernel refuses one more."""
    assert sender.ping(address)  # a new bridge asks for IPv6 neighbours after a second
    full = largest(address, mtu)
    assert datagram(sender, receiver, address, full) is True
    assert datagram(sender, receiver, address, full + 1) == errno.EMSGSIZE


@pytest.mark.parametrize("underlay", UNDERLAYS)
@pytest.mark.parametrize("link", ["bridged", "routed"])
def test_the_largest_datagram_arrives_both_ways_and_no_larger_one(cluster, underlay, link):
    nodes = two_nodes(cluster, underlay, "--pod-link", link, "--spoof-check", "true")
    one, other = (node.attach() for node in nodes)
    for sender, receiver, address in each_way(one, other):
        assert_largest(sender, receiver, address, 1500 - OVERHEAD[underlay])
        transfer(sender, receiver, address, 8 << 20)


@pytest.mark.parametrize("underlay", UNDERLAYS)
def test_pods_of_before_the_tunnel_learn_what_fits(cluster, underlay):
    nodes = two_nodes(cluster, underlay, start=False)
    for node in nodes:
        node.start_agent("--spoof-check", "true")
        wait_for(node.conflist)
    old = [node.attach() for node in nodes]
    quick = [node.attach() for node in nodes]
    go(nodes, "--spoof-check", "true")
    new = [node.attach() for node in nodes]
    mtu = 1500 - OVERHEAD[underlay]
    for sender, receiver, address in [*each_way(*old), (old[0], new[1], new[1].address4),
                                      (new[0], old[1], old[1].address6)]:
        # The first datagram is lost, and tells the pod.
        if sender in old:
            assert datagram(sender, receiver, address, largest(address, 1500), wait=0.5) is None
        assert_largest(sender, receiver, address, mtu)
    for sender, receiver, address in each_way(*quick):
        transfer(sender, receiver, address, 8 << 20)


@pytest.mark.parametrize("underlay", UNDERLAYS)
def test_the_nodes_own_programs_have_the_same_limit(cluster, underlay):
    nodes = two_nodes(cluster, underlay)
    pod = nodes[1].attach()
    for address in addresses(pod):
        assert_largest(nodes[0], pod, address, 1500 - OVERHEAD[underlay])
        transfer(nodes[0], pod, address, 8 << 20)


@pytest.mark.parametrize("age", ["before", "after"])
@pytest.mark.parametrize("underlay", UNDERLAYS)
def test_a_hop_narrower_than_the_uplinks_is_found(cluster, underlay, age):
    nodes = two_nodes(cluster, underlay, start=False, hop_mtu=1400)
    for node in nodes if age == "before" else ():
        node.start_agent()
        wait_for(node.conflist)
    pods = [node.attach() for node in nodes] if age == "before" else None
    go(nodes)
    pods = pods or [node.attach() for node in nodes]
    for sender, receiver, address in each_way(*pods):
        transfer(sender, receiver, address, 8 << 20)
        full = largest(address, 1400 - OVERHEAD[underlay])
        assert datagram(sender, receiver, address, full) is True


@pytest.mark.parametrize("sized", [9000], indirect=True)
@pytest.mark.parametrize("underlay", UNDERLAYS)
def test_jumbo_frames_are_used(sized, underlay):
    pods = [node.attach() for node in two_nodes(sized, underlay, mtu=9000)]
    for sender, receiver, address in each_way(*pods):
        assert_largest(sender, receiver, address, 9000 - OVERHEAD[underlay])
        transfer(sender, receiver, address, 8 << 20)


def test_the_device_follows_the_uplinks_mtu(cluster):
    nodes = two_nodes(cluster, "v4 v6", "--resync-seconds", "3600")
    node = nodes[0]
    for mtu in (1500, 1420, 1500):
        node.ip(f"link set eth0 mtu {mtu}")
        within(node, 5, lambda: [node.links()[name]["mtu"] for name in ("bcni-vxlan", "bcni-vxlan6")] ==
               [mtu - OVERHEAD["v4"], mtu - OVERHEAD["v6"]])
        # A pod has one MTU for all peers: that of the underlay which takes more.
        within(node, 5, lambda: node.conf()["ipam"]["routes"][0]["mtu"] == mtu - OVERHEAD["v6"])


def test_a_peer_on_the_link_takes_full_frames_of_pods_of_before(cluster):
    """Where nodes of a link keep their direct route, nothing is smaller for those."""
    nodes = [cluster.node(underlay="v4") for _ in range(2)]
    for node in nodes:
        node.start_agent()
    for node in nodes:
        wait_for(node.ready)
    old = [node.attach() for node in nodes]
    for node in nodes:
        node.stop_agent()
        node.start_agent("--tunnel", "vxlan")
    for node in nodes:
        wait_for(node.ready)
        wait_for(lambda: re.search(r"mtu=1450", node.log()))
    new = [node.attach() for node in nodes]
    assert datagram(old[0], new[1], new[1].address4, largest("10.0.0.1", 1500)) is True
    assert_largest(new[0], old[1], old[1].address4, 1450)
