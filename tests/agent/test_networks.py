# SPDX-License-Identifier: GPL-2.0-or-later
"""The tests' own networks: routers forward between links, have no route to pods, and drop what isn't
sent from a node's address where they are to; a node with IPv6 alone reaches the API server."""
import pytest

from harness.waiting import ANSWER, wait_for


@pytest.fixture
def nodes(cluster):
    """Two on the first link, and two behind routers, of which the last has IPv6 alone."""
    cluster.network("b")
    return [cluster.node(), cluster.node(), cluster.node(network="b", underlay="v6 v4"),
            cluster.node(network="b", underlay="v6")]


def reaches(sender, address):
    return sender.ping(address, wait=1)


def addresses_of_both(one, other):
    return [there for here, there in ((one.address4, other.address4), (one.address6, other.address6))
            if here and there]


def test_routers_forward_between_links(nodes):
    for one in nodes:
        for other in nodes:
            for address in addresses_of_both(one, other) if one is not other else ():
                assert one.ping(address), (one.name, address)
    assert "10.244" not in nodes[0].cluster.fabric.router.ip("route")


def test_nodes_that_were_there_before_a_link_reach_it(cluster):
    before = cluster.node()
    cluster.network("b")
    cluster.network("c")
    for name in ("b", "c"):
        node = cluster.node(network=name)
        assert before.ping(node.address4) and before.ping(node.address6)


def test_InternalIPs_are_in_the_order_that_is_asked_for(nodes):
    def of(node):
        addresses = node.cluster.api.nodes[node.name]["status"]["addresses"]
        return [a["address"] for a in addresses if a["type"] == "InternalIP"]

    assert of(nodes[0]) == [nodes[0].address4, nodes[0].address6]
    assert of(nodes[2]) == [nodes[2].address6, nodes[2].address4]
    assert of(nodes[3]) == [nodes[3].address6] and nodes[3].addresses("eth0") == [
        f"{nodes[3].address6}/64"]


def test_agents_behind_routers_reach_the_API_server(nodes):
    """One has IPv6 alone. They are on two links, and each has a direct route to its link's other."""
    for node in nodes:
        node.start_agent()
    for node in nodes:
        wait_for(node.ready)
    for one, other in zip(nodes, (nodes[1], nodes[0], nodes[3], nodes[2])):
        wait_for(lambda: one.own_routes().get(other.cidrs[1]) == other.address6)
        behind = f'bridge_cni_node_unrouted{{node="{nodes[(one.number + 1) % 4].name}"'
        assert any(name.startswith(behind) for name in one.metrics())


@pytest.mark.parametrize("where", ["routers", "links"])
def test_a_source_check_drops_what_no_node_has_as_an_address(cluster, nodes, where):
    """That of routers lets it pass within a link, that of links does not."""
    one, two, far, _ = nodes
    one.ip_batch("addr add 192.0.2.77/32 dev eth0\naddr add 2001:db8:aaaa::77/128 dev eth0 "
                 "nodad preferred_lft 0\n")  # no choice of the kernel

    def passes(target, family, wait=None):
        address = getattr(target, f"address{family}")
        source = {4: "192.0.2.77", 6: "2001:db8:aaaa::77"}[family]
        return one.ping(address, wait, source)

    one.uses("2001:db8:aaaa::77")
    for family in (4, 6):
        assert passes(two, family) and passes(far, family)
    cluster.check_sources(**{where: True})
    for family in (4, 6):
        dropped = cluster.fabric.dropped()
        assert not passes(far, family, wait=1) and cluster.fabric.dropped() == dropped + 1
        if where == "routers":
            assert passes(two, family)
        else:
            assert not passes(two, family, wait=1)
        assert one.ping(getattr(far, f"address{family}")), "a node's own address passes"
    new = cluster.node(network="b")
    assert new.ping(one.address4) and new.ping(one.address6), "a new node's passes, too"
    cluster.check_sources()
    assert passes(two, 4) and passes(far, 6)


def test_a_hop_may_be_narrower_than_the_links(cluster):
    cluster.network("b", hop_mtu=1400)
    one, other = cluster.node(), cluster.node(network="b")

    def told(sender, address, size):
        """What ping says of a datagram of that size, IP header and all, that must not be split."""
        head = 48 if ":" in address else 28
        done = sender.run("ping", "-n", "-c1", f"-W{ANSWER}", "-Mdo", f"-s{size - head}", address, check=False)
        return done.returncode == 0, done.stdout + done.stderr

    for sender, receiver in ((one, other), (other, one)):
        for address in (receiver.address4, receiver.address6):
            assert told(sender, address, 1400)[0]
            passed, words = told(sender, address, 1401)
            assert not passed and "mtu" in words.lower(), words


def test_links_have_the_MTU_that_is_asked_for(cluster):
    cluster.network("b", mtu=9000)
    one, two = cluster.node(network="b"), cluster.node(network="b")
    assert one.links()["eth0"]["mtu"] == 9000
    done = one.run("ping", "-n", "-c1", "-Mdo", "-s8972", two.address4)
    assert done.returncode == 0
