# SPDX-License-Identifier: GPL-2.0-or-later
"""Which podCIDRs the agent uses: a Node says whatever somebody has written into it."""
import signal

import pytest

from harness.certificates import SERVER_NAME, make_certificates
from harness.cluster import INTERNET4
from harness.waiting import wait_for

OTHER4, OTHER6 = "192.0.2.50", "2001:db8:aaaa::50"


def refused(node, name, reason):
    """The podCIDR of that Node is named with that reason, and no route leads to it."""
    wait_for(lambda: any(
        key.startswith(f'bridge_cni_pod_range_refused{{node="{name}",') and
        key.endswith(f'reason="{reason}"}}') for key in node.metrics()))


def settled(cluster, node):
    """What was put before is known to the node's agent."""
    number = len(cluster.api.events) % 200 + 1
    cluster.api.put("settled", [f"10.250.{number}.0/24"], ["192.0.2.99"])
    wait_for(lambda: f"10.250.{number}.0/24" in node.own_routes())


def masqueraded(node, prefix):
    """Pods' own addresses are not seen there."""
    return prefix not in node.conf()["nonMasqueradeCIDRs"]


def move_server(cluster, address):
    cluster.api.stop()
    make_certificates(cluster.api.directory, address)
    cluster.api.address = address
    cluster.api.start()


# -- one podCIDR by itself


@pytest.mark.parametrize("cidr, reason", [
    ("0.0.0.0/8", "special-addresses"), ("127.0.0.0/24", "special-addresses"),
    ("169.254.1.0/24", "special-addresses"), ("224.0.0.0/24", "special-addresses"),
    ("239.1.0.0/16", "special-addresses"), ("240.1.0.0/16", "special-addresses"),
    ("255.255.255.0/24", "special-addresses"), ("128.0.0.0/1", "special-addresses"),
    ("192.0.0.0/3", "too-wide"), ("192.0.0.0/8", "own-network"),
    ("192.0.2.64/26", "own-network"), ("192.0.2.0/24", "own-network"),
    ("172.31.0.1/32", "gateway"), ("203.0.113.0/24", "internal-ip"),
    ("::/16", "special-addresses"), ("64:ff9b::/96", "special-addresses"),
    ("::ffff:0:0/100", "special-addresses"), ("::ffff:10.245.1.0/120", "special-addresses"),
    ("0.0.0.0/0", "special-addresses"), ("::/0", "special-addresses"),
    ("fe80::/64", "special-addresses"),
    ("ff05::/64", "special-addresses"), ("100::/64", "special-addresses"),
    ("2000::/3", "too-wide"), ("2001:db8:aaaa::/64", "own-network"),
    ("2001:db8:aaaa::40/122", "own-network"),
])
def test_a_pod_cidr_that_can_be_no_nodes_is_named_and_not_used(cluster, cidr, reason):
    node = cluster.node()
    node.ip("route add 172.31.0.1/32 dev eth0")
    node.ip("route add 172.30.0.0/16 via 172.31.0.1")
    cluster.api.put("behind-a-router", ["10.245.3.0/24"], ["203.0.113.9"])
    cluster.api.put("wrong", [cidr], [OTHER4, OTHER6])
    node.start_agent()
    wait_for(node.ready)
    settled(cluster, node)
    assert cidr not in node.own_routes() and masqueraded(node, cidr)
    assert len(node.own_routes()) == 1
    refused(node, "wrong", reason)
    assert f"reason={reason}" in node.log() and "node=wrong" in node.log()
    assert node.metrics()[f'bridge_cni_pod_ranges_refused{{reason="{reason}"}}'] == 1
    assert node.log().count("a podCIDR is not used") == 1
    assert node.attach().ping(INTERNET4)


@pytest.mark.parametrize("cidrs", [("10.245.1.0/24", "::/0"), ("0.0.0.0/0", "fd00:245::/64"),
                                   ("10.245.1.0/24", "ff05::/64")])
def test_of_two_podcidrs_the_right_one_is_used(cluster, cidrs):
    node = cluster.node()
    cluster.api.put("half", cidrs, [OTHER4, OTHER6])
    node.start_agent()
    wait_for(node.ready)
    good, = (cidr for cidr in cidrs if "245" in cidr)
    wait_for(lambda: {*node.own_routes()} == {good})
    refused(node, "half", "special-addresses")
    assert masqueraded(node, next(cidr for cidr in cidrs if cidr != good))


