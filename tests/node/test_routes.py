# SPDX-License-Identifier: GPL-2.0-or-later
"""Routes of the pod, forwarding on the node, and whose address the world sees."""
import socket

import pytest

from harness import plugin
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, NODE4, NODE6, UPLINK,
                          addresses_of, network)
from harness.wire import source_seen


def defaults(pod, family):
    return [r for r in pod.routes(family) if r["dst"] == "default"]


PLAIN = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]
WITH_GATEWAY = [{"dst": "0.0.0.0/0", "gw": GATEWAY4}, {"dst": "::/0", "gw": GATEWAY6}]


@pytest.mark.parametrize("routes, is_default", [
    (None, True), (PLAIN, True), (PLAIN, False), (WITH_GATEWAY, True),
    (WITH_GATEWAY, False)])
def test_the_default_route_is_there_once(node, routes, is_default):
    """Whether isDefaultGateway, ipam.routes or both ask for it."""
    pod = node.pod()
    result = node.add(pod, network("dual", isDefaultGateway=is_default, isGateway=True,
                                   ipam={"routes": routes}))
    for family, gateway in ((4, GATEWAY4), (6, GATEWAY6)):
        assert [r["gateway"] for r in defaults(pod, family)] == [gateway]
    assert sorted(r["dst"] for r in result["routes"]) == ["0.0.0.0/0", "::/0"]


def test_routes_of_the_ipam_go_by_their_gateway_or_the_pods(node):
    pod = node.pod()
    result = node.add(pod, network(ipam={"routes": [
        {"dst": "198.18.0.0/15"}, {"dst": "203.0.113.0/24", "gw": "10.1.2.77"}]}))
    routes = {r["dst"]: r.get("gateway") for r in pod.routes()}
    assert routes["198.18.0.0/15"] == GATEWAY4
    assert routes["203.0.113.0/24"] == "10.1.2.77"
    assert {"198.18.0.0/15", "203.0.113.0/24", "0.0.0.0/0"} == \
        {r["dst"] for r in result["routes"]}


ATTRIBUTES = {
    "mtu": ({"mtu": 1300}, {"metrics": [{"mtu": 1300}]}),
    "advmss": ({"advmss": 1200}, {"metrics": [{"advmss": 1200}]}),
    "priority": ({"priority": 77}, {"metric": 77}),
    "table": ({"table": 1042}, {"table": "1042"}),
    "a small table": ({"table": 42}, {"table": "42"}),
    "table 0, the main one": ({"table": 0}, {}),
    "all": ({"mtu": 1300, "advmss": 1200, "priority": 77, "table": 1042},
            {"metrics": [{"mtu": 1300, "advmss": 1200}], "metric": 77, "table": "1042"}),
}
DESTINATIONS = [(4, "198.18.0.0/15"), (6, "fd00:9::/32")]


def route_to(pod, family, destination):
    found, = [r for r in pod.ip_json(f"-{family}", "route", "show", "table", "all")
              if r["dst"] == destination]
    return found


@pytest.mark.parametrize("what", ATTRIBUTES)
def test_a_route_has_in_the_kernel_what_was_asked_for(node, what):
    asked, expected = ATTRIBUTES[what]
    pod = node.pod()
    conf = network("dual", ipam={"routes": [{"dst": d, **asked} for _, d in DESTINATIONS]})
    result = node.add(pod, conf)
    for family, destination in DESTINATIONS:
        route = route_to(pod, family, destination)
        assert {key: route.get(key) for key in expected} == expected
        assert "table" in expected or "table" not in route
        told, = [r for r in result["routes"] if r["dst"] == destination]
        if plugin.NEWEST >= "1.1.0":
            assert {k: v for k, v in told.items() if k in asked} == asked
    node.check(pod, conf, result)


