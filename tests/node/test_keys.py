# SPDX-License-Identifier: GPL-2.0-or-later
"""Each key of the bridge plugin through a whole life: ADD, CHECK, a failed ADD, DEL; what
CHECK names, and what it accepts; the result's entries."""
import pytest

from harness import plugin
from harness.node import INTERNET4, INTERNET6, addresses_of, named, network

KEYS = {
    "mtu": {"mtu": 1400},
    "hairpinMode": {"hairpinMode": True},
    "promiscMode": {"promiscMode": True},
    "forceAddress": {"forceAddress": True},
    "portIsolation": {"portIsolation": True},
    "isolate": {"isolate": True},
    "isolate, strict": {"isolate": "strict"},
    "runtimeConfig.mac": {"runtimeConfig": {"mac": "02:00:00:00:00:01"}},
    "args.cni.mac": {"args": {"cni": {"mac": "02:00:00:00:00:02"}}},
    "ipMasqBackend": {"ipMasqBackend": "nftables"},
    "nonMasqueradeCIDRs": {"nonMasqueradeCIDRs": ["198.51.100.0/24", "2001:db8:b::/48"]},
    "ipMasqFullyRandom": {"ipMasqFullyRandom": True},
    "routes": {"ipam": {"routes": [{"dst": "198.18.0.0/15", "mtu": 1300, "advmss": 1200,
                                    "priority": 5, "table": 42, "scope": 0}]}},
    "dns": {"dns": {"nameservers": ["10.1.2.53"], "search": ["cluster.local"]}},
}
KEYS["all but promiscMode"] = {key: value for keys in KEYS.values()
                               for key, value in keys.items() if key != "promiscMode"}


def failing(conf):
    """Fails in the last stage that touches the pod: a route that leads nowhere."""
    ipam = dict(conf["ipam"])
    ipam["routes"] = [*ipam.get("routes", []), {"dst": "203.0.113.0/24", "gw": "9.9.9.9"}]
    return {**conf, "ipam": ipam}


@pytest.mark.parametrize("key", KEYS)
def test_nothing_is_left_of_a_failed_ADD_and_of_a_DEL(node, key):
    conf, pod = network("dual", **KEYS[key]), node.pod()
    with pytest.raises(plugin.CniError) as error:
        node.add(pod, failing(conf))
    error.value.says("203.0.113.0/24")
    node.assert_nothing_left(pod)
    result = node.add(pod, conf)
    assert pod.ping(INTERNET6)
    node.check(pod, conf, result)
    node.delete(pod, conf, result)
    node.assert_nothing_left(pod)
    node.delete(pod, conf)


@pytest.mark.parametrize("key", KEYS)
def test_DEL_needs_neither_the_namespace_nor_the_key(node, key):
    conf, pod = network("dual", **KEYS[key]), node.pod()
    node.add(pod, conf)
    pod.remove()
    node.delete(pod, network("dual"))
    node.assert_nothing_left(pod)


# -- what CHECK names

ROUTE = {"ipam": {"routes": [{"dst": "198.18.0.0/15", "mtu": 1300, "advmss": 1200,
                              "priority": 5, "table": 42}]}}
OTHER_ROUTE = "route replace 198.18.0.0/15 via 10.1.2.1 {} metric {} table {}"


def bridge_link(*settings):
    return lambda node, pod, host: node.run("bridge", "link", "set", "dev", host, *settings)


def other_route(metrics, metric=5, table=42):
    def act(node, pod, host):
        pod.ip("route flush table 42")
        pod.ip(OTHER_ROUTE.format(metrics, metric, table))

    return act


