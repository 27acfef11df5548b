# SPDX-License-Identifier: GPL-2.0-or-later
"""podLink "routed": pods share no link, and everything between them goes through the node."""
import socket
import time

import pytest

from harness import former, plugin, snapshot
from harness.command import cleanup, command, repair, written
from harness.delegates import Delegate
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, NETWORK, NODE4, NODE6,
                          addresses_of, named, network)
from harness.portmap import ask, ports, served, settled
from harness.service import (SWITCHES, netfilter_on_the_bridge, netfilter_switch,
                             service)
from harness.wire import (BROADCAST, ETH_P_ALL, ETHERTYPE, listening, send_frame,
                          source_seen)

ALIAS = {"routed": "bridge-cni: routed", "bridged": "bridge-cni: bridged"}
LINK_SCOPE = 253


@pytest.fixture(autouse=True)
def off_the_bridge(node):
    """netfilter does not see what crosses the bridge, as routed pods need it."""
    netfilter_on_the_bridge(node, False)


def routed(families="dual", **changes):
    return network(families, podLink="routed", **changes)


def alias(node):
    return node.links()["cni0"].get("ifalias")


def host_of(result):
    return named(result, sandbox=False)[1]["name"]


def neighbours(node, dev="cni0"):
    """Address -> MAC address of the permanent ones."""
    return {n["dst"]: n["lladdr"] for n in node.ip_json(f"neigh show dev {dev}")
            if "PERMANENT" in n["state"]}


def of_pod(node, result):
    mac = named(result, sandbox=True)[0]["mac"]
    return {address: mac for address in addresses_of(result)}


def attached(node, conf, n=2):
    pods = [node.pod() for _ in range(n)]
    return pods, [node.add(pod, conf) for pod in pods]


def assert_connected(pods, results):
    """Each reaches the other, gateway and world, and is reached by the node."""
    for pod in pods:
        for address in (*addresses_of(results[0]), *addresses_of(results[1])):
            assert pod.ping(address), f"{pod.name} doesn't reach {address}"
        assert pod.ping(GATEWAY4) and pod.ping(GATEWAY6)
        assert source_seen(pod, pod.node.outside, INTERNET4) == NODE4
        assert source_seen(pod, pod.node.outside, INTERNET6) == NODE6


# -- addresses, routes, neighbours


def test_each_pod_has_its_address_alone_and_reaches_all_by_the_node(node):
    conf = routed()
    pods, results = attached(node, conf)
    assert results[0]["ips"] == [
        {"interface": 2, "address": "10.1.2.2/32", "gateway": GATEWAY4},
        {"interface": 2, "address": "fd00:1:2::2/128", "gateway": GATEWAY6}]
    assert results[0]["routes"] == [
        {"dst": f"{GATEWAY4}/32", "scope": LINK_SCOPE}, {"dst": f"{GATEWAY6}/128"},
        {"dst": "0.0.0.0/0", "gw": GATEWAY4}, {"dst": "::/0", "gw": GATEWAY6}]
    assert {"10.1.2.2/32", "fd00:1:2::2/128"} <= set(pods[0].addresses("eth0"))
    assert pods[0].ip("route").split() == (
        f"default via {GATEWAY4} dev eth0 {GATEWAY4} dev eth0 scope link").split()
    assert node.addresses("cni0") == [f"{GATEWAY4}/24", f"{GATEWAY6}/64"]
    assert_connected(pods, results)
    for pod, result in zip(pods, results):
        node.check(pod, conf, result)


@pytest.mark.parametrize("version", [v for v in plugin.VERSIONS if v != "1.1.0"])
def test_older_results_have_the_route_to_the_gateway_without_its_scope(node, version):
    conf, pod = routed("v4", cniVersion=version), node.pod()
    result = node.add(pod, conf)
    expected = [{"dst": f"{GATEWAY4}/32"}, {"dst": "0.0.0.0/0", "gw": GATEWAY4}]
    if version < "0.3.0":
        assert result["ip4"] == {"ip": "10.1.2.2/32", "gateway": GATEWAY4, "routes": expected}
    else:
        assert result["routes"] == expected
    if version >= "0.4.0":
        node.check(pod, conf, result)
    assert pod.ping(GATEWAY4)