@pytest.mark.parametrize("scope, name", [(0, None), (200, "site")])
def test_a_scope_is_the_kernels_for_IPv4(node, scope, name):
    """IPv6 has none: the kernel takes and forgets it."""
    pod = node.pod()
    conf = network("dual", ipam={"routes": [{"dst": d, "scope": scope}
                                            for _, d in DESTINATIONS]})
    result = node.add(pod, conf)
    assert route_to(pod, 4, "198.18.0.0/15").get("scope") == name
    node.check(pod, conf, result)
    pod.ip("route replace 198.18.0.0/15 via 10.1.2.1 scope 201")
    with pytest.raises(plugin.CniError) as error:
        node.check(pod, conf, result)
    error.value.says("198.18.0.0/15")


def test_a_scope_that_no_gateway_can_have_is_refused_in_the_kernels_words(node):
    pod = node.pod()
    with plugin.refusal(plugin.KERNEL, "198.18.0.0/15", "Nexthop has invalid"):
        node.add(pod, network(ipam={"routes": [{"dst": "198.18.0.0/15", "scope": 253}]}))
    node.assert_nothing_left(pod)


def test_a_gateway_of_the_configuration_is_the_bridges(node):
    pod = node.pod()
    node.add(pod, network(ipam={"ranges": [[{"subnet": "10.1.2.0/24",
                                             "gateway": "10.1.2.254"}]]}))
    assert node.addresses("cni0") == ["10.1.2.254/24"]
    assert [r["gateway"] for r in defaults(pod, 4)] == ["10.1.2.254"]
    assert pod.ping(INTERNET4)


@pytest.mark.parametrize("families, v4, v6", [("v4", "1", "0"), ("v6", "0", "1"),
                                              ("dual", "1", "1")])
def test_forwarding_is_turned_on_for_the_families_in_use(node, families, v4, v6):
    assert node.sysctl("ipv4.ip_forward", 0) == "0"
    node.add(node.pod(), network(families))
    assert node.sysctl("ipv4.ip_forward") == v4
    assert node.sysctl("ipv6.conf.all.forwarding") == v6


def test_an_RA_route_survives_forwarding(node):
    """With forwarding on, the kernel drops router advertisements unless accept_ra=2."""
    router = "fe80::1"
    node.ip(f"-6 route add default via {router} dev {UPLINK} metric 512 proto ra")
    node.ip("link add other0 type veth peer name other1")
    node.add(node.pod(), network("v6"))
    assert node.sysctl(f"ipv6.conf.{UPLINK}.accept_ra") == "2"
    assert node.sysctl("ipv6.conf.other0.accept_ra") == "1"
    assert [r for r in node.routes(6) if r.get("gateway") == router]


@pytest.mark.parametrize("nexthop_object", [False, True])
def test_an_RA_route_of_several_next_hops_survives_forwarding(node, nexthop_object):
    node.ip_batch(f"""
        link add other0 type veth peer name other1
        link set other0 up
        link set other1 up
        """)
    hops = [f"via fe80::1 dev {name}" for name in (UPLINK, "other0")]
    if nexthop_object:
        node.sysctl("ipv4.nexthop_compat_mode", 0)
        node.ip_batch("\n".join([f"nexthop add id {i} {hop}" for i, hop in enumerate(hops, 1)] +
                                ["nexthop add id 3 group 1/2",
                                 "route add ::/0 nhid 3 metric 512 proto ra"]))
    else:
        node.ip("-6 route add default metric 512 proto ra " +
                " ".join(f"nexthop {hop}" for hop in hops))
    node.add(node.pod(), network("v6"))
    assert node.sysctl(f"ipv6.conf.{UPLINK}.accept_ra") == "2"
    assert node.sysctl("ipv6.conf.other0.accept_ra") == "2"


def test_CHECK_knows_each_next_hop_of_a_route(node):
    """Two entries with one destination: the kernel makes one route of IPv6's."""
    gateways = ["fd00:1:2::11", "fd00:1:2::12"]
    pod = node.pod()
    conf = network("v6", ipam={"routes": [{"dst": "fd00:9::/32", "gw": gw} for gw in gateways]})
    result = node.add(pod, conf)
    assert len(route_to(pod, 6, "fd00:9::/32")["nexthops"]) == 2
    node.check(pod, conf, result)
    pod.ip(f"-6 route del fd00:9::/32 via {gateways[1]}")
    with plugin.refusal(plugin.CHECK, "fd00:9::/32", gateways[1]):
        node.check(pod, conf, result)


