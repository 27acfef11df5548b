# SPDX-License-Identifier: GPL-2.0-or-later
"""Gateway addresses: several of one configuration, link-local ones, and subnets that the node
has elsewhere."""
import pytest

from harness import plugin
from harness.command import cleanup, repair
from harness.delegates import Delegate
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, NODE4, UPLINK,
                          addresses_of, network)

# The first subnet is so small that the second one's turn comes.
SMALL4 = [{"subnet": "10.1.2.0/29"}, {"subnet": "10.1.2.8/29"}]
SMALL6 = [{"subnet": "fd00:1:2::/125"}, {"subnet": "fd00:1:2::8/125"}]
SMALL_GATEWAYS = ["10.1.2.1/29", "10.1.2.9/29", "fd00:1:2::1/125", "fd00:1:2::9/125"]


def status(node, conf, **kw):
    return node._judged("STATUS", conf, None, **kw)


def refused_add(node, conf, *words):
    pod = node.pod()
    node.refused(pod, conf, plugin.EXISTS, *words)
    node.assert_nothing_left(pod, others=len(node.host_veths()))


# -- several of one configuration


@pytest.mark.parametrize("force", [False, True])
def test_the_gateways_of_a_sets_subnets_stand_side_by_side(node, force):
    conf = network(forceAddress=force, ipam={"ranges": [SMALL4, SMALL6]})
    pods = [node.pod() for _ in range(9)]
    results = []
    for pod in pods:
        status(node, conf)
        results.append(node.add(pod, conf))
    assert node.addresses("cni0") == SMALL_GATEWAYS
    for pod, result in zip(pods, results):
        for ip in result["ips"]:
            assert pod.ping(ip["gateway"])
        node.check(pod, conf, result)
    for address in addresses_of(results[0]) + addresses_of(results[-1]):
        assert pods[0].ping(address) and pods[-1].ping(address)
    assert pods[0].ping(INTERNET4) and pods[-1].ping(INTERNET6)


def test_repair_brings_all_of_them_back(node):
    conf = network(ipam={"ranges": [SMALL4, SMALL6]})
    pods = [node.pod() for _ in range(7)]
    results = [node.add(pod, conf) for pod in pods]
    node.ip("link del cni0")
    repair(node, conf)
    assert node.addresses("cni0") == SMALL_GATEWAYS
    assert repair(node, conf) == ["nothing to mend"]
    for pod, result in zip(pods, results):
        node.check(pod, conf, result)
        assert pod.ping(INTERNET4)


def test_a_strangers_address_is_in_the_way_of_the_second_one_too(node):
    """STATUS says so before an ADD comes to it."""
    conf = network(ipam={"ranges": [SMALL4]})
    for _ in range(5):
        status(node, conf)
        node.add(node.pod(), conf)
    status(node, conf)
    node.ip("addr add 10.55.0.1/24 dev cni0")
    with plugin.refusal(plugin.UNAVAILABLE, "cni0", "10.55.0.1/24", "10.1.2.9/29", "forceAddress"):
        status(node, conf)
    refused_add(node, conf, "cni0", "10.55.0.1/24", "10.1.2.9/29", "forceAddress")
    node.ip("addr del 10.55.0.1/24 dev cni0")
    status(node, conf)
    node.add(node.pod(), conf)


BY_CONTAINER = '''
number = os.environ["CNI_CONTAINERID"][3]
if verb == "ADD":
    answer(ips=[{"address": f"10.7{number}.0.5/24", "gateway": f"10.7{number}.0.1"}])
'''