def test_without_a_default_route_the_subnets_still_lead_by_the_node(node):
    conf = routed(isDefaultGateway=None, isGateway=True)
    pods, results = attached(node, conf)
    assert [route for route in results[0]["routes"] if "gw" in route] == [
        {"dst": "10.1.2.0/24", "gw": GATEWAY4}, {"dst": "fd00:1:2::/64", "gw": GATEWAY6}]
    for address in addresses_of(results[1]):
        assert pods[0].ping(address)
    node.check(pods[0], conf, results[0])


def test_another_routers_route_gets_one_to_that_router_first(node):
    router = "10.1.2.77"
    conf = routed("v4", ipam={"routes": [{"dst": "192.168.0.0/16", "gw": router}]})
    pod = node.pod()
    result = node.add(pod, conf)
    assert result["routes"] == [
        {"dst": f"{GATEWAY4}/32", "scope": LINK_SCOPE},
        {"dst": f"{router}/32", "scope": LINK_SCOPE},
        {"dst": "192.168.0.0/16", "gw": router}, {"dst": "0.0.0.0/0", "gw": GATEWAY4}]
    node.check(pod, conf, result)


def test_several_subnets_each_have_their_gateway(node):
    conf = routed(ipam={"ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.9.0.0/16"}],
                                   [{"subnet": "fd00:1:2::/64", "gateway": "fe80::1"}]]})
    pods, results = attached(node, conf)
    assert [ip["address"] for ip in results[0]["ips"]] == [
        "10.1.2.2/32", "10.9.0.2/32", "fd00:1:2::1/128"]
    for address in addresses_of(results[1]):
        assert pods[0].ping(address) and node.ping(address), address
    node.check(pods[0], conf, results[0])
    assert neighbours(node) == {**of_pod(node, results[0]), **of_pod(node, results[1])}


def test_two_interfaces_of_a_pod(node):
    conf = routed()
    pod, other = node.pod(), node.pod()
    results = [node.add(pod, conf, ifname=name) for name in ("eth0", "net1")]
    other_result = node.add(other, conf)
    for result in results:
        for address in addresses_of(result):
            assert other.ping(address), address
    for address in addresses_of(other_result):
        assert pod.ping(address)
    for name, result in zip(("eth0", "net1"), results):
        node.check(pod, conf, result, ifname=name)
    node.delete(pod, conf, ifname="net1")
    assert pod.ping(addresses_of(other_result)[0])


def test_the_MAC_address_that_was_asked_for_is_the_neighbours(node):
    mac = "02:00:00:00:00:42"
    conf = routed(runtimeConfig={"mac": mac, "ips": ["10.1.2.40"]})
    pod = node.pod()
    result = node.add(pod, conf)
    assert neighbours(node) == {"10.1.2.40": mac, "fd00:1:2::2": mac}
    node.check(pod, conf, result)
    node.delete(pod, conf)
    assert neighbours(node) == {}


def test_with_duplicate_address_detection(node):
    pod, conf = node.pod(), routed("v6", enabledad=True)
    result = node.add(pod, conf)
    assert pod.ping(GATEWAY6)
    node.check(pod, conf, result)


@pytest.mark.parametrize("key", ["spoofCheck", "macspoofchk", "hairpinMode", "promiscMode",
                                 "ipMasqFullyRandom"])
def test_beside_other_keys(node, key):
    conf = routed(**{key: True})
    pods, results = attached(node, conf)
    settled(node)
    assert_connected(pods, results)
    for pod, result in zip(pods, results):
        node.check(pod, conf, result)
    assert repair(node, conf) == ["nothing to mend"]


@pytest.mark.parametrize("accepts", [True, False])
def test_redirects_of_the_node_lead_no_pod_astray(node, accepts):
    """The node sends them, as packets leave by the link that they came in by. A pod that
    takes them finds nobody where they point; those of a link-local gateway it must not
    take."""
    (pod, _), (_, result) = attached(node, routed() if accepts else routed("v6", ipam={
        "ranges": [[{"subnet": "fd00:1:2::/64", "gateway": "fe80::1"}]]}))
    for key in ("ipv4.conf.all", "ipv4.conf.eth0", "ipv6.conf.all", "ipv6.conf.eth0"):
        if accepts:
            pod.sysctl(f"{key}.accept_redirects", 1)
    for address in addresses_of(result):
        for _ in range(5):
            assert pod.ping(address, wait=1)
            time.sleep(0.2)  # the kernel sends few redirects at once


