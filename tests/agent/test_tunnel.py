# SPDX-License-Identifier: GPL-2.0-or-later
"""VXLAN between nodes in different subnets, whose routers have no route to any pod and drop what
isn't sent from a node's address."""
import pytest

from harness import wire
from harness.waiting import wait_for


@pytest.fixture
def cluster(cluster):
    """Its link "b" is behind a router."""
    cluster.network("b")
    cluster.fabric.check_sources(routers=True)
    return cluster


def start(*nodes, mode="vxlan", options=()):
    """Agents that have a route to each podCIDR of the others."""
    for node in nodes:
        node.start_agent("--tunnel", mode, *options)
    for node in nodes:
        wait_for(node.ready, 20)
        others = {cidr for other in nodes if other is not node for cidr in other.cidrs}
        wait_for(lambda: others <= {*node.own_routes()}, 20)


def pairs(pods):
    """Addresses of the same family: (pod, its address, another pod, that one's address)."""
    return [(one, here, other, there) for one in pods for other in pods if one is not other
            for here, there in ((one.address4, other.address4), (one.address6, other.address6))
            if here and there]


def assert_own_addresses_are_seen(pods):
    for one, here, other, there in pairs(pods):
        # The kernel checks the link-local address of a bridge just made for a second.
        wait_for(lambda: one.ping(there, wait=1))
        assert wire.source_seen(one, other, there) == here


def test_pods_behind_routers_see_each_others_own_addresses(cluster):
    """Among them a node with IPv6 alone, whose pods have IPv4 as well."""
    nodes = [cluster.node(), cluster.node(network="b", underlay="v6 v4"),
             cluster.node(network="b", underlay="v6")]
    start(*nodes)
    assert_own_addresses_are_seen([node.attach() for node in nodes])
    assert cluster.fabric.dropped() == 0