@pytest.mark.parametrize("force", [False, True])
def test_the_gateways_that_another_IPAM_plugin_gives_stand_side_by_side(node, force):
    fake = Delegate(node, BY_CONTAINER)
    conf = fake.conf(forceAddress=force)
    pods = [node.pod(f"pod{n}") for n in (1, 2)]
    results = [fake.add(pod, conf) for pod in pods]
    assert node.addresses("cni0") == ["10.71.0.1/24", "10.72.0.1/24"]
    assert pods[0].ping("10.71.0.1") and pods[1].ping("10.72.0.1")
    assert pods[0].ping("10.72.0.5")
    node.ip("link del cni0")
    node.run("env", f"CNI_PATH={fake.directory}", "true")
    repair(node, conf)
    assert node.addresses("cni0") == ["10.71.0.1/24", "10.72.0.1/24"]
    for pod, result in zip(pods, results):
        fake.check(pod, result, conf)


def test_the_gateways_of_the_runtimes_ranges_stand_side_by_side(node):
    pods = [node.pod() for _ in range(2)]
    for n, pod in enumerate(pods):
        node.add(pod, network(ipam={"ranges": None}, runtimeConfig={
            "ipRanges": [[{"subnet": f"10.{n + 1}.2.0/24"}]]}))
    assert node.addresses("cni0") == ["10.1.2.1/24", "10.2.2.1/24"]
    assert pods[0].ping("10.1.2.1") and pods[1].ping("10.2.2.1")


# -- a link-local gateway


def link_local(gateway="fe80::1"):
    return network(ipam={"ranges": [[{"subnet": "fd00:1:2::/64", "gateway": gateway}]]})


def test_a_link_local_gateway_stands_beside_the_kernels_own_address(node):
    conf, pods = link_local(), [node.pod(), node.pod()]
    results = [node.add(pod, conf) for pod in pods]
    assert "fe80::1/64" in node.addresses("cni0", scope="link")
    assert len(node.addresses("cni0", scope="link")) == 2
    assert pods[0].ping(addresses_of(results[1])[0]) and pods[0].ping(INTERNET6)
    assert node.ping(addresses_of(results[0])[0])
    node.check(pods[0], conf, results[0])
    # The next one comes to a bridge that is idle.
    for pod in pods:
        node.delete(pod, conf)
    again = node.pod()
    node.add(again, conf)
    assert again.ping(INTERNET6)


def test_the_route_to_the_subnet_of_a_link_local_gateway_is_named_and_mended(node):
    conf, pod = link_local(), node.pod()
    result = node.add(pod, conf)
    node.ip("-6 route del fd00:1:2::/64 dev cni0")
    with plugin.refusal(plugin.CHECK, "cni0", "fd00:1:2::/64"):
        node.check(pod, conf, result)
    assert any("fd00:1:2::/64" in line for line in repair(node, conf))
    node.check(pod, conf, result)
    assert pod.ping(INTERNET6)


def test_cleanup_takes_a_link_local_gateway_and_its_route_from_somebodys_bridge(node):
    node.ip("link add cni0 type bridge")
    conf, pod = link_local(), node.pod()
    node.add(pod, conf)
    assert any(route["dst"] == "fd00:1:2::/64" for route in node.routes(6))
    node.delete(pod, conf)
    assert any("fe80::1/64" in line for line in cleanup(node, conf))
    assert "fe80::1/64" not in node.addresses("cni0", scope="link")
    assert not any(route["dst"] == "fd00:1:2::/64" for route in node.routes(6))


# -- keep_addr_on_down


def test_the_bridge_keeps_its_gateway_when_it_goes_down(node):
    conf, pod = network("dual"), node.pod()
    node.add(pod, conf)
    node.ip("link set cni0 down")
    node.ip("link set cni0 up")
    assert node.addresses("cni0") == [f"{GATEWAY4}/24", f"{GATEWAY6}/64"]


# -- a subnet that the node has elsewhere


def other(node, *lines, name="other0"):
    node.ip_batch("\n".join([f"link add {name} type veth peer name {name}p",
                             f"link set {name} up", f"link set {name}p up", *lines]))


