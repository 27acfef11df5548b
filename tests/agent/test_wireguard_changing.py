# SPDX-License-Identifier: GPL-2.0-or-later
"""A running cluster's tunnel becomes WireGuard, and VXLAN again, and no packet between pods is
lost. It goes on from test_tunnel_changing.py."""
from harness.pinging import pinging
from harness.tunnels import devices_of_routes, pairs, start
from harness.waiting import wait_for
from harness.wireguard import DEVICE, KEYS, needs_wireguard, public_key, shown

pytestmark = needs_wireguard

VXLAN, WIREGUARD = "vxlan", "wireguard"
DEVICES = {VXLAN: "bcni-vxlan", WIREGUARD: DEVICE}


def await_keys(nodes):
    """Each node's device takes packets of the other one, which it knows by its key. An agent may be ready
    before the others have heard of its key: the manifest's minReadySeconds gives them that time."""
    for node, other in (nodes, nodes[::-1]):
        wait_for(lambda: public_key(other) in shown(node)[1])


def roll_out(nodes, tunnel, receive):
    """One node after the other gets these options; afterwards all routes lead by that tunnel."""
    for node in nodes:
        node.stop_agent()
        node.start_agent("--tunnel", tunnel, "--tunnel-receive", receive)
        wait_for(node.ready)
    for node, other in (nodes, nodes[::-1]):
        wait_for(lambda: {devices_of_routes(node).get(cidr) for cidr in other.cidrs} ==
                         {DEVICES[tunnel]})
    if WIREGUARD in (tunnel, receive):
        await_keys(nodes)


def test_no_packet_is_lost_from_vxlan_to_wireguard_and_back(cluster):
    cluster.network("b")
    cluster.check_sources(routers=True)
    nodes = [cluster.node(), cluster.node(network="b")]
    start(*nodes)
    pods = [node.attach() for node in nodes]
    ways = [(one, there) for one, _, _, there in pairs(pods)]
    for one, there in ways:
        assert one.ping(there)
    with pinging(ways) as pinger:
        roll_out(nodes, VXLAN, WIREGUARD)
        roll_out(nodes, WIREGUARD, VXLAN)
        roll_out(nodes, WIREGUARD, "none")
        for node in nodes:
            wait_for(lambda: DEVICES[VXLAN] not in node.links())
        roll_out(nodes, WIREGUARD, VXLAN)
        roll_out(nodes, VXLAN, WIREGUARD)
        roll_out(nodes, VXLAN, "none")
        for node in nodes:
            wait_for(lambda: DEVICE not in node.links() and
                             KEYS not in cluster.api.annotations(node.name))
    assert pinger.lost() == {}


def test_no_packet_is_lost_from_direct_routes_of_one_link_to_wireguard(cluster):
    """With VXLAN for nodes of other links alone, nodes of one link send to each other directly."""
    nodes = [cluster.node(), cluster.node()]
    start(*nodes)
    pods = [node.attach() for node in nodes]
    ways = [(one, there) for one, _, _, there in pairs(pods)]
    for one, there in ways:
        assert one.ping(there)
    with pinging(ways) as pinger:
        for node in nodes:
            node.stop_agent()
            node.start_agent("--tunnel", VXLAN, "--tunnel-receive", WIREGUARD)
            wait_for(node.ready)
        await_keys(nodes)
        assert {*devices_of_routes(nodes[0]).values()} == {"eth0"}
        roll_out(nodes, WIREGUARD, VXLAN)
        roll_out(nodes, WIREGUARD, "none")
    assert pinger.lost() == {}