@pytest.mark.parametrize("cidr", [
    "100.64.3.0/24", "172.31.5.0/24", "192.168.7.0/24", "198.18.0.0/24", "8.8.8.0/24",
    "10.7.0.0/16", "fd12::/16", "2001:db8:5::/64", "2a00:1:2:3::/64"])
def test_other_pod_cidrs_are_used_as_before(cluster, cidr):
    node = cluster.node()
    cluster.api.put("other", [cidr], [OTHER4, OTHER6])
    node.start_agent()
    wait_for(lambda: cidr in node.own_routes())
    wait_for(node.ready)
    assert not masqueraded(node, cidr)


def test_a_pod_cidr_outside_of_the_clusters_is_not_used(cluster):
    """A family that --cluster-cidr doesn't name is not narrowed by it."""
    node = cluster.node()
    cluster.api.put("inside", ["10.245.1.0/24"], [OTHER4])
    cluster.api.put("outside", ["10.9.1.0/24", "fd00:9::/64"], [OTHER4, OTHER6])
    cluster.api.put("around", ["10.244.0.0/14"], [OTHER4])
    node.start_agent("--cluster-cidr", "10.244.0.0/15,240.0.0.0/16")
    wait_for(lambda: "10.245.1.0/24" in node.own_routes())
    for name in ("outside", "around"):
        refused(node, name, "outside-cluster-cidr")
    assert {*node.own_routes()} == {"10.245.1.0/24", "fd00:9::/64"}


def test_reserved_addresses_serve_where_the_cluster_cidr_names_them(cluster):
    node = cluster.node()
    cluster.api.put("other", ["240.0.3.0/24"], [OTHER4])
    node.start_agent("--cluster-cidr", "240.0.0.0/16,10.244.0.0/16")
    wait_for(lambda: "240.0.3.0/24" in node.own_routes())


def test_a_cluster_cidr_inside_the_nodes_own_network_is_meant(cluster):
    """Only the addresses that somebody is known to have are left out of it."""
    node = cluster.node()
    node.ip("addr add 10.0.0.5/8 dev eth0")
    node.ip("addr add 10.244.9.9/32 dev lo")
    cluster.api.put("other", ["10.244.8.0/24"], [OTHER4])
    cluster.api.put("wrong", ["10.244.9.0/24"], [OTHER4])
    node.start_agent("--cluster-cidr", "10.244.0.0/16")
    wait_for(node.ready)
    wait_for(lambda: "10.244.8.0/24" in node.own_routes())
    refused(node, "wrong", "own-network")
    node.stop_agent()
    node.start_agent()
    refused(node, "other", "own-network")


def test_the_api_servers_address_is_nobodys_podcidr(cluster):
    """It is a Service's, which no interface has and no network of the node covers."""
    service = "10.96.0.1"
    cluster.link.ip(f"addr add {service}/32 dev lo")
    move_server(cluster, service)
    node = cluster.node()
    cluster.api.put("wrong", ["10.96.0.0/16"], [OTHER4])
    node.start_agent()
    wait_for(node.ready)
    refused(node, "wrong", "api-server")
    assert "10.96.0.0/16" not in node.own_routes()


@pytest.mark.parametrize("protocol", ["kernel", "ra"])
def test_a_network_on_the_link_is_no_podcidr_although_no_address_is_of_it(cluster, protocol):
    """As where a router announces the prefix, and DHCP gives an address without one."""
    node = cluster.node()
    node.ip(f"route add 172.31.0.0/24 dev eth0 proto {protocol}")
    node.ip(f"-6 route add 2001:db8:cccc::/64 dev eth0 proto {protocol}")
    # What an administrator has set may lead to pods, by a tunnel for example.
    node.ip("route add 10.245.0.0/16 dev eth0")
    cluster.api.put("wrong", ["172.31.0.128/25", "2001:db8:cccc:0:8000::/65"],
                    [OTHER4, OTHER6])
    cluster.api.put("other", ["10.245.3.0/24"], ["192.0.2.51"])
    node.start_agent()
    wait_for(node.ready)
    settled(cluster, node)
    refused(node, "wrong", "own-network")
    assert '"172.31.0.0/24 of eth0"' in node.log()
    assert '"2001:db8:cccc::/64 of eth0"' in node.log()
    assert "10.245.3.0/24" in node.own_routes() and len(node.own_routes()) == 2
    assert masqueraded(node, "172.31.0.128/25")

    node.ip("route del 172.31.0.0/24 dev eth0")
    wait_for(lambda: "172.31.0.128/25" in node.own_routes())