TAKEN = {
    "another program's bridge": ["addr add 10.1.2.1/24 dev other0"],
    "another address of it": ["addr add 10.1.2.77/24 dev other0"],
    "a part with the gateway": ["addr add 10.1.2.9/28 dev other0"],
    "the gateway as a peer": ["addr add 10.9.9.9 peer 10.1.2.1 dev other0"],
    "a route": ["route add 10.1.2.0/24 dev other0"],
    "a route by a gateway": [f"route add 10.1.2.0/24 via 192.0.2.1 dev {UPLINK}"],
    "several next hops": [f"addr add 192.0.3.2/24 dev other0",
                          "route add 10.1.2.0/24 nexthop via 192.0.2.1 "
                          "nexthop via 192.0.3.1"],
    "an interface that is down": ["addr add 10.1.2.1/24 dev other0",
                                  "link set other0 down"],
    "IPv6": ["addr add fd00:1:2::9/64 dev other0 nodad"],
    "a route, IPv6": ["route add fd00:1:2::/64 dev other0"],
}


@pytest.mark.parametrize("what", TAKEN)
def test_a_subnet_that_the_node_has_elsewhere_is_refused(node, what):
    other(node, *TAKEN[what])
    conf = network("v6" if "IPv6" in what else "v4")
    words = [UPLINK if "gateway" in what and "route" in what or "hops" in what
             else "other0", "cni0", "forceAddress",
             GATEWAY6 if "IPv6" in what else GATEWAY4]
    with plugin.refusal(plugin.UNAVAILABLE, *words):
        status(node, conf)
    refused_add(node, conf, *words)
    assert node.addresses("cni0") == []
    force = {**conf, "forceAddress": True}
    status(node, force)
    node.add(node.pod(), force)
    # The addresses that are there stay, also for pods of a network that doesn't force its own.
    status(node, conf)
    node.add(node.pod(), conf)


@pytest.mark.parametrize("kind", ["blackhole", "unreachable", "prohibit", "throw"])
@pytest.mark.parametrize("subnet, families, metrics",
                         [("10.1.2.0/24", "v4", ""), ("fd00:1:2::/64", "v6", "metric 20")])
def test_a_route_that_drops_what_is_for_the_subnet_is_refused(node, kind, subnet, families,
                                                              metrics):
    node.ip(f"route add {kind} {subnet} {metrics}")
    conf = network(families)
    with plugin.refusal(plugin.UNAVAILABLE, f"{kind} {subnet}", "cni0", "forceAddress"):
        status(node, conf)
    refused_add(node, conf, f"{kind} {subnet}", "cni0", "forceAddress")
    node.add(node.pod(), {**conf, "forceAddress": True})


def test_a_daemons_IPv6_route_that_goes_before_the_bridges_is_refused(node):
    """The kernel's own routes have metric 256 there, not 0."""
    node.ip("route add fd00:1:2::/64 via 2001:db8:aaaa::1 proto bgp metric 20")
    refused_add(node, network("v6"), UPLINK, "fd00:1:2::/64")


def test_the_uplinks_own_subnet_is_refused(node):
    conf = network(ipam={"ranges": [[{"subnet": "192.0.2.0/24", "gateway": "192.0.2.9"}]]})
    refused_add(node, conf, UPLINK, f"{NODE4}/24")