def test_accept_ra_is_left_alone_where_forwarding_is_on_already(node):
    node.sysctl("ipv6.conf.all.forwarding", 1)
    node.ip(f"-6 route add default via fe80::1 dev {UPLINK} metric 512 proto ra")
    node.add(node.pod(), network("v6"))
    assert node.sysctl(f"ipv6.conf.{UPLINK}.accept_ra") == "1"


@pytest.mark.parametrize("families, target, seen", [("v4", INTERNET4, NODE4),
                                                    ("v6", INTERNET6, NODE6)])
def test_outside_sees_the_nodes_address(node, families, target, seen):
    pod = node.pod()
    node.add(pod, network(families))
    assert source_seen(pod, node.outside, target) == seen


@pytest.mark.parametrize("families", ["v4", "v6"])
def test_pods_see_each_others_addresses(node, families):
    first, second = node.pod(), node.pod()
    conf = network(families)
    own, = addresses_of(node.add(first, conf))
    other, = addresses_of(node.add(second, conf))
    assert source_seen(first, second, other) == own
    node_seen = source_seen(first, node, GATEWAY4 if families == "v4" else GATEWAY6)
    assert node_seen == own


def from_the_gateway(node, gateway, target, here):
    """A datagram from the bridge's address (a pods' subnet's) that leaves by the uplink."""
    family = here.family
    with node.udp(gateway) as sock:
        if family == socket.AF_INET6:
            index = node.call(socket.if_nametoindex, UPLINK)
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        else:
            sock.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF,
                            socket.inet_aton(NODE4))
        sock.sendto(b"?", (target, 4711))
    return here.recvfrom(16)[1][0]


@pytest.mark.parametrize("families, gateway, away, near, group", [
    ("v4", GATEWAY4, INTERNET4, "10.1.2.200", "239.1.2.3"),
    ("v6", GATEWAY6, INTERNET6, "fd00:1:2::200", "ff05::4711")])
def test_multicast_and_the_own_subnet_keep_their_source(node, families, gateway, away,
                                                        near, group):
    node.add(node.pod(), network(families))
    via = node.outside
    length = 128 if ":" in near else 32
    via.ip(f"addr add {near}/{length} dev lo" + (" nodad" if length == 128 else ""))
    if length == 128:
        via.uses(near)
    hop = "via 2001:db8:aaaa::1" if length == 128 else "via 192.0.2.1"
    node.ip(f"route add {near}/{length} {hop}")
    with via.udp("::" if length == 128 else "0.0.0.0", 4711) as here:
        if length == 128:
            index = via.call(socket.if_nametoindex, "eth0")
            here.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                            socket.inet_pton(socket.AF_INET6, group) +
                            index.to_bytes(4, "little"))
        else:
            here.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                            socket.inet_aton(group) + socket.inet_aton("192.0.2.1"))
        # The control: anything else is masqueraded.
        assert from_the_gateway(node, gateway, away, here) in (NODE4, NODE6)
        assert from_the_gateway(node, gateway, near, here) == gateway
        assert from_the_gateway(node, gateway, group, here) == gateway


def test_masquerade_does_not_touch_what_is_not_a_pods(node):
    node.ip("link add lan0 type veth peer name lan1")
    node.ip("addr add 172.31.0.1/24 dev lan0")
    node.ip("link set lan0 up")
    node.add(node.pod(), network())
    with node.outside.udp(INTERNET4, 4711) as here, node.udp("172.31.0.1") as there:
        there.sendto(b"?", (INTERNET4, 4711))
        assert here.recvfrom(16)[1][0] == "172.31.0.1"