DAMAGE = {
    "hairpin turned on": ({}, bridge_link("hairpin", "on"), ["hairpin", "off"]),
    "isolation turned on": ({}, bridge_link("isolated", "on"), ["isolation", "off"]),
    "a route's mtu": (ROUTE, other_route("mtu 1200 advmss 1200"), ["mtu 1200"]),
    "a route's advmss": (ROUTE, other_route("mtu 1300"), ["advmss 0"]),
    "a route's priority": (ROUTE, other_route("mtu 1300 advmss 1200", metric=6),
                           ["priority 6"]),
    "a route's table": (ROUTE, other_route("mtu 1300 advmss 1200", table=43), ["table 43"]),
    "the requested MAC": (KEYS["runtimeConfig.mac"],
                          lambda node, pod, host: pod.ip(
                              "link set eth0 address 02:00:00:00:00:77"),
                          ["02:00:00:00:00:01", "02:00:00:00:00:77"]),
    "the host's end's MAC": ({}, lambda node, pod, host: node.ip(
        f"link set {host} address 02:00:00:00:00:77"), ["02:00:00:00:00:77"]),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_CHECK_names(node, what):
    keys, act, words = DAMAGE[what]
    conf, pod = network("dual", **keys), node.pod()
    result = node.add(pod, conf)
    host = named(result, sandbox=False)[1]["name"]
    act(node, pod, host)
    with plugin.refusal(plugin.CHECK, *words):
        node.check(pod, conf, result)


OTHERS = """
table inet others {
    chain forward {
        type filter hook forward priority 1
        ct state invalid drop comment "somebody's"
    }
}
"""


@pytest.mark.parametrize("key", KEYS)
def test_CHECK_accepts_what_later_plugins_do(node, key):
    """tuning's MAC and MTU, queues and multicast; addresses, routes and rules of others."""
    conf, pod = network("dual", **KEYS[key]), node.pod()
    result = node.add(pod, conf)
    pod.ip_batch("""
        link set eth0 address 02:00:00:00:00:99
        link set eth0 mtu 1290
        link set eth0 allmulticast on promisc on txqueuelen 500
        addr add 172.30.0.1/24 dev eth0
        addr add fd00:77::1/64 dev eth0 nodad
        route add 203.0.113.0/24 via 10.1.2.1
        route add 198.18.0.0/15 via 10.1.2.1 metric 1000
        """)
    node.ip("addr add 172.30.0.2/24 dev cni0")
    node.nft(OTHERS)
    interface, = named(result, sandbox=True)
    interface["mac"] = "02:00:00:00:00:99"
    if "mtu" in interface:
        interface["mtu"] = 1290
    result["ips"].append({"address": "172.30.0.1/24", "interface": 2})
    node.check(pod, conf, result)


# -- the result


def test_interfaces_stand_in_the_references_order_with_its_fields(node):
    pod = node.pod()
    result = node.add(pod, network("dual", mtu=1400, **KEYS["runtimeConfig.mac"]))
    bridge, host, container = result["interfaces"]
    common = {"name", "mac"} | ({"mtu"} if plugin.NEWEST >= "1.1.0" else set())
    assert [set(i) for i in (bridge, host, container)] == \
        [common, common, common | {"sandbox"}]
    assert (bridge["name"], container["name"]) == ("cni0", "eth0")
    assert node.links()[host["name"]]["master"] == "cni0"
    assert (container["sandbox"], container["mac"]) == (pod.netns, "02:00:00:00:00:01")
    assert {ip["interface"] for ip in result["ips"]} == {2}


def test_without_IPAM_the_result_has_the_same_interfaces_and_no_addresses(node):
    pod = node.pod()
    result = node.add(pod, network(ipam=None, isDefaultGateway=None, ipMasq=None,
                                   dns=KEYS["dns"]["dns"]))
    assert len(result["interfaces"]) == 3 and not result.get("ips")
    assert not result.get("routes") and result["dns"] == KEYS["dns"]["dns"]


def test_keys_that_change_between_pods_hold_for_the_new_ones(node):
    """A port is its pod's; what is shared becomes what the last configuration says."""
    old, new = node.pod(), node.pod()
    of_old = node.add(old, network("dual"))
    of_new = node.add(new, network("dual", hairpinMode=True, mtu=1400, portIsolation=True))
    ports = {name: link["linkinfo"]["info_slave_data"] for name, link in node.links().items()
             if link.get("master") == "cni0"}
    hosts = [named(r, sandbox=False)[1]["name"] for r in (of_old, of_new)]
    assert [ports[h]["hairpin"] for h in hosts] == [False, True]
    assert [ports[h]["isolated"] for h in hosts] == [False, True]
    assert [p.links()["eth0"]["mtu"] for p in (old, new)] == [1500, 1400]
    assert old.ping(addresses_of(of_new)[0]) and old.ping(INTERNET4) and new.ping(INTERNET4)
    assert len(node.reservations()) == 4
