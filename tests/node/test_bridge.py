# SPDX-License-Identifier: GPL-2.0-or-later
"""The keys of the bridge and its ports: hairpin, promiscuous mode, isolation,
an interface that stays down, other addresses that give way."""
import json

import pytest

from harness import plugin, snapshot
from harness.command import command, lines_of, written
from harness.node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, NETWORK, UPLINK,
                          addresses_of, named, network)
from harness.wire import BROADCAST, listening, send_frame

SOMEBODY = "02:00:00:00:00:99"  # a MAC address that nobody here has


def host_of(result):
    return named(result, sandbox=False)[1]["name"]


# -- hairpinMode


@pytest.mark.parametrize("hairpin", [True, False])
def test_a_frame_comes_back_by_its_port_only_in_hairpin_mode(node, hairpin):
    pod = node.pod()
    node.add(pod, network(hairpinMode=hairpin))
    with listening(pod, "eth0") as found:
        send_frame(pod, "eth0", BROADCAST, b"to all")
    assert found == [b"to all"] * hairpin


# -- promiscMode


@pytest.mark.parametrize("promisc", [True, False])
def test_the_node_hears_what_is_for_others_only_in_promiscuous_mode(node, promisc):
    conf, pod = network(promiscMode=promisc), node.pod()
    node.check(pod, conf, node.add(pod, conf))
    assert ("PROMISC" in node.links()["cni0"]["flags"]) is promisc
    with listening(node, "cni0") as found:
        send_frame(pod, "eth0", SOMEBODY, b"not for you")
    assert found == [b"not for you"] * promisc


@pytest.mark.any_kernel
def test_a_bridge_that_is_there_is_made_promiscuous(node):
    node.add(node.pod(), network())
    node.add(node.pod(), network(promiscMode=True))
    assert "PROMISC" in node.links()["cni0"]["flags"]


@pytest.mark.any_kernel
def test_promiscuous_mode_that_was_turned_off_is_named_and_comes_back(node):
    conf, pod = network(promiscMode=True), node.pod()
    result = node.add(pod, conf)
    node.ip("link set cni0 promisc off")
    with plugin.refusal(plugin.CHECK, "cni0", "promiscuous"):
        node.check(pod, conf, result)
    node.add(node.pod(), conf)
    node.check(pod, conf, result)


@pytest.mark.any_kernel
def test_a_bridge_that_somebody_else_made_promiscuous_is_fine(node):
    conf, pod = network(), node.pod()
    result = node.add(pod, conf)
    node.ip("link set cni0 promisc on")
    node.check(pod, conf, result)
    node.add(node.pod(), conf)
    assert "PROMISC" in node.links()["cni0"]["flags"]


REFUSED = {
    "promiscMode with hairpinMode": ({"promiscMode": True, "hairpinMode": True},
                                     ["promiscMode", "hairpinMode"]),
    "disableContainerInterface with ipam": ({"disableContainerInterface": True},
                                            ["disableContainerInterface", "ipam"]),
    "vlan out of range": ({"vlan": 4095}, ["vlan", "4095", "4094"]),
    "a trunk without its end": ({"vlanTrunk": [{"minID": 3}]}, ["vlanTrunk[0].maxID"]),
    "another backend": ({"ipMasqBackend": "ipchains"}, ["ipMasqBackend", "ipchains"]),
}


@pytest.mark.any_kernel
@pytest.mark.parametrize("what", REFUSED)
def test_what_can_not_be_is_refused_before_anything_is_touched(node, what):
    keys, words = REFUSED[what]
    pod = node.pod()
    before = node.state()
    with plugin.refusal(plugin.CONFIG, *words):
        node.add(pod, network("dual", **keys))
    snapshot.assert_same(before, node.state())
    node.delete(pod, network("dual", **keys))  # DEL doesn't mind


# -- portIsolation


def test_isolated_pods_reach_the_world_and_not_each_other(node):
    conf = network("dual", portIsolation=True)
    first, second, open_pod = node.pod(), node.pod(), node.pod()
    result, other = node.add(first, conf), node.add(second, conf)
    of_open = node.add(open_pod, network("dual"))
    for address in addresses_of(other):
        assert not first.ping(address, wait=0.3), f"isolated, and reaches {address}"
    for address in (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, *addresses_of(of_open)):
        assert first.ping(address) and second.ping(address), address
    for address in addresses_of(other):
        assert open_pod.ping(address) and node.ping(address), address
    node.check(first, conf, result)


@pytest.mark.any_kernel
def test_isolation_that_was_turned_off_is_named(node):
    conf, pod = network(portIsolation=True), node.pod()
    result = node.add(pod, conf)
    node.run("bridge", "link", "set", "dev", host_of(result), "isolated", "off")
    with plugin.refusal(plugin.CHECK, host_of(result), "isolation"):
        node.check(pod, conf, result)