def test_the_network_at_the_other_end_of_a_link_is_no_podcidr(cluster):
    node = cluster.node()
    node.ip("link add tun0 type bridge")
    node.ip("link set tun0 up")
    node.ip("addr add 10.9.0.1 peer 10.8.0.0/24 dev tun0")
    cluster.api.put("wrong", ["10.8.0.128/25"], [OTHER4])
    node.start_agent()
    wait_for(node.ready)
    refused(node, "wrong", "own-network")
    assert "10.8.0.0/24 of tun0" in node.log() and node.own_routes() == {}


@pytest.mark.parametrize("device4, device6", [("flannel.1", "flannel-v6.1"),
                                              ("flannel.4096", "flannel-v6.4096")])
def test_what_is_left_of_flannel_is_in_nobodys_way(cluster, device4, device6):
    node = cluster.node()
    node.ip(f"link add {device4} type vxlan id 1 dstport 8472 dev eth0")
    node.ip(f"addr add {node.cidrs[0].split('/')[0]}/32 dev {device4}")
    node.ip(f"link set {device4} up")
    node.ip(f"route add 10.245.2.0/24 via 10.245.2.0 dev {device4} onlink")
    node.ip(f"link add {device6} type vxlan id 1 dstport 8473 dev eth0")
    node.ip(f"addr add {node.cidrs[1].split('/')[0]}/128 dev {device6} nodad")
    node.ip(f"link set {device6} up")
    node.ip(f"route add fd00:245:2::/64 via fd00:245:2:: dev {device6} onlink")
    # And of kindnet, for a pod that is still there.
    node.ip("link add veth-of-before type veth peer name eth9")
    node.ip("addr add 10.244.1.1/32 dev veth-of-before")
    node.ip("link set veth-of-before up")
    node.ip("route add 10.244.1.7/32 dev veth-of-before")
    cluster.api.put("other", ["10.245.2.0/24", "fd00:245:2::/64"], [OTHER4, OTHER6])
    node.start_agent()
    wait_for(node.ready)
    assert not masqueraded(node, "10.245.2.0/24")
    assert not masqueraded(node, "fd00:245:2::/64")
    wait_for(lambda: "reason=foreign-route" in node.log())
    assert "is not used" not in node.log() and "can't be used" not in node.log()


# -- the own one


@pytest.mark.parametrize("cidrs, reason", [
    (["127.0.0.0/24"], "special-addresses"), (["224.0.0.0/24"], "special-addresses"),
    (["fe80::/64"], "special-addresses"), (["192.0.2.0/25"], "own-network"),
    (["10.244.1.0/24", "2001:db8:aaaa::/64"], "own-network"),
    (["10.244.1.0/24", "ff05::/64"], "special-addresses"),
])
def test_no_configuration_is_written_for_an_own_podcidr_that_can_be_none(cluster, cidrs,
                                                                        reason):
    node = cluster.node(join=False)
    cluster.api.put(node.name, cidrs, [node.address4, node.address6])
    cluster.api.put("other", ["10.245.1.0/24"], [OTHER4])
    node.start_agent()
    wait_for(lambda: "10.245.1.0/24" in node.own_routes())
    assert node.conflist() is None
    status, text = node.page("/readyz")
    assert status == 503 and reason in text and cidrs[-1] in text
    lines = [x for x in node.log().splitlines() if "this node's podCIDR can't be used" in x]
    assert len(lines) == 1 and f"reason={reason}" in lines[0] and "level=error" in lines[0]
    # The cluster mends it.
    cluster.join(node)
    wait_for(node.ready)
    assert node.attach().ping(INTERNET4)


