# SPDX-License-Identifier: GPL-2.0-or-later
"""ADD: what a pod has afterwards, and what the node has."""
import json

import pytest

from harness import plugin, snapshot
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, NETWORK, OUTSIDE4,
                          OUTSIDE6, addresses_of, named, network)

FAMILIES = ["v4", "v6", "dual"]
GATEWAYS = {"v4": [GATEWAY4], "v6": [GATEWAY6], "dual": [GATEWAY4, GATEWAY6]}
AWAY = {"v4": [OUTSIDE4, INTERNET4], "v6": [OUTSIDE6, INTERNET6],
        "dual": [OUTSIDE4, INTERNET4, OUTSIDE6, INTERNET6]}


@pytest.mark.parametrize("families", FAMILIES)
def test_pods_reach_each_other_the_gateway_and_the_world(node, families):
    conf = network(families)
    first, second = node.pod(), node.pod()
    result = node.add(first, conf)
    other = node.add(second, conf)
    for address in addresses_of(other) + GATEWAYS[families] + AWAY[families]:
        assert first.ping(address), f"the first pod doesn't reach {address}"
    for address in addresses_of(result):
        assert second.ping(address), f"the second pod doesn't reach {address}"
        assert node.ping(address), f"the node doesn't reach {address}"


@pytest.mark.parametrize("families", FAMILIES)
def test_without_masquerade_the_world_does_not_answer(node, families):
    """The counter-proof: outside has no route back to pods."""
    pod = node.pod()
    node.add(pod, network(families, ipMasq=False))
    for address in GATEWAYS[families]:
        assert pod.ping(address)
    for address in AWAY[families][::2]:
        assert not pod.ping(address, wait=0.3)


@pytest.mark.parametrize("families", FAMILIES)
def test_the_result_says_what_the_kernel_holds(node, families):
    pod = node.pod()
    result = node.add(pod, network(families))
    bridge, host, container = result["interfaces"]
    links = node.links()
    assert (bridge["name"], bridge["mac"]) == ("cni0", links["cni0"]["address"])
    assert host["mac"] == links[host["name"]]["address"]
    assert links[host["name"]]["master"] == "cni0"
    inside = pod.links()["eth0"]
    assert (container["name"], container["mac"]) == ("eth0", inside["address"])
    assert container["sandbox"] == pod.netns
    assert not bridge.get("sandbox") and not host.get("sandbox")
    assert sorted(ip["address"] for ip in result["ips"]) == pod.addresses("eth0")
    assert [ip["gateway"] for ip in result["ips"]] == GATEWAYS[families]
    assert all(result["interfaces"][ip["interface"]] == container for ip in result["ips"])
    assert {"UP", "LOWER_UP"} <= set(inside["flags"])


def test_the_host_veth_is_named_and_labelled_by_the_identity(node):
    pod = node.pod()
    result = node.add(pod, network())
    name = named(result, sandbox=False)[1]["name"]
    assert name.startswith("veth") and len(name) == 15
    alias = node.links()[name]["ifalias"]
    assert NETWORK in alias and pod.id in alias and "eth0" in alias


@pytest.mark.parametrize("mtu", [1500, 1279])  # with less than 1280 a link has no IPv6
def test_the_host_veth_has_no_link_local_address(node, mtu):
    result = node.add(node.pod(), network(mtu=mtu))
    name = named(result, sandbox=False)[1]["name"]
    assert node.links()[name]["operstate"] == "UP"
    assert "inet" not in node.run("ip", "addr", "show", "dev", name).stdout


def test_the_host_veth_of_one_identity_is_always_named_the_same(node):
    conf, pod = network(), node.pod()
    first = named(node.add(pod, conf), sandbox=False)[1]["name"]
    node.delete(pod, conf)
    assert named(node.add(pod, conf), sandbox=False)[1]["name"] == first
    other = named(node.add(pod, conf, ifname="eth1"), sandbox=False)[1]["name"]
    assert other != first


def test_a_pod_may_have_two_interfaces_and_two_networks(node):
    pod = node.pod()
    node.add(pod, network())
    node.add(pod, network(isDefaultGateway=False, isGateway=True), ifname="eth1")
    node.add(pod, network(name="second", bridge="cni1", isDefaultGateway=False,
                          isGateway=True, ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]}),
             ifname="eth2")
    assert {"eth0", "eth1", "eth2"} <= pod.links().keys()
    assert len(node.host_veths()) == 3
    assert pod.ping("10.9.0.1") and pod.ping(GATEWAY4)


def test_an_interface_of_that_name_in_the_pod_stays(node):
    pod = node.pod()
    pod.ip_batch("link add eth0 type veth peer name other\naddr add 10.77.0.1/24 dev eth0\n")
    before = snapshot.kernel(pod)
    with plugin.refusal(plugin.EXISTS, "eth0", "exist"):
        node.add(pod, network())
    snapshot.assert_same(before, snapshot.kernel(pod))
    assert node.reservations() == {} and node.host_veths() == []