PASS = {
    "an aggregate": ["route add 10.0.0.0/8 dev other0"],
    "an aggregate by a gateway": ["route add 10.0.0.0/8 via 192.0.2.1"],
    "a wider subnet": ["addr add 10.1.0.9/16 dev other0"],
    "a part without the gateway": ["addr add 10.1.2.77/28 dev other0"],
    "a part that is routed": ["route add 10.1.2.64/26 via 192.0.2.1"],
    "another table's route": ["route add 10.1.2.0/24 dev other0 table 77"],
    "a routing daemon's, learnt from neighbours":
        ["route add 10.1.2.0/24 via 192.0.2.1 proto bgp metric 20"],
    "a routing daemon's of IPv6, learnt from neighbours":
        ["route add fd00:1:2::/64 via 2001:db8:aaaa::1 proto bgp metric 1024"],
    "what a routing daemon announces": ["route add blackhole 10.1.2.0/24 metric 20",
                                        "route add blackhole fd00:1:2::/64 metric 1024"],
    "the gateway alone, as the ptp plugin's interfaces have it":
        ["addr add 10.1.2.1/32 dev other0", "addr add fd00:1:2::1/128 dev other0 nodad"],
    "a part that is dropped": ["route add blackhole 10.1.2.128/25"],
    "other nodes' subnets": ["route add 10.1.3.0/24 via 192.0.2.1"],
}


@pytest.mark.parametrize("what", PASS)
def test_what_goes_with_the_subnet_passes(node, what):
    other(node, *PASS[what])
    pod, conf = node.pod(), network("dual")
    status(node, conf)
    node.add(pod, conf)
    assert pod.ping(GATEWAY4) and pod.ping(INTERNET4)
    assert pod.ping(GATEWAY6) and pod.ping(INTERNET6)


def has_vrf(node):
    node.ip("link add vrf0 type vrf table 99", check=False)
    return "vrf0" in node.links()


@pytest.mark.parametrize("whose", ["the other interface", "the bridge"])
def test_a_VRF_has_subnets_of_its_own(node, whose):
    if not has_vrf(node):
        pytest.skip("this kernel has no VRFs")
    node.ip("link set vrf0 up")
    other(node)
    if whose == "the bridge":
        node.ip("link add cni0 up master vrf0 type bridge")
    else:
        node.ip("link set other0 master vrf0")
    node.ip("addr add 10.1.2.1/24 dev other0")
    status(node, network())
    node.add(node.pod(), network())
    assert node.addresses("cni0") == [f"{GATEWAY4}/24"]


def test_repair_puts_back_a_gateway_whose_subnet_has_come_elsewhere_since(node):
    pod, conf = node.pod(), network()
    node.add(pod, conf)
    other(node, "addr add 10.1.2.1/24 dev other0")
    node.ip("link del cni0")
    repair(node, conf)
    assert node.addresses("cni0") == [f"{GATEWAY4}/24"]


# -- STATUS, and the uplink


def test_an_uplink_that_does_not_forward_is_told_before_and_with_the_first_ADD(node):
    """Later by CHECK and the node agent; neither ADD nor STATUS fails."""
    conf, word = network("dual"), f"ipv4/conf/{UPLINK}/forwarding 1, found 0"
    assert node.invoke("STATUS", conf).stderr == ""  # ADD turns all of them on
    node.sysctl("ipv4.ip_forward", 1)
    node.sysctl(f"ipv4.conf.{UPLINK}.forwarding", 0)
    done = node.invoke("STATUS", conf)
    assert (done.returncode, done.stdout) == (0, "")
    assert word in done.stderr
    assert node.invoke("STATUS", network("v6")).stderr == ""
    done = node.invoke("ADD", conf, node.pod())
    assert done.returncode == 0 and word in done.stderr
    node.add(node.pod(), conf)
    status(node, conf)


@pytest.mark.parametrize("families", ["v4", "v6", "dual"])
def test_STATUS_of_an_idle_node_sees_a_gateway_that_has_been_displaced(node, families):
    conf, pod = network(families), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    status(node, conf)
    node.ip("addr flush dev cni0")
    status(node, conf)
    for address in ("10.1.2.1/16", "fd00:1:2::1/48"):
        node.ip(f"addr add {address} dev cni0")
    with plugin.refusal(plugin.UNAVAILABLE, "cni0", "/48" if families == "v6" else "/16"):
        status(node, conf)


def test_STATUS_changes_nothing(node):
    conf = network("dual")
    before = node.state()
    status(node, conf)
    assert node.state() == before