def test_an_own_podcidr_that_gets_in_the_way_later_leaves_the_configuration(cluster):
    node = cluster.node()
    node.start_agent()
    wait_for(node.ready)
    pod, before = node.attach(), node.conflist()
    node.ip("addr add 10.244.1.77/24 dev eth0")
    wait_for(lambda: node.page("/readyz")[0] == 503)
    assert "10.244.1.0/24 of eth0" in node.page("/readyz")[1]
    assert node.conflist() == before and pod.ping(node.address4)
    node.ip("addr del 10.244.1.77/24 dev eth0")
    wait_for(node.ready)


# -- against each other


@pytest.mark.parametrize("claim", ["10.244.2.0/24", "10.244.2.0/25", "10.244.2.128/25",
                                   "10.244.2.0/23", "10.244.0.0/16"])
def test_the_incumbent_keeps_its_podcidr_and_both_are_named(cluster, claim):
    one, two = cluster.ready(2)
    cluster.api.put("aaa", [claim], [OTHER4])
    refused(one, "aaa", "overlapping-pod-cidr")
    assert one.own_routes()[two.cidrs[0]] == two.address4 and len(one.own_routes()) == 2
    line = next(x for x in one.log().splitlines() if "node=aaa" in x)
    rival = one if claim in ("10.244.0.0/16",) else two
    assert f"of {rival.name}" in line
    assert one.metrics()['bridge_cni_node_unrouted{node="aaa",reason="refused-pod-cidr"}'] == 1

    # It stays so when the agent starts again, which knows it by the kernel's routes alone.
    one.stop_agent(signal.SIGKILL)
    one.start_agent()
    refused(one, "aaa", "overlapping-pod-cidr")
    assert one.own_routes()[two.cidrs[0]] == two.address4
    wait_for(one.ready)

    # The range is free once its owner is gone.
    if claim != "10.244.0.0/16":
        cluster.api.remove(two.name)
        if claim != "10.244.2.0/23":
            wait_for(lambda: one.own_routes().get(claim) == OTHER4)


def test_of_claims_that_are_met_at_once_the_older_nodes_is_granted(cluster):
    """Whatever their names, and in whichever order they are heard of."""
    node = cluster.node()
    for name, cidr, made in (("aaa", "10.245.0.0/16", "2026-03-01T00:00:00Z"),
                             ("bbb", "10.245.1.0/24", "2026-01-01T00:00:00Z"),
                             ("ccc", "10.245.2.0/24", "2026-02-01T00:00:00Z"),
                             ("ddd", "10.245.2.0/24", "2026-02-02T00:00:00Z")):
        cluster.api.put(name, [cidr], [f"192.0.2.{ord(name[0])}"])
        cluster.api.change(name, lambda n: n["metadata"].update(creationTimestamp=made))
    node.start_agent()
    wait_for(lambda: node.own_routes() == {"10.245.1.0/24": "192.0.2.98",
                                           "10.245.2.0/24": "192.0.2.99"})
    for name in ("aaa", "ddd"):
        refused(node, name, "overlapping-pod-cidr")
    cluster.api.remove("ccc")
    wait_for(lambda: node.own_routes().get("10.245.2.0/24") == "192.0.2.100")
    cluster.api.remove("bbb")
    cluster.api.remove("ddd")
    wait_for(lambda: node.own_routes() == {"10.245.0.0/16": "192.0.2.97"})


def test_refusals_are_logged_once(cluster):
    node = cluster.node()
    cluster.api.put("wrong", ["224.0.0.0/24"], [OTHER4])
    node.start_agent("--resync-seconds", "1")
    wait_for(node.ready)
    node.wait_for_resyncs()
    settled(cluster, node)
    assert node.log().count("a podCIDR is not used") == 1
    assert node.log().count("no route to a node's pods") == 1


def test_of_very_many_refused_ones_each_is_logged_once_beside_the_own(cluster):
    node = cluster.node(join=False)
    cluster.api.put(node.name, ["224.0.0.0/24", "ff05::/64"], [node.address4, node.address6])
    for i in range(300):
        cluster.api.put(f"a{i:03}", [f"224.1.{i % 256}.0/24"], [OTHER4])
    node.start_agent("--resync-seconds", "1")
    wait_for(lambda: node.log().count("this node's podCIDR can't be used") == 2)
    node.wait_for_resyncs()
    assert node.log().count("this node's podCIDR can't be used") == 2
    assert node.log().count("a podCIDR is not used") == 20
    named = [key for key in node.metrics() if key.startswith("bridge_cni_pod_range_refused{")]
    assert len(named) == 258


