# SPDX-License-Identifier: GPL-2.0-or-later
"""vlan and isGateway: the gateway on BRIDGE.VLAN, CHECK, and what DEL leaves of it all."""
import json

import pytest
from test_first_packet import ROUNDS, first_packet, links_coming_and_going
from test_forwarding import off_by_default

from harness import plugin, snapshot
from harness.portmap import ask, ports, served
from harness.loopback import fences, forger, kept, listening, localnet, reaches, unfence
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, NODE4, addresses_of,
                          network)
from harness.plugin import CHECK, EXISTS, KERNEL, CniError
from harness.command import command, repair
from harness.service import service
from harness.shown import configured, document, only, show
from harness.vlan import ACCESS, PRESERVED, access, port_of, port_vlans, subnet
from harness.wire import BROADCAST, listening as listening_for_frames, send_frame


# -- the gateway


@pytest.mark.parametrize("preserve", [None, False, True])
@pytest.mark.parametrize("trunk", [None, [{"id": 7}, {"minID": 20, "maxID": 30}]])
def test_the_gateways_port_is_in_its_VLAN_alone_unless_the_default_one_is_preserved(
        vlans, preserve, trunk):
    pod = vlans.pod()
    conf = network(vlan=100, preserveDefaultVlan=preserve, vlanTrunk=trunk)
    result = vlans.add(pod, conf)
    port = vlans.links()["cni0.100"]["link"]
    assert port_vlans(vlans, port) == {100: ACCESS, **({1: PRESERVED} if preserve else {})}
    assert pod.ping(GATEWAY4) and pod.ping(INTERNET4)  # by the trunk's native VLAN
    vlans.check(pod, conf, result)
    assert vlans.addresses("cni0") == []


def test_show_tells_the_gateway_of_a_VLAN(vlans):
    conf, pod = network("dual", vlan=100), vlans.pod()
    vlans.add(pod, conf)
    net = only(show(vlans, conf))
    assert {(g["address"].split("/")[0], g["interface"], g["present"]) for g in net["gateways"]} == {
        (GATEWAY4, "cni0.100", True), (GATEWAY6, "cni0.100", True)}
    # The gateway's interface is beside a port of the bridge.
    assert net["bridge"]["ports"] == 2
    files = configured(vlans, conf)
    found = document(command(vlans, "show", "cni0.100", pod.id, "--json", *files))
    assert [net["name"] for net in found["networks"]] == [conf["name"]]
    assert [a["check"] for a in found["attachments"]] == [{"outcome": "right", "message": None}]