def test_a_second_ADD_is_refused_and_the_first_stays_whole(node):
    conf, pod = network("dual"), node.pod()
    node.add(pod, conf)
    before = node.state()
    with plugin.refusal(plugin.EXISTS, pod.id):
        node.add(pod, conf)
    snapshot.assert_same(before, node.state())
    assert pod.ping(GATEWAY4) and pod.ping(GATEWAY6)


def test_loopback_is_left_alone(node):
    down, up = node.pod(), node.pod()
    down.ip("link set lo down")

    def loopback(pod):
        return snapshot.kernel(pod)["links"]["lo"], pod.addresses("lo", "host")

    before = [loopback(pod) for pod in (down, up)]
    for pod in (down, up):
        node.add(pod, network("dual"))
    assert [loopback(pod) for pod in (down, up)] == before


@pytest.mark.parametrize("hairpin", [True, False])
def test_hairpin_mode_is_the_ports(node, hairpin):
    result = node.add(node.pod(), network(hairpinMode=hairpin))
    port = node.links()[named(result, sandbox=False)[1]["name"]]
    assert port["linkinfo"]["info_slave_data"]["hairpin"] is hairpin


def test_mtu_is_that_of_both_ends(node):
    pod = node.pod()
    result = node.add(pod, network(mtu=1400))
    host = named(result, sandbox=False)[1]["name"]
    assert node.links()[host]["mtu"] == 1400
    assert pod.links()["eth0"]["mtu"] == 1400
    if plugin.NEWEST >= "1.1.0":
        assert named(result, sandbox=True)[0]["mtu"] == 1400


def test_the_bridge_is_cni0_unless_named(node):
    node.add(node.pod(), network(bridge=None))
    assert node.links()["cni0"]["linkinfo"]["info_kind"] == "bridge"


def test_without_isGateway_the_bridge_has_no_address_and_the_pod_no_route(node):
    pod = node.pod()
    result = node.add(pod, network("dual", isDefaultGateway=None, ipMasq=False))
    assert node.addresses("cni0") == []
    assert node.sysctl("ipv4.ip_forward") == "0"
    assert not [r for r in pod.routes() + pod.routes(6) if r["dst"] == "default"]
    assert len(result["ips"]) == 2


def test_isGateway_alone_gives_the_address_but_no_default_route(node):
    pod = node.pod()
    node.add(pod, network("dual", isDefaultGateway=None, isGateway=True))
    assert node.addresses("cni0") == [f"{GATEWAY4}/24", f"{GATEWAY6}/64"]
    assert not [r for r in pod.routes() + pod.routes(6) if r["dst"] == "default"]
    assert pod.ping(GATEWAY4) and pod.ping(GATEWAY6)


def test_the_pods_mac_follows_from_its_address(node):
    conf = network(ipam={"ranges": [[{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.9",
                                      "rangeEnd": "10.1.2.9"}]]})
    macs = set()
    for pod in (node.pod(), node.pod()):
        macs.add(named(node.add(pod, conf), sandbox=True)[0]["mac"])
        node.delete(pod, conf)
    assert len(macs) == 1


def test_a_bridge_keeps_its_mac_when_pods_come_and_go(node):
    conf = network(isDefaultGateway=None)  # a bridge without an address, too
    pods = [node.pod() for _ in range(3)]
    macs = set()
    for pod in pods:
        node.add(pod, conf)
        macs.add(node.links()["cni0"]["address"])
    for pod in pods:
        node.delete(pod, conf)
        macs.add(node.links()["cni0"]["address"])
    assert len(macs) == 1


def test_a_bridge_that_is_found_keeps_its_mac_and_addresses(node):
    node.ip_batch("link add cni0 type bridge\nlink set cni0 address 02:00:00:00:0a:01\n"
                  "addr add 10.1.2.1/24 dev cni0\nlink set cni0 up\n")
    pod = node.pod()
    result = node.add(pod, network())
    assert named(result, sandbox=False)[0]["mac"] == "02:00:00:00:0a:01"
    assert node.links()["cni0"]["address"] == "02:00:00:00:0a:01"
    assert pod.ping(GATEWAY4)


def test_a_bridge_that_is_found_down_is_brought_up(node):
    node.ip("link add cni0 type bridge")
    pod = node.pod()
    node.add(pod, network("dual"))
    assert pod.ping(GATEWAY4) and pod.ping(GATEWAY6)


