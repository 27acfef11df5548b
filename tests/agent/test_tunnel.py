# SPDX-License-Identifier: GPL-2.0-or-later
"""VXLAN between nodes in different subnets, whose routers have no route to any pod and drop what
isn't sent from a node's address."""
import pytest

from harness import tunnels, wire
from harness.cluster import INTERNET4
from harness.tunnels import (assert_a_node_reaches_a_pod_of_another, assert_own_addresses_are_seen,
                             await_routes, devices_of_routes, gateway6, let_in, network_address,
                             set_rp_filter, start)
from harness.waiting import wait_for


@pytest.fixture
def cluster(cluster):
    """Its link "b" is behind a router."""
    cluster.network("b")
    cluster.fabric.check_sources(routers=True)
    return cluster


def test_pods_behind_routers_see_each_others_own_addresses(cluster):
    """Among them a node with IPv6 alone, whose pods have IPv4 as well."""
    nodes = [cluster.node(), cluster.node(network="b", underlay="v6 v4"),
             cluster.node(network="b", underlay="v6")]
    start(*nodes)
    assert_own_addresses_are_seen([node.attach() for node in nodes])
    # Each sends by its own first InternalIP whose family the other has.
    to_second, to_third = (node.cidrs[0] for node in nodes[1:])
    assert devices_of_routes(nodes[0])[to_second] == "bcni-vxlan"
    assert devices_of_routes(nodes[0])[to_third] == "bcni-vxlan6"
    # Those on one link have direct routes, but for the family that one lacks.
    assert nodes[1].own_routes()[nodes[2].cidrs[1]] == nodes[2].address6
    assert devices_of_routes(nodes[1])[nodes[2].cidrs[0]] == "bcni-vxlan6"
    assert "bcni-vxlan" not in nodes[2].links()
    assert cluster.fabric.dropped() == 0


@pytest.mark.parametrize("families", ["v4", "v6"])
def test_pods_of_one_family(cluster, families):
    nodes = [cluster.node(families), cluster.node(families, network="b")]
    start(*nodes)
    assert_own_addresses_are_seen([node.attach() for node in nodes])
    for node in nodes:
        family = int(families[1])
        assert [a.split("/")[0] for a in node.addresses("bcni-vxlan")] == [
            network_address(node, family)]


@pytest.mark.parametrize("rp_filter", [0, 1, 2])
def test_a_node_reaches_pods_of_others_and_sends_to_them_for_clients(cluster, rp_filter):
    nodes = one, two = [cluster.node(), cluster.node(network="b")]
    for node in nodes:
        set_rp_filter(node, rp_filter)
    start(*nodes)
    pod = two.attach()
    one.attach()  # from now on the node forwards
    assert_a_node_reaches_a_pod_of_another(one, pod, cluster.link)
    assert cluster.fabric.dropped() == 0


def test_what_leaves_the_cluster_has_the_nodes_address(cluster):
    node, other = cluster.node(network="b"), cluster.node()
    start(node, other)
    pod = node.attach()
    wait_for(lambda: pod.ping(INTERNET4, wait=1))
    assert wire.source_seen(pod, cluster.link, INTERNET4) == node.address4
    # A node behind the router is no pod: it sees the node's address, not by the tunnel.
    assert wire.source_seen(pod, other, other.address4) == node.address4


def test_nodes_of_one_link_reach_each_other_directly_unless_the_tunnel_is_always_used(cluster):
    nodes = one, two = [cluster.node(), cluster.node()]
    start(*nodes)
    pods = [node.attach() for node in nodes]
    assert_own_addresses_are_seen(pods)
    assert one.own_routes()[two.cidrs[0]] == two.address4
    # The link begins to drop pods' addresses.
    cluster.fabric.check_sources(links=True)
    assert not pods[0].ping(pods[1].address4, wait=1)
    for node in nodes:
        node.stop_agent()
    start(*nodes, options=("--tunnel-always", "true"))
    for node in nodes:
        wait_for(lambda: {*devices_of_routes(node).values()} == {"bcni-vxlan"})
    dropped = cluster.fabric.dropped()
    assert_own_addresses_are_seen(pods)
    assert cluster.fabric.dropped() == dropped


def test_a_route_of_somebody_else_to_all_pods_hinders_no_tunnel(cluster):
    """Such as one of a VPN. The kernel takes no IPv6 gateway that it leads to."""
    nodes = one, _ = [cluster.node(), cluster.node(network="b")]
    one.ip_batch(f"route add 10.244.0.0/16 via {one.network.gateway4}\n"
                 f"route add fd00:244::/48 via {one.network.gateway6}\n")
    start(*nodes)
    assert_own_addresses_are_seen([node.attach() for node in nodes])