# -- disableContainerInterface

LAYER_2 = {"isDefaultGateway": None, "ipMasq": None, "ipam": None}


@pytest.mark.any_kernel
def test_an_interface_that_is_to_stay_down_does_until_somebody_wants_it(node):
    """KubeVirt's way: the interface is somebody else's to use, and has no address."""
    conf, pod = network(disableContainerInterface=True, **LAYER_2), node.pod()
    result = node.add(pod, conf)
    inside = pod.links()["eth0"]
    assert "UP" not in inside["flags"]
    assert named(result, sandbox=True)[0]["mac"] == inside["address"]
    assert not result.get("ips") and pod.addresses("eth0") == []
    node.check(pod, conf, result)
    pod.ip("link set eth0 up")
    node.check(pod, conf, result)
    node.delete(pod, conf, result)
    node.assert_nothing_left(pod)


@pytest.mark.any_kernel
def test_without_addresses_an_interface_is_up_all_the_same(node):
    pod = node.pod()
    node.add(pod, network(**LAYER_2))
    assert "UP" in pod.links()["eth0"]["flags"]


# -- a bridge that was there


@pytest.mark.parametrize("uplink_mtu", [1500, 1400])
def test_somebodys_bridge_that_is_down_keeps_its_MTU(node, uplink_mtu):
    """The bridge's MAC address is set, but is not one that bridges made here have."""
    node.ip(f"link set {UPLINK} mtu {uplink_mtu}")
    node.ip("link add cni0 address 02:00:00:00:00:07 mtu 1450 type bridge")
    pod = node.pod()
    node.add(pod, network())
    assert node.links()["cni0"]["mtu"] == 1450
    assert pod.links()["eth0"]["mtu"] == 1450
    assert node.links()["cni0"]["address"] == "02:00:00:00:00:07"


def test_somebodys_bridge_whose_ports_have_left_gets_a_MAC_address(node):
    """The kernel gave it that of its lowest port, and then zeros."""
    node.ip("link add cni0 up type bridge")
    pod = node.pod()
    node.ip(f"link add gone0 up master cni0 type veth peer name gone1 netns {pod.name}")
    node.ip("link del gone0")
    assert node.links()["cni0"]["address"] == "00:00:00:00:00:00"
    result = node.add(pod, network())
    address = node.links()["cni0"]["address"]
    assert address.startswith("02:") and result["interfaces"][0]["mac"] == address
    assert pod.ping(GATEWAY4) and pod.ping(INTERNET4)
    node.add(node.pod(), network())
    assert node.links()["cni0"]["address"] == address
    assert lines_of(command(node, "cleanup", "--force", *written(node, network())))
    assert "cni0" in node.links()


@pytest.mark.any_kernel
def test_a_bridge_with_spanning_tree_is_told(node):
    """Success, and then no network for two forward delays."""
    node.ip("link add cni0 up type bridge stp_state 1 forward_delay 700")
    conf, pod = network(), node.pod()
    done = node.invoke("ADD", conf, pod)
    assert done.returncode == 0
    assert "cni0 has spanning tree on" in done.stderr and "14 s" in done.stderr
    node.ip("link set cni0 type bridge stp_state 0")
    assert node.invoke("ADD", conf, node.pod()).stderr == ""


# -- forceAddress


OTHERS = {"v4": ["10.55.0.1/24"], "v4, several of one subnet": ["10.55.0.1/24",
                                                                "10.55.0.2/24",
                                                                "10.56.0.1/24"],
          "v6, wider": ["fd00:1::1/32"], "v6, narrower": ["fd00:1:2::2/120"]}


def bridge_with(node, addresses):
    node.ip("link add cni0 type bridge")
    for address in addresses:
        node.ip(f"addr add {address} dev cni0" + (" nodad" if ":" in address else ""))


@pytest.mark.any_kernel
@pytest.mark.parametrize("what", OTHERS)
def test_another_address_in_the_gateways_place_is_an_error_naming_both(node, what):
    bridge_with(node, OTHERS[what])
    pod = node.pod()
    with plugin.refusal(plugin.EXISTS) as error:
        node.add(pod, network("dual"))
    gateway = f"{GATEWAY6}/64" if "v6" in what else f"{GATEWAY4}/24"
    error.value.says("cni0", gateway, "forceAddress")
    assert any(other in error.value.msg for other in OTHERS[what])
    assert node.addresses("cni0") == sorted(OTHERS[what])
    node.assert_nothing_left(pod)


