# SPDX-License-Identifier: GPL-2.0-or-later
"""Routes that others make to a node's podCIDR, or put in the place of the agent's."""
import pytest

from harness.waiting import wait_for

PODS4, PODS6 = "10.244.2.0/24", "fd00:244:0:2::/64"
GATEWAY4, GATEWAY6 = "192.0.2.12", "2001:db8:aaaa::12"  # node2's InternalIPs


@pytest.fixture(scope="module")
def node(shared):
    """Its agent looks at everything once an hour, and else at what the kernel tells."""
    one, _ = shared.node(), shared.node()
    one.start_agent("--resync-seconds", "3600")
    wait_for(one.ready)
    return one


def routes(node):
    """All to that podCIDR, the agent's among them."""
    return node.ip(f"route show root {PODS4}") + node.ip(f"-6 route show root {PODS6}")


def foreign(node):
    return node.metrics()['bridge_cni_nodes_unrouted{reason="foreign-route"}']


def refuses(kind):
    return f"route replace {kind} {PODS4} proto static", f"route del {kind} {PODS4} proto static"


def refuses6(kind, metric):
    return (f"-6 route replace {kind} {PODS6} metric {metric} proto static",
            f"-6 route del {kind} {PODS6} metric {metric} proto static")


@pytest.mark.parametrize("add, remove", [
    *map(refuses, ("blackhole", "unreachable", "prohibit", "throw")),
    refuses6("blackhole", 1024), refuses6("unreachable", 5),
    # The kernel drops an IPv4 route with its nexthop object, and sends no message of it.
    (f"nexthop add id 7 via 192.0.2.77 dev eth0\nroute replace {PODS4} nhid 7 proto static",
     "nexthop del id 7"),
])
def test_anothers_route_is_kept_and_named_as_long_as_it_is_there(node, add, remove):
    before = routes(node)
    for line in add.splitlines():
        node.ip(line)
    wait_for(lambda: foreign(node) == 1)
    assert "proto static" in routes(node) and node.ready()
    node.ip(remove)
    wait_for(lambda: routes(node) == before and foreign(node) == 0)
    assert "level=error" not in node.log()


@pytest.mark.parametrize("change", [
    f"route replace blackhole {PODS4} proto 98", f"-6 route replace unreachable {PODS6} proto 98",
    f"route append {PODS4} via {GATEWAY4} dev eth0 metric 7 proto 98",
    f"-6 route add {PODS6} via {GATEWAY6} dev eth0 metric 5 proto 98",
    f"-6 route append {PODS6} via 2001:db8:aaaa::77 dev eth0 proto 98",
    "route add blackhole 10.244.99.0/24 proto 98"])
def test_what_is_no_route_as_the_agents_goes_where_it_has_the_agents_protocol(node, change):
    before = routes(node), node.own_routes(), node.sealed()
    node.ip(change)
    wait_for(lambda: (routes(node), node.own_routes(), node.sealed()) == before and
             "10.244.99.0" not in node.ip("route show"))
    assert "level=error" not in node.log()