def test_a_node_that_only_receives_has_the_tunnel_and_its_routes_as_before(cluster):
    nodes = one, two = [cluster.node(), cluster.node()]
    far = cluster.node(network="b")
    for node in (*nodes, far):
        node.start_agent("--tunnel-receive", "vxlan")
    for node in (*nodes, far):
        node.await_ready()
    for node in nodes:
        wait_for(lambda: len(node.own_routes()) == 2)
    assert one.own_routes()[two.cidrs[0]] == two.address4
    # The agents learn of each other's tunnel one after the other.
    for neighbour in (network_address(two, 4), gateway6(far)):
        wait_for(lambda: one.ip("neigh show dev bcni-vxlan to", neighbour))
    # One sends by the tunnel already, the other one answers as before.
    pods = [node.attach() for node in nodes]
    one.stop_agent()
    one.start_agent("--tunnel", "vxlan", "--tunnel-always", "true")
    wait_for(lambda: devices_of_routes(one).get(two.cidrs[0]) == "bcni-vxlan")
    assert two.own_routes()[one.cidrs[0]] == one.address4
    assert_own_addresses_are_seen(pods)


def test_a_node_without_the_option_any_more_has_nothing_of_the_tunnel(cluster):
    nodes = one, two = [cluster.node(), cluster.node(network="b")]
    start(*nodes)
    one.stop_agent()
    one.start_agent()
    wait_for(one.ready)
    wait_for(lambda: not {"bcni-vxlan", "bcni-vxlan6"} & {*one.links()})
    assert one.own_routes() == {} and "tunnel removed" in one.log()
    assert "bridge_cni_tunnel" not in one.run("nft", "list", "tables").stdout
    assert one.metrics()['bridge_cni_nodes_unrouted{reason="not-on-link"}'] == 2
    # A cleanup leaves nothing of it on the other one.
    two.run(*two.agent_argv("--cleanup"))
    assert two.left() == []


def test_a_peer_that_moves_is_followed(cluster):
    nodes = one, two = [cluster.node(), cluster.node(network="b")]
    start(*nodes)
    pod = one.attach()
    # The same machine, with another address and then with another podCIDR.
    two.ip_batch(f"addr del {two.address4}/24 dev eth0\n"
                 f"addr add {two.network.node4.format(99)}/24 dev eth0\n"
                 f"route replace default via {two.network.gateway4}\n")
    two.address4 = two.network.node4.format(99)
    cluster.api.put(two.name, two.cidrs, [two.address4, two.address6])
    cluster.fabric.allow()
    wait_for(lambda: f"dst {two.address4} " in one.run("bridge", "fdb", "show", "dev",
                                                      "bcni-vxlan").stdout)
    # Its own agent doesn't wait for the connection that was made from the former address.
    wait_for(lambda: f"local {two.address4} " in two.ip("-d link show bcni-vxlan"), 5)
    await_routes(*nodes)
    old = two.attach()
    assert_own_addresses_are_seen([pod, old])

    former, two.cidrs = two.cidrs, ["10.244.77.0/24", "fd00:244:0:77::/64"]
    cluster.api.put(two.name, two.cidrs, [two.address4, two.address6])
    await_routes(*nodes)
    wait_for(lambda: sorted(two.addresses("bcni-vxlan")) == ["10.244.77.0/32",
                                                             "fd00:244:0:77::/128"])
    assert_own_addresses_are_seen([pod, two.attach()])
    # Pods of the former podCIDR are still reached.
    assert former[0] in devices_of_routes(one)
    assert_own_addresses_are_seen([pod, old])


def test_two_nodes_with_one_internal_ip_get_no_tunnel_and_are_named(cluster):
    one, two = cluster.node(), cluster.node(network="b")
    cluster.api.put("claimer", ["10.244.99.0/24"], [two.address4])
    one.start_agent("--tunnel", "vxlan")
    wait_for(lambda: 'unrouted{node="claimer",reason="shared-internal-ip"} 1' in
             one.page("/metrics")[1])
    assert f"dst {two.address4} " not in one.run("bridge", "fdb", "show", "dev",
                                                 "bcni-vxlan").stdout
    # The other address of the one that it was is nobody else's.
    assert f"dst {two.address6} " in one.run("bridge", "fdb", "show", "dev", "bcni-vxlan6").stdout
    assert "10.244.99.0/24" not in one.own_routes()
    # Nor is either let in by it.
    assert {outer for outer, _ in let_in(one)} == {two.address6}
    # Both are named, also the one that is reached by its other address.
    for name in ("claimer", two.name):
        assert f"node={name} address={two.address4}" in one.log()
    assert one.metrics()["bridge_cni_tunnel_addresses_shared"] == 2
    cluster.api.remove("claimer")
    wait_for(lambda: devices_of_routes(one).get(two.cidrs[0]) == tunnels.DEVICES[4])
    assert one.metrics()["bridge_cni_tunnel_addresses_shared"] == 0