def test_the_first_packet_to_the_first_pod_of_a_VLAN_arrives(vlans):
    """The bridge sends, as it has ports of another VLAN. The gateway begins to in each round. Rounds are few,
    as in the virtual machine the rest of an ADD takes longer than the gateway does."""
    vlans.add(vlans.pod(), network(name="other", vlan=200, ipam=subnet(7)))
    conf = network(vlan=100, quietBridge=True)
    with links_coming_and_going(vlans):
        for number in range(ROUNDS // 6):
            first_packet(vlans, conf, number)
            vlans.ip("link del cni0.100")


@pytest.mark.parametrize("families", ["v4", "v6", "dual"])
def test_the_gateway_of_a_VLAN_is_on_an_interface_of_its_own(vlans, families):
    gateways = {"v4": [GATEWAY4], "v6": [GATEWAY6], "dual": [GATEWAY4, GATEWAY6]}[families]
    conf = network(families, vlan=100, preserveDefaultVlan=False)
    first, second = vlans.pod(), vlans.pod()
    result = vlans.add(first, conf)
    links = vlans.links()
    assert [i["name"] for i in result["interfaces"]] == [
        "cni0", port_of(result), "eth0", "cni0.100"]
    assert result["interfaces"][3]["mac"] == links["cni0.100"]["address"]
    assert "sandbox" not in result["interfaces"][3]
    assert [ip["interface"] for ip in result["ips"]] == [2] * len(gateways)
    assert [a.split("/")[0] for a in vlans.addresses("cni0.100")] == gateways
    assert vlans.addresses("cni0") == []

    before = vlans.links()
    again = vlans.add(second, conf)
    assert again["interfaces"][3] == result["interfaces"][3]
    assert set(vlans.links()) - set(before) == {port_of(again)}
    for pod, got in ((first, result), (second, again)):
        assert all(pod.ping(gateway) for gateway in gateways)
        vlans.check(pod, conf, got)
    # Out by way of the gateway, masqueraded.
    assert first.ping(INTERNET4 if families != "v6" else INTERNET6)


def test_a_Service_of_a_VLAN_leads_to_pods_of_the_clients_own_subnet(vlans):
    conf = network("dual", vlan=100)
    client, pod = vlans.pod(), vlans.pod()
    vlans.add(client, conf)
    with served(pod, 80):
        for address, gateway in zip(addresses_of(vlans.add(pod, conf)), (GATEWAY4, GATEWAY6)):
            assert ask(client, service(vlans, address), 80) == ("pod", gateway)


def test_routed_pods_of_a_VLAN_meet_at_its_gateway(vlans):
    conf = network("dual", vlan=100, podLink="routed")
    first, second = vlans.pod(), vlans.pod()
    results = [vlans.add(pod, conf) for pod in (first, second)]
    assert vlans.links()["cni0"]["ifalias"] == "bridge-cni: routed"
    addresses = {address for result in results for address in addresses_of(result)}

    def permanent():
        return {n["dst"] for n in vlans.ip_json("neigh show dev cni0.100 nud permanent")}

    assert permanent() == addresses
    with listening_for_frames(second, "eth0") as found:
        send_frame(first, "eth0", BROADCAST, b"to all")
    assert found == []
    for address in addresses:
        assert first.ping(address) and second.ping(address) and vlans.ping(address)
    for pod, result in zip((first, second), results):
        vlans.check(pod, conf, result)
    vlans.ip("link set cni0.100 down")
    vlans.ip("link set cni0.100 up")
    repair(vlans, conf)
    assert permanent() == addresses
    vlans.run("ip", "link", "set", "cni0", "alias", "")
    vlans.refused(vlans.pod(), network(vlan=200, ipam=subnet(7)), EXISTS, "routed pods")
    vlans.delete(first, network("dual"))
    vlans.delete(second, conf)
    assert permanent() == set()


def test_gateways_of_two_VLANs_stand_side_by_side(vlans):
    pods = {}
    for vlan in (100, 200):
        pods[vlan] = vlans.pod()
        vlans.add(pods[vlan], network(name=f"vlan{vlan}", vlan=vlan, ipam=subnet(vlan)))
    links = vlans.links()
    assert links["cni0.100"]["address"] != links["cni0.200"]["address"]
    for vlan, pod in pods.items():
        assert pod.ping(f"10.1.{vlan}.1")
        assert vlans.addresses(f"cni0.{vlan}") == [f"10.1.{vlan}.1/24"]


def test_only_a_gateway_with_addresses_gets_an_interface(vlans):
    layer2 = network(vlan=100, isGateway=True, isDefaultGateway=None, ipMasq=None, ipam=None)
    done = vlans.invoke("ADD", layer2, vlans.pod())
    assert len(json.loads(done.stdout)["interfaces"]) == 3 and "isGateway" in done.stderr
    assert "cni0.100" not in vlans.links()


def test_a_pods_router_advertisement_changes_nothing_by_the_VLANs_gateway(vlans):
    vlans.add(vlans.pod(), network(vlan=100))
    assert vlans.sysctl("ipv6.conf.cni0|100.accept_ra") == "0"


def test_forceAddress_replaces_the_address_of_the_VLANs_gateway(vlans):
    first, second = vlans.pod(), vlans.pod()
    vlans.add(first, network(vlan=100))
    moved = network(name="moved", vlan=100, ipam=subnet(77))
    with plugin.refusal(EXISTS, "cni0.100", "10.1.77.1/24", f"{GATEWAY4}/24"):
        vlans.add(second, moved)
    assert vlans.invoke("ADD", {**moved, "forceAddress": True}, second).returncode == 0
    assert vlans.addresses("cni0.100") == ["10.1.77.1/24"]


def test_an_interface_of_the_gateways_name_that_is_none_is_refused(vlans):
    vlans.ip("link add cni0.100 type dummy")
    with plugin.refusal(EXISTS, "cni0.100", "dummy"):
        vlans.add(vlans.pod(), network(vlan=100))
    assert vlans.host_veths() == []


def test_a_half_made_gateway_is_completed(vlans):
    """A killed ADD has left it in no VLAN, and not up."""
    vlans.add(vlans.pod(), access(100))
    vlans.ip_batch("""
        link add half type veth peer name cni0.100
        link set half master cni0 up
        """)
    pod = vlans.pod()
    vlans.add(pod, network(vlan=100, name="second", ipam=subnet(50)))
    assert port_vlans(vlans, "half")[100] == ACCESS
    assert pod.ping("10.1.50.1")


def test_a_veth_of_the_gateways_name_that_leads_elsewhere_is_refused(vlans):
    vlans.ip("link add elsewhere type veth peer name cni0.100")
    with plugin.refusal(EXISTS, "cni0.100", "no port of cni0"):
        vlans.add(vlans.pod(), network(vlan=100))
    assert vlans.host_veths() == ["cni0.100", "elsewhere"]


def test_a_gateway_that_somebody_made_serves(vlans):
    """The reference makes such a pair, with a random name for the bridge's end."""
    vlans.add(vlans.pod(), access(100))
    vlans.ip_batch("""
        link add vethabcd type veth peer name cni0.100
        link set vethabcd master cni0 up
        link set cni0.100 up
        """)
    vlans.run("bridge", "vlan", "add", "dev", "vethabcd", "vid", "100", "pvid", "untagged")
    pod = vlans.pod()
    conf = network(vlan=100, name="second", ipam=subnet(50))
    result = vlans.add(pod, conf)
    assert pod.ping("10.1.50.1")
    vlans.check(pod, conf, result)
    assert "vethabcd" in vlans.links()


@pytest.mark.parametrize("state", ["up", "down"])
def test_a_VLAN_device_on_the_bridge_serves(vlans, state):
    vlans.ip("link add cni0 up type bridge vlan_filtering 1")
    vlans.ip("link add link cni0 name cni0.100 type vlan id 100")
    vlans.ip(f"link set cni0.100 {state}")
    vlans.run("bridge", "vlan", "add", "dev", "cni0", "vid", "100", "self")
    pod, conf = vlans.pod(), network(vlan=100)
    result = vlans.add(pod, conf)
    assert pod.ping(GATEWAY4)
    vlans.check(pod, conf, result)


def test_host_ports_with_a_VLAN_and_its_gateway(vlans):
    node = vlans
    pod, other = node.pod(), node.pod()
    conf = ports((8080, 80), families="v4", vlan=100)
    result = node.add(pod, conf)
    node.add(other, network("v4", vlan=100))
    with served(pod, 80):
        for client, address in ((node.outside, NODE4), (node, NODE4), (node, "127.0.0.1"),
                                (other, NODE4), (pod, NODE4)):
            assert ask(client, address, 8080)[0] == "pod", (client.name, address)
    node.check(pod, conf, result)


def test_the_gateways_of_a_VLAN_stand_side_by_side(vlans):
    conf = network(vlan=100, forceAddress=True, ipam={"ranges": [
        [{"subnet": "10.1.2.0/29"}, {"subnet": "10.1.2.8/29"}]]})
    pods = [vlans.pod() for _ in range(6)]
    results = [vlans.add(pod, conf) for pod in pods]
    assert vlans.addresses("cni0.100") == ["10.1.2.1/29", "10.1.2.9/29"]
    assert pods[0].ping("10.1.2.1") and pods[-1].ping("10.1.2.9")
    assert pods[0].ping(addresses_of(results[-1])[0])


def test_a_VLANs_subnet_that_the_node_has_elsewhere_is_refused(vlans):
    vlans.ip_batch("""
        link add other0 type veth peer name other1
        link set other0 up
        addr add 10.1.2.77/24 dev other0
        """)
    conf, pod = network(vlan=100), vlans.pod()
    with plugin.refusal(EXISTS, "cni0.100", "other0", "10.1.2.77/24", "forceAddress"):
        vlans.add(pod, conf)
    assert "other0" in vlans.invoke("STATUS", conf).stderr
    vlans.add(pod, {**conf, "forceAddress": True})
    assert vlans.addresses("cni0.100") == [f"{GATEWAY4}/24"]


def test_gateways_of_other_VLANs_of_the_bridge_are_apart(vlans):
    for vlan in (None, 100, 200):
        conf = network(name=f"net{vlan}", vlan=vlan, ipam=subnet(7))
        assert vlans.invoke("STATUS", conf).returncode == 0
        vlans.add(vlans.pod(), conf)


# -- CHECK


@pytest.mark.parametrize("loss, words", [
    ("bridge vlan del dev {port} vid 100", ["VLAN 100", "{port}"]),
    ("bridge vlan add dev {port} vid 300 pvid untagged", ["VLAN 100", "300"]),
    ("bridge vlan add dev {port} vid 100 pvid", ["VLAN 100"]),
    ("bridge vlan add dev {port} vid 1 untagged", ["VLAN 1", "preserveDefaultVlan"]),
    ("ip link set cni0 type bridge vlan_filtering 0", ["cni0", "filter"]),
    ("ip link set cni0.100 down", ["cni0.100", "down"]),
    ("ip link del cni0.100", ["cni0.100"]),
    ("ip addr flush dev cni0.100", ["cni0.100", GATEWAY4]),
    ("bridge vlan del dev {gateway} vid 100", ["cni0.100", "VLAN 100"]),
])
def test_CHECK_names_what_the_VLAN_lost(vlans, loss, words):
    conf = network(vlan=100, preserveDefaultVlan=False)
    pod = vlans.pod()
    result = vlans.add(pod, conf)
    vlans.check(pod, conf, result)
    ports = {"port": port_of(result),
             "gateway": vlans.links()["cni0.100"].get("link")}
    vlans.run(*loss.format(**ports).split())
    with plugin.refusal(CHECK, *(word.format(**ports) for word in words)):
        vlans.check(pod, conf, result)


@pytest.mark.parametrize("by", ["ADD", "repair"])
@pytest.mark.parametrize("loss", ["link del cni0.100", "link set cni0.100 down\nlink set cni0.100 name lost0\n"
                                  "link set lost0 up"], ids=["deleted", "renamed"])
def test_the_next_ADD_or_repair_makes_a_lost_gateway_anew(vlans, loss, by):
    conf = network(vlan=100)
    first, second = vlans.pod(), vlans.pod()
    result = vlans.add(first, conf)
    vlans.ip_batch(loss)
    if by == "repair":
        assert any("cni0.100" in line for line in repair(vlans, conf))
        assert repair(vlans, conf) == ["nothing to mend"]
    vlans.add(second, conf)
    assert "lost0" not in vlans.links()
    assert first.ping(GATEWAY4) and second.ping(GATEWAY4)
    vlans.check(first, conf, result)


# -- DEL, and ADDs that fail


def test_DEL_leaves_what_the_VLANs_pods_share(vlans):
    conf = network(vlan=100)
    first, second = vlans.pod(), vlans.pod()
    vlans.add(first, conf)
    shared = snapshot.kernel(vlans)
    result = vlans.add(second, conf)
    vlans.delete(second, conf, result)
    vlans.delete(second, conf)
    snapshot.assert_same(shared, snapshot.kernel(vlans))
    assert first.ping(GATEWAY4)
    vlans.delete(first, conf)
    ports = [name for name, link in vlans.links().items() if link.get("master") == "cni0"]
    assert len(ports) == 1  # the gateway's
    vlans.assert_nothing_left(first, others=2)
    vlans.assert_nothing_left(second, others=2)


def test_a_failed_ADD_leaves_no_port_in_a_VLAN(vlans):
    conf = network(vlan=100)
    first, second = vlans.pod(), vlans.pod()
    vlans.add(first, conf)
    before, held = snapshot.kernel(vlans), vlans.reservations()
    broken = network(vlan=100, ipam={"routes": [{"dst": "9.9.9.0/24", "gw": "9.8.7.6"}]})
    with plugin.refusal(KERNEL):
        vlans.add(second, broken)
    snapshot.assert_same(before, snapshot.kernel(vlans))
    assert vlans.reservations() == held
    vlans.assert_nothing_left(second, others=3)


def test_the_fence_of_127_0_0_1_is_at_the_VLANs_gateway(vlans):
    node, pod = vlans, vlans.pod()
    conf = ports((8080, 80), families="v4", vlan=100)
    node.add(pod, conf)
    forger(pod)
    assert (localnet(node), localnet(node, "cni0.100")) == ("0", "1")
    with served(pod, 80), listening(node):
        assert ask(node, "127.0.0.1", 8080)[0] == "pod"
        node.nft("flush ruleset")
        assert kept(pod)
        unfence(node, "cni0.100")
        assert reaches(pod)
    node.delete(pod, conf)
    assert localnet(node, "cni0.100") == "0" and fences(node, "cni0.100") == []


def test_the_gateway_of_a_VLAN_forwards_though_interfaces_do_not_by_default(vlans):
    off_by_default(vlans)
    pod, conf = vlans.pod(), network(vlan=100)
    result = vlans.add(pod, conf)
    assert vlans.sysctl("ipv4.conf.cni0|100.forwarding") == "1"
    assert pod.ping(INTERNET4)
    vlans.sysctl("ipv4.conf.cni0|100.forwarding", 0)
    with pytest.raises(CniError) as error:
        vlans.check(pod, conf, result)
    error.value.says("ipv4/conf/cni0.100/forwarding")
    vlans.add(vlans.pod(), conf)
    vlans.check(pod, conf, result)


def test_isolation_and_sources_are_guarded_at_the_VLANs_gateway(vlans):
    conf = network("v4", vlan=100, portIsolation=True, spoofCheck=True)
    first, second = vlans.pod(), vlans.pod()
    result = vlans.add(first, conf)
    address, = addresses_of(vlans.add(second, conf))
    listed = vlans.run("nft", "list", "table", "inet", "bridge_cni").stdout
    assert listed.count('iifname "cni0.100"') == 6
    assert first.ping(GATEWAY4) and first.ping(INTERNET4)
    first.ip(f"route add {address}/32 via {GATEWAY4}")
    assert not first.ping(address, wait=0.5)
    assert vlans.ping(address)
    vlans.check(first, conf, result)