def test_an_isolated_network_in_its_own_words_is_served_as_well(node):
    conf = routed(portIsolation=True)
    pods, results = attached(node, conf)
    node.check(pods[0], conf, results[0])
    assert all(node.links()[host_of(r)]["linkinfo"]["info_slave_data"]["isolated"]
               for r in results)


# -- no frames between pods


def frames(ns, mac, wait=0.3):
    """The frames that came in there with that source."""
    with ns.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind(("eth0", ETH_P_ALL))
        yield
        sock.settimeout(wait)
        found = []
        try:
            while True:
                found.append(sock.recv(2048))
        except TimeoutError:
            yield [frame for frame in found if frame[6:12].hex(":") == mac]


@pytest.mark.parametrize("link, seen", [("routed", False), ("bridged", True)])
def test_no_frame_of_a_pod_reaches_another(node, link, seen):
    conf = network("dual", podLink=link)
    (attacker, victim), results = attached(node, conf)
    mine, its = (named(result, sandbox=True)[0]["mac"] for result in results)
    capture = frames(victim, mine)
    next(capture)
    for target in (BROADCAST, its, "01:00:5e:00:00:fb", "33:33:00:00:00:01"):
        for ethertype in (ETHERTYPE, 0x0800, 0x86dd, 0x0806):
            send_frame(attacker, "eth0", target, b"frame", ethertype)
    for address in addresses_of(results[1]):
        assert attacker.ping(address)
    attacker.ping("ff02::1%eth0", wait=0.2)
    assert bool(next(capture)) is seen


def test_without_a_common_link_a_broadcast_reaches_only_the_node(node):
    (pod, other), _ = attached(node, routed("v4"))
    with listening(other, "eth0") as found, listening(node, "cni0") as at_node:
        send_frame(pod, "eth0", BROADCAST, b"to all")
    assert found == [] and at_node == [b"to all"]


# -- permanent neighbours


def test_the_node_knows_each_pods_MAC_address_until_its_DEL(node):
    conf = routed()
    (first, second), results = attached(node, conf)
    assert neighbours(node) == {**of_pod(node, results[0]), **of_pod(node, results[1])}
    node.delete(first, conf)
    assert neighbours(node) == of_pod(node, results[1])
    node.delete(second, network("dual"))  # the record says that it was routed
    assert neighbours(node) == {}
    node.assert_nothing_left(second)


def test_bridged_pods_have_none(node):
    node.add(node.pod(), network("dual"))
    assert neighbours(node) == {}


def test_those_of_a_dead_pod_go_by_GC(node):
    conf, pod, other = routed(), node.pod(), node.pod()
    node.add(pod, conf)
    kept = node.add(other, conf)
    pod.remove()
    valid = [{"containerID": other.id, "ifname": "eth0"}]
    plugin.judge("GC", node.invoke("GC", {**conf, "cni.dev/valid-attachments": valid}), "1.1.0")
    assert neighbours(node) == of_pod(node, kept)


def test_those_of_a_failed_ADD_go_with_it(node):
    conf, pod = routed(), node.pod()
    done = node.invoke("ADD", conf, pod,
                       wrapper=["sh", "-c", 'exec "$@" >/dev/full', "sh"])
    assert done.returncode != 0
    assert neighbours(node) == {}
    node.assert_nothing_left(pod)


def test_an_address_that_is_another_pods_by_now_keeps_its_neighbour(node):
    """Some IPAM plugins give an address away before the DEL."""
    delegate = Delegate(node)
    conf = delegate.conf(podLink="routed")
    old, new = node.pod(), node.pod()
    delegate.add(old, conf)
    result = delegate.add(new, conf)
    delegate.delete(old, conf)
    assert neighbours(node) == of_pod(node, result)


def test_a_bridge_that_went_down_and_up_is_named_and_repaired(node):
    """The kernel forgets them; pods are reached meanwhile by asking."""
    conf = routed()
    (pod, other), (result, _) = attached(node, conf)
    before = neighbours(node)
    node.ip("link set cni0 down")
    node.ip("link set cni0 up")
    assert neighbours(node) == {}
    settled(node)
    for address in addresses_of(result):
        assert node.ping(address) and other.ping(address)
    with plugin.refusal(plugin.CHECK, "cni0", "permanent neighbour", "10.1.2.2",
                        "one that isn't permanent"):
        node.check(pod, conf, result)
    lines = repair(node, conf)
    assert f"{NETWORK} {pod.id} eth0: its permanent neighbours on cni0" in lines
    assert len(lines) == 2
    assert neighbours(node) == before
    node.check(pod, conf, result)
    assert repair(node, conf) == ["nothing to mend"]