# -- InternalIPs


@pytest.mark.parametrize("address", [
    "255.255.255.255", "192.0.2.255", "192.0.2.0", "224.0.0.1", "127.0.0.1", "0.0.0.0",
    "10.99.0.1", "ff02::1", "::1", "::", "2001:db8:aaaa::", "fd99::1", "fe80::1"])
def test_an_internal_ip_that_is_no_other_hosts_is_that_nodes_problem_alone(cluster, address):
    one, two = cluster.node(), cluster.node()
    one.ip("addr add 10.99.0.1/16 dev eth0")
    one.ip("addr add fd99::1/64 dev eth0 nodad")
    cidr = "fd00:245::/64" if ":" in address else "10.245.1.0/24"
    cluster.api.put("aaa", [cidr], [address])
    one.start_agent()
    wait_for(one.ready)
    assert {*one.own_routes()} == {*two.cidrs}
    refused(one, "aaa", "unusable-internal-ip")
    why = "own-internal-ip" if "99" in address else "unusable-internal-ip"
    assert one.metrics()[f'bridge_cni_node_unrouted{{node="aaa",reason="{why}"}}'] == 1
    assert "level=error" not in one.log() and masqueraded(one, cidr)


def test_a_gateway_that_the_kernel_refuses_is_that_nodes_problem_alone(cluster):
    """No other host is to be found where a route of scope global leads, says the kernel."""
    one, two = cluster.node(), cluster.node()
    one.ip("route add 10.98.0.0/16 dev eth0 scope global")
    cluster.api.put("aaa", ["10.245.1.0/24"], ["10.98.0.7"])
    one.start_agent("--resync-seconds", "1")
    key = 'bridge_cni_node_unrouted{node="aaa",reason="refused-by-kernel"}'
    wait_for(lambda: one.metrics().get(key) == 1)
    wait_for(one.ready)
    wait_for(lambda: {*one.own_routes()} == {*two.cidrs})
    one.wait_for_resyncs()
    assert one.metrics()["bridge_cni_route_changes_total"] == 2
    assert one.metrics()["bridge_cni_routes"] == 2 and one.ready()
    assert one.log().count("node=aaa") == 1 and "level=error" not in one.log()
    # A route by its former address doesn't stay.
    cluster.api.put("aaa", ["10.245.1.0/24"], ["192.0.2.66"])
    wait_for(lambda: one.own_routes().get("10.245.1.0/24") == "192.0.2.66")
    cluster.api.put("aaa", ["10.245.1.0/24"], ["10.98.0.7"])
    wait_for(lambda: "10.245.1.0/24" not in one.own_routes())


def test_an_internal_ip_in_the_podcidr_of_another_doesnt_take_it_away(cluster):
    one, two = cluster.ready(2)
    cluster.api.put("aaa", ["10.245.1.0/24"], ["10.244.2.7"])
    cluster.api.put("bbb", ["10.245.2.0/24"], ["10.244.1.7"])
    for name in ("aaa", "bbb"):
        key = f'bridge_cni_node_unrouted{{node="{name}",reason="internal-ip-of-pods"}}'
        wait_for(lambda: one.metrics().get(key) == 1)
    assert {*one.own_routes()} == {*two.cidrs} and one.ready()
    one.stop_agent()
    one.start_agent()
    wait_for(one.ready)
    assert {*one.own_routes()} == {*two.cidrs}