@pytest.mark.any_kernel
@pytest.mark.parametrize("what", OTHERS)
def test_with_forceAddress_it_gives_way(node, what):
    bridge_with(node, OTHERS[what])
    pod, conf = node.pod(), network("dual", forceAddress=True)
    done = node.invoke("ADD", conf, pod)
    result = json.loads(done.stdout)
    assert sorted(done.stderr.splitlines()) == [
        f"bridge-cni: forceAddress: cni0 loses {other}, which is in the place of the gateway "
        "address" for other in sorted(OTHERS[what])]
    assert node.addresses("cni0") == [f"{GATEWAY4}/24", f"{GATEWAY6}/64"]
    assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
    node.check(pod, conf, result)


@pytest.mark.any_kernel
def test_that_pods_lose_their_gateway_by_it_is_said(node):
    pods = [node.pod() for _ in range(3)]
    for pod in pods[:2]:
        node.add(pod, network())
    new = network(ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]})
    with pytest.raises(plugin.CniError) as error:
        node.add(node.pod(), new)
    error.value.says("10.1.2.1/24", "10.9.0.1/24", "one range set", "forceAddress")
    done = node.invoke("ADD", {**new, "forceAddress": True}, pods[2])
    assert done.returncode == 0
    assert "cni0 loses 10.1.2.1/24, the gateway of 2 pods" in done.stderr
    assert node.invoke("ADD", {**new, "forceAddress": True}, node.pod()).stderr == ""


@pytest.mark.any_kernel
def test_with_both_subnets_in_one_range_set_nobody_loses_a_gateway(node):
    old, new = node.pod(), node.pod()
    node.add(old, network())
    result = node.add(new, network(ipam={"ranges": [[
        {"subnet": "10.9.0.0/24"}, {"subnet": "10.1.2.0/24", "rangeEnd": "10.1.2.2"}]]}))
    assert result["ips"][0]["gateway"] == "10.9.0.1"
    assert old.ping(INTERNET4) and new.ping(INTERNET4) and old.ping("10.9.0.1")


@pytest.mark.any_kernel
def test_with_two_gateways_of_a_family_both_stay(node):
    bridge_with(node, ["10.55.0.1/24", "10.1.2.1/24"])
    node.invoke("ADD", network(forceAddress=True, ipam={"ranges": [
        [{"subnet": "10.1.2.0/24"}], [{"subnet": "10.1.3.0/24"}],
        [{"subnet": "10.1.4.0/24"}]]}), node.pod())
    assert node.addresses("cni0") == [f"10.1.{n}.1/24" for n in (2, 3, 4)]


@pytest.mark.any_kernel
@pytest.mark.parametrize("force", [True, False])
def test_an_IPv6_address_of_another_subnet_stays(node, force):
    """A bridge may well have several of those."""
    bridge_with(node, ["fd00:77::1/64"])
    node.add(node.pod(), network("dual", forceAddress=force))
    assert node.addresses("cni0") == [f"{GATEWAY4}/24", f"{GATEWAY6}/64", "fd00:77::1/64"]


@pytest.mark.any_kernel
def test_an_IPv4_address_beside_the_gateway_stays_once_the_gateway_is_there(node):
    conf = network(forceAddress=True)
    node.add(node.pod(), conf)
    node.ip("addr add 10.55.0.1/24 dev cni0")
    node.add(node.pod(), conf)
    assert node.addresses("cni0") == ["10.1.2.1/24", "10.55.0.1/24"]


# -- vlan, vlanTrunk where the kernel can't

VLANS = {"vlan": {"vlan": 100}, "vlanTrunk": {"vlanTrunk": [{"id": 5}]},
         "with preserveDefaultVlan": {"vlan": 100, "preserveDefaultVlan": True}}


@pytest.fixture
def without_vlans(node):
    node.ip("link add probe0 type bridge")
    info = node.links()["probe0"]["linkinfo"]["info_data"]
    node.ip("link del probe0")
    if "vlan_default_pvid" in info:
        pytest.skip("this kernel's bridges can filter VLANs")
    return node


@pytest.mark.parametrize("what", VLANS)
@pytest.mark.parametrize("made_before", [False, True])
def test_without_VLAN_filtering_in_the_kernel_the_error_says_so(without_vlans, what,
                                                                made_before):
    node, pod, conf = without_vlans, without_vlans.pod(), network("dual", **VLANS[what])
    if made_before:
        bridge_with(node, ["172.30.0.1/24"])
    before = node.state()
    with plugin.refusal(plugin.KERNEL, "CONFIG_BRIDGE_VLAN_FILTERING", next(iter(VLANS[what]))):
        node.add(pod, conf)
    after = node.state()
    snapshot.assert_same(before["node"], after["node"])
    node.assert_nothing_left(pod)
    assert node.reservations(NETWORK) == {}
    node.delete(pod, conf)