def test_a_bridge_that_was_deleted_comes_back_routed(node):
    conf = routed()
    pods, results = attached(node, conf)
    before = neighbours(node)
    node.ip("link del cni0")
    repair(node, conf)
    assert neighbours(node) == before and alias(node) == ALIAS["routed"]
    settled(node)
    assert_connected(pods, results)
    node.check(pods[0], conf, results[0])


def test_isolation_that_was_turned_off_is_named_and_repaired(node):
    conf, pod = routed(), node.pod()
    result = node.add(pod, conf)
    node.run("bridge", "link", "set", "dev", host_of(result), "isolated", "off")
    with plugin.refusal(plugin.CHECK, host_of(result), "isolation"):
        node.check(pod, conf, result)
    repair(node, conf)
    node.check(pod, conf, result)


# -- another IPAM plugin


def test_another_IPAM_plugins_subnet_becomes_an_address_alone(node):
    delegate = Delegate(node, """
        if verb == "ADD":
            n = 5 + os.path.exists(here + "/first")
            open(here + "/first", "w").close()
            answer(ips=[{"address": f"10.77.0.{n}/24", "gateway": "10.77.0.1"}])""")
    conf = delegate.conf(podLink="routed")
    pods = [node.pod(), node.pod()]
    results = [delegate.add(pod, conf) for pod in pods]
    assert [ip["address"] for r in results for ip in r["ips"]] == ["10.77.0.5/32",
                                                                   "10.77.0.6/32"]
    assert node.addresses("cni0") == ["10.77.0.1/24"]
    assert pods[0].ping("10.77.0.6") and pods[1].ping(INTERNET4)
    # What goes to the pod's own subnet keeps its source.
    assert source_seen(pods[0], pods[1], "10.77.0.6") == "10.77.0.5"
    delegate.check(pods[0], results[0], conf)
    delegate.delete(pods[0], conf)
    assert neighbours(node) == of_pod(node, results[1])


@pytest.mark.parametrize("address, gateway", [("10.77.0.5/32", ""), ("10.77.0.5/24", "10.78.0.1")])
def test_its_gateway_has_to_be_in_the_subnet(node, address, gateway):
    delegate = Delegate(node, f"""
        if verb == "ADD":
            answer(ips=[{{"address": "{address}", "gateway": "{gateway}"}}])"""
                        .replace('"gateway": ""', '"gateway": None'))
    pod = node.pod()
    with plugin.refusal(plugin.CONFIG, "podLink", "fake", address, "no route to the pod"):
        delegate.add(pod, delegate.conf(podLink="routed"))
    assert delegate.verbs() == ["ADD", "DEL"]
    node.assert_nothing_left(pod)


# -- what can't be