def test_every_internal_ip_of_a_node_is_nobodys_podcidr(cluster):
    """A Node may have several of one family."""
    node = cluster.node()
    cluster.api.put("two-networks", ["10.245.1.0/24", "fd00:245:1::/64"],
                    ["192.0.2.51", "198.51.100.7", OTHER6, "2001:db8:bbbb::7"])
    cluster.api.put("wrong", ["198.51.100.0/24", "2001:db8:bbbb::/64"],
                    ["192.0.2.52", "2001:db8:aaaa::52"])
    for name, made in (("wrong", "2026-01-01T00:00:00Z"), ("two-networks", "2026-02-01T00:00:00Z")):
        cluster.api.change(name, lambda n: n["metadata"].update(creationTimestamp=made))
    node.start_agent()
    wait_for(node.ready)
    refused(node, "wrong", "internal-ip")
    for address in ("198.51.100.7/32", "2001:db8:bbbb::7/128"):
        assert f'rival="{address} of two-networks"' in node.log()
    assert {*node.own_routes()} == {"10.245.1.0/24", "fd00:245:1::/64"}
    # One Node keeps no more than a few podCIDRs from others.
    cluster.api.put("two-networks", ["10.245.1.0/24"],
                    ["192.0.2.51", *(f"198.51.100.{i}" for i in range(1, 15))])
    cluster.api.put("wrong", ["198.51.100.8/32"], ["192.0.2.52"])
    settled(cluster, node)
    refused(node, "wrong", "internal-ip")
    cluster.api.put("wrong", ["198.51.100.9/32"], ["192.0.2.52"])
    wait_for(lambda: "198.51.100.9" in node.own_routes())
    cluster.api.remove("settled")
    # They take no podCIDR away that is used.
    cluster.api.put("wrong", ["10.245.2.0/24"], ["192.0.2.53"])
    wait_for(lambda: "10.245.2.0/24" in node.own_routes())
    cluster.api.put("two-networks", ["10.245.1.0/24"], ["192.0.2.51", "10.245.2.7"])
    settled(cluster, node)
    cluster.api.remove("settled")
    wait_for(lambda: len(node.own_routes()) == 2)
    for _ in range(2):
        assert {*node.own_routes()} == {"10.245.1.0/24", "10.245.2.0/24"}
        node.stop_agent()
        node.start_agent()
        wait_for(node.ready)
        settled(cluster, node)
        cluster.api.remove("settled")
        wait_for(lambda: len(node.own_routes()) == 2)


def test_names_cant_forge_metrics_or_log_lines(cluster):
    node = cluster.node()
    name = 'x"} 1\nbridge_cni_forged 1\nlevel=error msg="forged'
    for wrong in (name, "UPPER", "a" * 254, "-a", "a..b", "ä", "a_b"):
        cluster.api.put(wrong, ["10.245.1.0/24"], [OTHER4])
    cluster.api.put("a.b-1.example", ["10.245.2.0/24"], ["192.0.2.51"])
    node.start_agent()
    wait_for(node.ready)
    assert {*node.own_routes()} == {"10.245.2.0/24"}
    assert node.metrics()["bridge_cni_api_skipped_total"] == 7
    assert not [x for x in node.metrics() if "forged" in x]
    assert all(line.startswith("time=") for line in node.log().splitlines())


# -- what an earlier agent has left


@pytest.mark.parametrize("by_name", [False, True])
@pytest.mark.parametrize("server, route", [
    ("192.0.2.1", "192.0.2.0/30"), ("192.0.2.1", "192.0.2.1/32"),
    ("10.96.0.1", "10.96.0.0/16"), ("10.96.0.1", "10.0.0.0/8"),
    ("10.96.0.1", "192.0.2.1/32")])  # the gateway on the way there
def test_routes_of_ours_that_cover_the_api_server_go_at_start(cluster, server, route,
                                                              by_name):
    if server != cluster.api.address:
        cluster.link.ip(f"addr add {server}/32 dev lo")
        move_server(cluster, server)
    node = cluster.node()
    node.ip(f"route add {route} via 192.0.2.77 proto 98")
    hosts = node.directory / "hosts"
    hosts.write_text(f"{server} {SERVER_NAME}\n")
    options = ["--api-server", f"https://{SERVER_NAME}:{cluster.api.port}"] if by_name else []
    node.start_agent(*options, more=f"mount --bind {hosts} /etc/hosts")
    wait_for(node.ready)
    assert node.own_routes() == {}
    assert "routes removed that led away what this node needs" in node.log()


def test_other_routes_of_ours_stay_until_the_list_is_there(cluster):
    node, other = cluster.node(), cluster.node()
    node.ip(f"route add {other.cidrs[0]} via {other.address4} proto 98")
    node.ip("route add 192.0.2.0/30 via 192.0.2.77 proto 98")
    cluster.api.stop()
    node.start_agent()
    wait_for(lambda: "listing Nodes has failed" in node.log())
    assert node.own_routes() == {other.cidrs[0]: other.address4}
