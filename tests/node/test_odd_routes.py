# SPDX-License-Identifier: GPL-2.0-or-later
"""Routes and gateways that lead nowhere: left out, told of, or refused before anything is made."""
import json

import pytest

from harness import delegates, plugin
from harness.node import (GATEWAY4, GATEWAY6, SUBNET4, SUBNET6, addresses_of,
                          network)

BOTH = [{"dst": "0.0.0.0/0"}, {"dst": "::/0"}]


def add_with_words(node, pod, conf, **kw):
    """A success, and what is said beside the result."""
    done = node.invoke("ADD", conf, pod, **kw)
    assert done.returncode == 0, done
    return json.loads(done.stdout), done.stderr


def destinations(pod, family):
    """The destinations of the routes that the kernel hasn't made itself."""
    return [r["dst"] for r in pod.routes(family) if r.get("protocol") != "kernel"]


# -- a family that the pod has no address of


@pytest.mark.parametrize("families, own, other, left_out, name", [
    ("v4", 4, 6, "::/0", "IPv6"), ("v6", 6, 4, "0.0.0.0/0", "IPv4")])
def test_a_default_route_of_a_family_without_an_address_is_left_out(node, families, own, other,
                                                                  left_out, name):
    """A template for both, on a network of one."""
    pod, conf = node.pod(), network(families, ipam={"routes": BOTH})
    result, words = add_with_words(node, pod, conf)
    assert words == f"bridge-cni: the route to {left_out} is left out: the pod has no " \
                    f"{name} address\n"
    assert [r["dst"] for r in result["routes"]] == [r["dst"] for r in BOTH
                                                    if r["dst"] != left_out]
    assert destinations(pod, own) == ["default"]
    assert destinations(pod, other) == []
    node.check(pod, conf, result)


@pytest.mark.parametrize("route", [{"dst": "10.9.0.0/16", "gw": "10.1.2.1"},
                                   {"dst": "10.9.0.0/16"},
                                   {"dst": "0.0.0.0/0", "scope": 253}])
def test_any_route_of_such_a_family_is_left_out(node, route):
    pod, conf = node.pod(), network("v6", ipam={"routes": [route]})
    result, words = add_with_words(node, pod, conf)
    assert route["dst"] in words
    assert [r["dst"] for r in result["routes"]] == ["::/0"]
    assert destinations(pod, 4) == []
    node.check(pod, conf, result)


def test_a_gateway_on_the_link_needs_no_other_address(node):
    """The pod's link-local address serves for what the node itself has."""
    pod = node.pod()
    conf = network("v4", ipam={"routes": [{"dst": "fd00:9::/32", "gw": "fe80::1"}]})
    result = node.add(pod, conf)
    assert destinations(pod, 6) == ["fd00:9::/32"]
    node.check(pod, conf, result)


def test_another_IPAM_plugins_routes_are_left_out_in_the_same_way(node):
    pod = node.pod()
    conf = network(cniVersion="1.0.0", ipam={
        "type": "static", "ranges": None, "routes": BOTH,
        "addresses": [{"address": "10.1.2.9/24", "gateway": GATEWAY4}]})
    result, words = add_with_words(node, pod, conf, env={"CNI_PATH": "/usr/lib/cni"})
    assert "::/0" in words
    assert [r["dst"] for r in result["routes"]] == ["0.0.0.0/0"]


# -- the pod's own subnet, by a gateway


def own_subnet(**changes):
    return network("v4", isDefaultGateway=None, ipMasq=None,
                   ipam={"routes": [{"dst": SUBNET4}]}, **changes)


def pods_reach_each_other(node, conf):
    first, second = node.pod(), node.pod()
    words = []
    for pod in (first, second):
        result, said = add_with_words(node, pod, conf)
        words.append(said)
    return first.ping(addresses_of(result)[0], wait=0.5), words


def test_with_isGateway_the_bridge_forwards_and_nothing_is_said(node):
    assert pods_reach_each_other(node, own_subnet(isGateway=True)) == (True, ["", ""])


def test_without_a_gateway_that_forwards_it_is_told(node):
    reached, words = pods_reach_each_other(node, own_subnet())
    assert not reached
    for said in words:
        assert said.startswith(f"bridge-cni: the route to {SUBNET4} by {GATEWAY4} ")
        assert "own subnet" in said and "only if that gateway forwards" in said