def test_a_reused_address_answers_at_once(node):
    one = network("dual", ipam={"ranges": [
        [{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.7", "rangeEnd": "10.1.2.7"}],
        [{"subnet": "fd00:1:2::/64", "rangeStart": "fd00:1:2::7",
          "rangeEnd": "fd00:1:2::7"}]]})
    witness = node.pod()
    node.add(witness, network("dual"))
    for _ in range(3):
        pod = node.pod()
        assert addresses_of(node.add(pod, one)) == ["10.1.2.7", "fd00:1:2::7"]
        for address in ("10.1.2.7", "fd00:1:2::7"):
            assert node.ping(address, wait=0.5), f"the node doesn't reach {address}"
            assert witness.ping(address, wait=0.5), f"the other pod doesn't reach {address}"
        node.delete(pod, one)


def test_addresses_go_round_and_leave_out_what_is_not_a_hosts(node):
    conf = network(ipam={"ranges": [[{"subnet": "10.1.2.0/29"}]]})
    pods = [node.pod() for _ in range(5)]
    given = [addresses_of(node.add(pod, conf))[0] for pod in pods]
    assert given == [f"10.1.2.{n}" for n in (2, 3, 4, 5, 6)]
    node.delete(pods[0], conf)
    node.delete(pods[1], conf)
    again = [addresses_of(node.add(node.pod(), conf))[0] for _ in range(2)]
    assert again == ["10.1.2.2", "10.1.2.3"]
    with plugin.refusal(plugin.EXHAUSTED, "10.1.2."):
        node.add(node.pod(), conf)


def test_the_store_is_host_locals(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    files = {p.name: p.read_bytes() for p in (node.store / NETWORK).iterdir()}
    assert files.pop("lock") == b""
    assert files == {"10.1.2.2": f"{pod.id}\r\neth0".encode(),
                     "last_reserved_ip.0": b"10.1.2.2"}


def test_pods_that_come_at_once_on_a_fresh_node(node):
    """Bridge, rules and store are made in the race; every pod is served."""
    conf = network("dual")
    pods = [node.pod() for _ in range(8)]
    calls = [node.start("ADD", conf, pod) for pod in pods]
    results = [plugin.judge("ADD", call(), plugin.NEWEST) for call in calls]
    given = [address for result in results for address in addresses_of(result)]
    assert len(set(given)) == 16
    for pod in pods:
        assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
    assert len(node.reservations()) == 16
    calls = [node.start("DEL", conf, pod) for pod in pods]
    for call in calls:
        plugin.judge("DEL", call(), plugin.NEWEST)
    for pod in pods:
        node.assert_nothing_left(pod)


def test_of_two_ADDs_of_one_attachment_at_once_one_is_served(node):
    conf, pod = network("dual"), node.pod()
    calls = [node.start("ADD", conf, pod) for _ in range(4)]
    done = [call() for call in calls]
    assert sorted(d.returncode for d in done) == [0, 1, 1, 1]
    for failed in (d for d in done if d.returncode):
        assert json.loads(failed.stdout)["code"] == plugin.EXISTS
    assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
    assert len(node.reservations()) == 2 and len(node.host_veths()) == 1


@pytest.mark.parametrize("ifname", ["e", "fifteen-letters", "net1.100", "eth0@x"])
def test_the_interface_has_the_name_asked_for(node, ifname):
    pod = node.pod()
    result = node.add(pod, network(), ifname=ifname)
    assert named(result, sandbox=True)[0]["name"] == ifname
    assert ifname in pod.links()
    node.delete(pod, network(), ifname=ifname)
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("name, container", [
    ("n" * 255, None), (NETWORK, "c" * 255), ("n" * 255, "c" * 255)],
    ids=["network", "container", "both"])
def test_names_may_be_as_long_as_they_are_allowed_to_be(node, name, container):
    """An alias of an interface has 255 bytes only."""
    conf, pod = network(name=name), node.pod()
    pod.id = container or pod.id
    result = node.add(pod, conf)
    assert pod.ping(INTERNET4)
    node.check(pod, conf, result)
    node.delete(pod, conf, result)
    node.assert_nothing_left(pod)


def test_CNI_ARGS_of_kubernetes_are_accepted(node):
    pod = node.pod()
    args = ("IgnoreUnknown=1;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web-0;"
            f"K8S_POD_INFRA_CONTAINER_ID={pod.id};K8S_POD_UID=1-2-3;SOMETHING=else")
    node.add(pod, network(), args=args)
    assert pod.ping(GATEWAY4)


def test_the_node_itself_is_refused_unless_overridden(node):
    """CNI_NETNS naming the node's own namespace would move nothing anywhere."""
    pod = node.pod()
    env = {"CNI_NETNS": "/proc/self/ns/net"}
    before = node.state()
    with plugin.refusal(plugin.NETNS):
        node.add(pod, network(), env=env)
    snapshot.assert_same(before, node.state())
    node.add(pod, network(), env={**env, "CNI_NETNS_OVERRIDE": "1"})
    assert node.addresses("eth0") == ["10.1.2.2/24"]
    node.delete(pod, network(), env={**env, "CNI_NETNS_OVERRIDE": "true"})
    assert "eth0" not in node.links() and node.reservations() == {}