REFUSED = {
    "without a gateway": ({"isDefaultGateway": None}, ["podLink", "isGateway"]),
    "without addresses": ({"ipam": {"type": "", "ranges": None}}, ["podLink", "ipam.type"]),
    "an interface that stays down": (
        {"disableContainerInterface": True, "ipam": {"type": "", "ranges": None}},
        ["podLink", "disableContainerInterface"]),
    "another word": ({"podLink": "switched"}, ["podLink", "switched", "bridged", "routed"]),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_can_not_be_is_refused_before_anything_is_touched(node, what):
    keys, words = REFUSED[what]
    pod, conf = node.pod(), network("dual", **{"podLink": "routed", **keys})
    before = node.state()
    with plugin.refusal(plugin.CONFIG, *words):
        node.add(pod, conf)
    snapshot.assert_same(before, node.state())
    node.delete(pod, conf)


# -- one choice for a bridge


def other_of(link):
    return "routed" if link == "bridged" else "bridged"


@pytest.mark.parametrize("link", ["bridged", "routed"])
def test_a_bridge_has_pods_of_one_podLink(node, link):
    first, second = node.pod(), node.pod()
    conf, other = (network(podLink=which) for which in (link, other_of(link)))
    node.add(first, conf)
    before = node.state()
    port, = node.host_veths()
    with plugin.refusal(plugin.EXISTS, link, other_of(link), "cni0", port, "drain",
                        "another bridge"):
        node.add(second, other)
    after = node.state()
    snapshot.assert_same(before["node"], after["node"])
    node.delete(first, conf)
    result = node.add(second, other)
    assert alias(node) == ALIAS[other_of(link)]
    node.check(second, other, result)
    assert neighbours(node) == (of_pod(node, result) if link == "bridged" else {})


@pytest.mark.parametrize("link", ["bridged", "routed"])
def test_another_networks_pods_count_as_well(node, link):
    node.add(node.pod(), network(podLink=link))
    second = network(name="second", podLink=other_of(link), ipam={
        "dataDir": "/run/second", "ranges": [[{"subnet": "10.1.2.0/24",
                                               "rangeStart": "10.1.2.9"}]]})
    node.refused(node.pod(), second, plugin.EXISTS, link, "cni0")
    node.add(node.pod(), {**second, "bridge": "cni1", "ipam": {
        **second["ipam"], "ranges": [[{"subnet": "10.8.0.0/24"}]]}})


def test_a_pod_of_the_reference_is_a_bridged_one(node):
    node.ip("link add cni0 up type bridge")
    pod = node.pod()
    node.ip(f"link add veth8a1b up master cni0 type veth peer name eth7 netns {pod.name}")
    for isolated in ("off", "on"):
        node.run("bridge", "link", "set", "dev", "veth8a1b", "isolated", isolated)
        node.refused(node.pod(), routed("v4"), plugin.EXISTS, "bridged", "veth8a1b")
    node.ip("link del veth8a1b")
    node.add(node.pod(), routed("v4"))


def test_a_LAN_port_is_no_pod(node):
    node.ip("link add cni0 type bridge")
    node.ip("link add lan0 master cni0 type vxlan id 7 dstport 4789")
    node.add(node.pod(), routed("v4"))
    assert alias(node) == "bridge-cni: routed, other ports"


def alias_remove(node):
    node.run("ip", "link", "set", "cni0", "alias", "")


@pytest.mark.parametrize("words", ["", "the lab's bridge"])
@pytest.mark.parametrize("isolation", [None, True])
def test_without_the_alias_ports_and_records_tell(node, words, isolation):
    node.add(node.pod(), routed("v4", portIsolation=isolation))
    node.run("ip", "link", "set", "cni0", "alias", words)
    node.refused(node.pod(), network(portIsolation=isolation), plugin.EXISTS, "routed pods")
    node.add(node.pod(), routed("v4", portIsolation=isolation))
    assert alias(node) == (words or ALIAS["routed"])


@pytest.mark.parametrize("words", ["", "the lab's bridge"])
@pytest.mark.parametrize("isolation", [None, True])
def test_a_bridged_pods_bridge_without_the_alias_takes_no_routed_one(node, words, isolation):
    node.add(node.pod(), network(portIsolation=isolation))
    node.run("ip", "link", "set", "cni0", "alias", words)
    node.refused(node.pod(), routed("v4", portIsolation=isolation), plugin.EXISTS,
                 "bridged pods")
    node.add(node.pod(), network(portIsolation=isolation))
    assert alias(node) == (words or ALIAS["bridged"])


def test_isolated_pods_of_another_dataDir_are_taken_for_bridged_and_said_so(node):
    second = network(name="second", portIsolation=True, ipam={
        "dataDir": "/run/second", "ranges": [[{"subnet": "10.1.2.0/24",
                                               "rangeStart": "10.1.2.9"}]]})
    node.add(node.pod(), second)
    alias_remove(node)
    port, = node.host_veths()
    node.refused(node.pod(), routed("v4"), plugin.EXISTS, port, "another dataDir", "repair")
    done = node.invoke("ADD", network(), node.pod())
    assert done.returncode == 0 and port in done.stderr and "bridged" in done.stderr
    assert alias(node) == ALIAS["bridged"]
    assert node.invoke("ADD", network(), node.pod()).stderr == ""


@pytest.mark.parametrize("wrong", ["", ALIAS["bridged"]])
def test_repair_restores_the_alias_from_the_records(node, wrong):
    conf = routed("v4")
    node.add(node.pod(), conf)
    node.run("ip", "link", "set", "cni0", "alias", wrong)
    line, = repair(node, network())
    assert "bridge cni0: " in line
    assert alias(node) == ALIAS["routed"]
    assert repair(node, conf) == ["nothing to mend"]


def test_an_alias_that_lies_misleads_no_ADD(node):
    node.add(node.pod(), routed("v4"))
    node.run("ip", "link", "set", "cni0", "alias", ALIAS["bridged"])
    node.add(node.pod(), routed("v4"))
    assert alias(node) == ALIAS["routed"]


def test_two_first_ADDs_at_once_do_not_differ(node):
    for _ in range(10):
        pods = [node.pod(), node.pod()]
        confs = [network(podLink=link) for link in ("bridged", "routed")]
        calls = [node.start("ADD", conf, pod) for conf, pod in zip(confs, pods)]
        codes = [call().returncode for call in calls]
        assert sorted(codes) == [0, 1]
        assert alias(node) == ALIAS["bridged" if codes[0] == 0 else "routed"]
        for conf, pod in zip(confs, pods):
            node.delete(pod, conf)


def test_an_edited_configuration_leaves_running_pods_as_they_are(node):
    """CHECK, repair and DEL go by the record; an ADD is refused."""
    pods, results = attached(node, routed())
    edited = network("dual")
    before = node.state()
    node.check(pods[0], edited, results[0])
    assert repair(node, edited) == ["nothing to mend"]
    snapshot.assert_same(before["node"], node.state()["node"])
    node.refused(node.pod(), edited, plugin.EXISTS, "routed pods")
    for pod in pods:
        node.delete(pod, edited)
    assert neighbours(node) == {}


def test_an_earlier_versions_pods_are_bridged(node):
    pods, results = attached(node, network("dual"))
    former.age(node, NETWORK)
    node.refused(node.pod(), routed(), plugin.EXISTS, "bridged pods")
    node.add(node.pod(), network("dual"))
    for pod in pods:
        node.delete(pod, network("dual"))


def test_what_an_earlier_versions_DEL_leaves_does_no_harm(node):
    """It knows no neighbours. The next bridged pod may have the IPv6 address with another
    MAC address."""
    pod = node.pod()
    result = node.add(pod, routed())
    old = neighbours(node)
    node.delete(pod, routed())
    for address in old:
        node.ip(f"neigh replace {address} lladdr 02:00:00:00:00:99 dev cni0 nud permanent "
                "proto 98")
    other = node.pod()
    node.ip("neigh add 10.1.2.200 lladdr 02:00:00:00:00:77 dev cni0 nud permanent")
    result = node.add(other, network("dual", ipam={"ranges": [
        [{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.50"}], [{"subnet": "fd00:1:2::/64"}]]}))
    assert neighbours(node) == {"10.1.2.200": "02:00:00:00:00:77"}
    for address in addresses_of(result):
        assert node.ping(address)


def test_cleanup_leaves_nothing_on_a_bridge_that_stays(node):
    node.ip("link add cni0 type bridge")
    conf, pod = routed(), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    node.ip("neigh add 10.1.2.2 lladdr 02:00:00:00:00:99 dev cni0 nud permanent proto 98")
    assert cleanup(node, conf)
    assert neighbours(node) == {} and alias(node) is None


# -- Services, host ports and br_netfilter


ADDRESSES = {"v4": (0, NODE4), "v6": (1, NODE6)}


@pytest.mark.parametrize("family", ADDRESSES)
@pytest.mark.parametrize("link, netfilter", [("routed", False), ("bridged", True)])
def test_a_Service_of_the_node_leads_to_its_pods(node, family, link, netfilter):
    """From another pod, the pod itself and the node; from outside, too."""
    which, _ = ADDRESSES[family]
    netfilter_on_the_bridge(node, netfilter)
    conf = network("dual", podLink=link, hairpinMode=True)
    (pod, other), (result, other_result) = attached(node, conf)
    settled(node)
    address = addresses_of(result)[which]
    vip = service(node, address)
    with served(pod, 80):
        assert ask(other, vip, 80) == ("pod", addresses_of(other_result)[which])
        assert ask(pod, vip, 80)[0] == "pod"
        assert ask(node, vip, 80)[0] == "pod"
        assert ask(other, address, 80) == ("pod", addresses_of(other_result)[which])


def test_with_br_netfilter_such_a_connection_of_routed_pods_times_out(node):
    """That is why an ADD is refused."""
    (pod, other), (result, _) = attached(node, network(podLink="routed"))
    netfilter_on_the_bridge(node, True)
    vip = service(node, addresses_of(result)[0])
    with served(pod, 80):
        assert ask(other, vip, 80, timeout=0.5) is None


@pytest.mark.parametrize("address", [NODE4, NODE6])
def test_a_host_port_is_reached_by_other_pods_and_the_pod_itself(node, address):
    pod, other = node.pod(), node.pod()
    conf = ports((8080, 80), podLink="routed")
    node.add(pod, conf)
    node.add(other, routed())
    settled(node)
    with served(pod, 80):
        for client in (other, pod, node, node.outside):
            assert ask(client, address, 8080)[0] == "pod"
        assert ask(other, GATEWAY6 if ":" in address else GATEWAY4, 8080)[0] == "pod"
        if ":" not in address:
            assert ask(node, "127.0.0.1", 8080)[0] == "pod"


@pytest.mark.parametrize("families, key", [("v4", "iptables"), ("v6", "ip6tables"),
                                           ("dual", "ip6tables")])
def test_br_netfilter_that_would_break_Services_is_named(node, families, key):
    conf, pod = routed(families), node.pod()
    result = node.add(pod, conf)
    netfilter_switch(node, key, 1)
    words = ["podLink", f"net.bridge.bridge-nf-call-{key}", "found 1", "Service", "sysctl -w"]
    with plugin.refusal(plugin.CONFIG, *words):
        node.add(node.pod(), conf)
    with plugin.refusal(plugin.CHECK, *words):
        node.check(pod, conf, result)
    with plugin.refusal(plugin.LIMITED, *words):
        plugin.judge("STATUS", node.invoke("STATUS", conf), "1.1.0")
    done = command(node, "repair", *written(node, conf))
    assert done.returncode == 1 and f"bridge-nf-call-{key}" in done.stderr
    assert node.sysctl(f"bridge.bridge-nf-call-{key}") == "1"
    node.delete(pod, conf)
    netfilter_switch(node, key, 0)
    plugin.judge("STATUS", node.invoke("STATUS", conf), "1.1.0")


def test_the_other_familys_switch_is_nobodys_concern(node):
    netfilter_switch(node, "ip6tables", 1)
    conf, pod = routed("v4"), node.pod()
    node.check(pod, conf, node.add(pod, conf))
    plugin.judge("STATUS", node.invoke("STATUS", conf), "1.1.0")


@pytest.mark.parametrize("key", SWITCHES)
def test_a_switch_of_the_bridge_alone_is_named_as_well(node, key):
    node.ip(f"link add cni0 type bridge nf_call_{key} 1")
    node.refused(node.pod(), routed(), plugin.CONFIG, f"nf_call_{key}", "cni0", "ip link set")
    node.ip(f"link set cni0 type bridge nf_call_{key} 0")
    node.add(node.pod(), routed())


def test_with_another_IPAM_plugin_ADD_and_STATUS_look_as_well(node):
    delegate = Delegate(node)
    conf = delegate.conf(podLink="routed")
    netfilter_on_the_bridge(node, True)
    pod = node.pod()
    with plugin.refusal(plugin.CONFIG, "bridge-nf-call-iptables"):
        delegate.add(pod, conf)
    assert delegate.verbs() == ["ADD", "DEL"]
    node.assert_nothing_left(pod)
    with plugin.refusal(plugin.LIMITED, "bridge-nf-call-iptables"):
        plugin.judge("STATUS", node.invoke("STATUS", conf, env=delegate.env), "1.1.0")
    netfilter_switch(node, "iptables", 0)
    delegate.add(pod, conf)
    plugin.judge("STATUS", node.invoke("STATUS", conf, env=delegate.env), "1.1.0")


def test_bridged_pods_do_not_ask_about_it(node, tmp_path):
    trace = tmp_path / "trace"
    netfilter_on_the_bridge(node, True)
    node.add(node.pod(), network("dual"), env=plugin.TRACED,
             wrapper=plugin.strace(trace, "openat"))
    assert "bridge-nf" not in trace.read_text()