@pytest.mark.parametrize("forwards", [True, False])
def test_a_gateway_that_somebody_gave_the_bridge_is_asked_for(node, forwards):
    node.ip_batch(f"link add cni0 type bridge\nlink set cni0 up\n"
                  f"addr add {GATEWAY4}/24 dev cni0\n")
    node.sysctl("ipv4.ip_forward", int(forwards))
    reached, words = pods_reach_each_other(node, own_subnet())
    assert reached == forwards
    assert [bool(said) for said in words] == [not forwards] * 2


@pytest.mark.parametrize("route, told", [
    ({"dst": "10.1.2.0/25", "gw": "10.1.2.77"}, True),
    ({"dst": SUBNET4, "gw": "10.1.2.77", "priority": 5}, False),  # the link's goes first
    ({"dst": SUBNET4, "gw": "10.1.2.77", "table": 77}, False),
    ({"dst": "10.1.0.0/16", "gw": "10.1.2.77"}, False)])
def test_what_is_told_is_what_goes_before_the_link(node, route, told):
    conf = network("v4", isDefaultGateway=None, ipMasq=None, ipam={"routes": [route]})
    pod = node.pod()
    result, words = add_with_words(node, pod, conf)
    assert bool(words) == told
    node.check(pod, conf, result)


@pytest.mark.parametrize("route, told", [
    ({"dst": SUBNET6}, False),  # IPv6's metric is 1024, the link's 256
    ({"dst": SUBNET6, "priority": 100}, True),
    ({"dst": "fd00:1:2::/65"}, True)])
def test_of_IPv6_as_well(node, route, told):
    conf = network("v6", isDefaultGateway=None, ipMasq=None, ipam={"routes": [route]})
    assert bool(add_with_words(node, node.pod(), conf)[1]) == told


# -- a gateway outside its subnet


def outside(subnet=SUBNET4, gateway="10.9.9.1", **changes):
    ipam = changes.pop("ipam", {})
    changes = {"isDefaultGateway": None, "ipMasq": None, **changes}
    return network("v4", ipam={"ranges": [[{"subnet": subnet, "gateway": gateway}]], **ipam},
                   **changes)


@pytest.mark.parametrize("conf, word", [
    (outside(isGateway=True), "isGateway"),
    (outside(isDefaultGateway=True), "isGateway"),
    (outside(SUBNET6, "fd00:9::1", isGateway=True), "isGateway"),
    (outside(ipam={"routes": [{"dst": "0.0.0.0/0"}]}), "0.0.0.0/0"),
    (outside(ipam={"routes": [{"dst": "10.8.0.0/16"}]}), "10.8.0.0/16"),
    (outside(SUBNET6, "fd00:9::1", ipam={"routes": [{"dst": "::/0"}]}), "::/0")])
def test_where_it_can_not_work_it_is_refused_before_anything_is_made(node, conf, word):
    pod, before = node.pod(), node.state()
    with pytest.raises(plugin.CniError) as error:
        node.add(pod, conf)
    given = conf["ipam"]["ranges"][0][0]
    assert error.value.code == plugin.CONFIG
    assert error.value.msg.startswith("ipam.ranges[0][0].gateway: ")
    error.value.says(given["gateway"], given["subnet"], word)
    assert node.state() == before


@pytest.mark.parametrize("changes, key", [
    ({"ipam": {"ranges": None, "subnet": SUBNET4, "gateway": "10.9.9.1"}}, "ipam.gateway"),
    ({"runtimeConfig": {"ipRanges": [[{"subnet": "10.7.0.0/24", "gateway": "10.9.9.1"}]]}},
     "runtimeConfig.ipRanges[0][0].gateway")])
def test_the_key_is_named_wherever_it_stands(node, changes, key):
    with pytest.raises(plugin.CniError) as error:
        node.add(node.pod(), network(**changes))
    assert error.value.msg.startswith(f"{key}: 10.9.9.1 is not in subnet ")


def test_where_nobody_has_to_reach_it_it_is_served(node):
    """As with the reference, which then gives the subnet's first address to a pod."""
    first, second, conf = node.pod(), node.pod(), outside()
    result = node.add(first, conf)
    assert result["ips"][0]["address"] == "10.1.2.1/24"
    assert result["ips"][0]["gateway"] == "10.9.9.1"
    other, = addresses_of(node.add(second, conf))
    assert first.ping(other)
    node.check(first, conf, result)


@pytest.mark.parametrize("address, gateway, told", [
    ("10.1.2.9/24", "10.9.9.1", True), ("fd00:1:2::9/64", "fd00:9::1", True),
    ("10.1.2.9/32", "10.1.2.9", False), ("fd00:1:2::9/64", "fe80::1", False)])
def test_another_IPAM_plugins_gateway_that_the_pod_can_not_reach_is_told(node, address, gateway,
                                                                       told):
    """No key of the configuration has that gateway, so the message names none."""
    fake = delegates.Delegate(node, f"""
        if verb == "ADD":
            answer(ips=[{{"address": "{address}", "gateway": "{gateway}"}}])""")
    pod = node.pod()
    conf = fake.conf(isDefaultGateway=None, isGateway=True, ipMasq=None)
    result, words = add_with_words(node, pod, conf, env=fake.env)
    assert (gateway in words and "isGateway" in words) if told else words == ""
    assert result["ips"][0]["gateway"] == gateway
    node.check(pod, conf, result, env=fake.env)


def test_a_route_of_its_own_gateway_doesn_t_need_it(node):
    pod = node.pod()
    conf = outside(ipam={"routes": [{"dst": "0.0.0.0/0", "gw": "10.1.2.77"}]})
    node.check(pod, conf, node.add(pod, conf))


def test_a_gateway_that_another_route_leads_to_is_served(node):
    """The way to a gateway that is in no subnet: first a route to itself, on the link."""
    pod = node.pod()
    conf = outside(ipam={"routes": [{"dst": "10.9.9.1/32", "gw": "0.0.0.0", "scope": 253},
                                    {"dst": "0.0.0.0/0"}]})
    node.add(pod, conf)
    assert [r["gateway"] for r in pod.routes() if r["dst"] == "default"] == ["10.9.9.1"]


def test_a_link_local_gateway_is_in_no_subnet_and_reached(node):
    pod = node.pod()
    conf = outside(SUBNET6, "fe80::77", ipam={"routes": [{"dst": "::/0"}]})
    result = node.add(pod, conf)
    assert [r["gateway"] for r in pod.routes(6) if r["dst"] == "default"] == ["fe80::77"]
    node.check(pod, conf, result)


def test_DEL_of_a_pod_that_an_earlier_version_made_so_works(node):
    pod = node.pod()
    node.delete(pod, outside(isGateway=True))


# -- moved by a later plugin


def by_sbr(pod, family, gateway, hints=False):
    """As the reference's sbr moves an interface's routes: to a table of their own."""
    for route in pod.ip(f"-{family} route show dev eth0").splitlines():
        words = route.replace(" linkdown", "").replace(" pref medium", "")
        pod.ip(f"-{family} route replace {words} dev eth0 table 100")
        if not hints or "via" in words:
            pod.ip(f"-{family} route del {words} dev eth0")


@pytest.mark.parametrize("hints", [False, True])
def test_CHECK_finds_the_routes_that_sbr_moved(node, hints):
    """With addSourceHints, of the reference's newest, the subnet's stays."""
    pod, conf = node.pod(), network("dual")
    result = node.add(pod, conf)
    for family, gateway in ((4, GATEWAY4), (6, GATEWAY6)):
        by_sbr(pod, family, gateway, hints)
    node.check(pod, conf, result)
    pod.ip("-4 route del default table 100")
    with plugin.refusal(plugin.CHECK, "0.0.0.0/0", GATEWAY4):
        node.check(pod, conf, result)


def test_a_route_of_another_interface_is_not_the_one_that_was_moved(node):
    pod, conf = node.pod(), network("v4")
    result = node.add(pod, conf)
    pod.ip_batch("link add dummy type veth peer name other\nlink set dummy up\n"
                 f"route add default via {GATEWAY4} dev dummy onlink table 100\n"
                 "route del default dev eth0\n")
    with plugin.refusal(plugin.CHECK):
        node.check(pod, conf, result)


def test_a_table_that_was_asked_for_is_looked_at_alone(node):
    pod = node.pod()
    conf = network("v4", ipam={"routes": [{"dst": "198.18.0.0/15", "table": 1042}]})
    result = node.add(pod, conf)
    node.check(pod, conf, result)
    if plugin.NEWEST >= "1.1.0":
        pod.ip_batch(f"route add 198.18.0.0/15 via {GATEWAY4} table 100\n"
                     "route del 198.18.0.0/15 table 1042\n")
        with pytest.raises(plugin.CniError):
            node.check(pod, conf, result)
