# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni repair` and `bridge-cni cleanup` with VLANs."""
import pytest

from harness import snapshot
from harness.command import cleanup, repair
from harness.node import GATEWAY4, INTERNET4, addresses_of, network
from harness.vlan import access, port_of, port_vlans, subnet, tagged, trunk
from test_repair import NOTHING, attached, state


@pytest.mark.parametrize("families", ["v4", "dual"])
def test_access_ports_and_the_VLANs_gateway_come_back(vlans, families):
    conf = network(families, vlan=100, preserveDefaultVlan=False)
    pods, results = attached(vlans, conf)
    stranger = vlans.pod()
    other = network(name="plain", isDefaultGateway=None, ipMasq=None)
    other["ipam"]["ranges"][0][0]["rangeStart"] = "10.1.2.100"
    results.append(vlans.add(stranger, other))
    before = state(vlans)
    vlans.ip("link del cni0")
    assert not pods[0].ping(addresses_of(results[1])[0], wait=0.3)
    repair(vlans, conf, other)
    for pod, peer in ((pods[0], results[1]), (pods[1], results[0])):
        assert all(pod.ping(address) for address in addresses_of(peer))
        assert pod.ping(GATEWAY4) and pod.ping(INTERNET4)
    assert not stranger.ping(addresses_of(results[0])[0], wait=0.5)
    snapshot.assert_same(before, state(vlans))
    assert repair(vlans, conf, other) == NOTHING


def test_trunk_ports_come_back(vlans):
    conf = trunk({"id": 7}, {"minID": 100, "maxID": 103}, name="trunk", ipam=subnet(9))
    inside = access(100, name="vlan100", ipam=subnet(100))
    router, pod = vlans.pod(), vlans.pod()
    port = port_of(vlans.add(router, conf))
    vlans.add(pod, inside)
    tagged(router, 100, "10.1.100.254")
    assert pod.ping("10.1.100.254")
    held = port_vlans(vlans, port)
    vlans.ip("link del cni0")
    repair(vlans, conf, inside)
    assert port_vlans(vlans, port) == held
    assert pod.ping("10.1.100.254")
    vlans.run("bridge", "vlan", "del", "dev", port, "vid", "100")
    assert not pod.ping("10.1.100.254", wait=0.5)
    [line] = repair(vlans, conf, inside)
    assert port in line and "VLAN" in line
    assert pod.ping("10.1.100.254")


def test_the_next_ADD_puts_the_VLANs_gateway_onto_the_new_bridge(vlans):
    conf, pods = network(vlan=100), [vlans.pod(), vlans.pod()]
    vlans.add(pods[0], conf)
    vlans.ip("link del cni0")
    vlans.add(pods[1], conf)
    assert pods[1].ping(GATEWAY4) and pods[1].ping(INTERNET4)
    repair(vlans, conf)
    assert pods[0].ping(GATEWAY4) and pods[0].ping(INTERNET4)


@pytest.mark.parametrize("alias", [True, False])
def test_cleanup_removes_the_VLANs_gateways_with_their_ports(vlans, alias):
    before = set(vlans.links())
    confs = [network(vlan=vlan, name=f"vlan{vlan}", ipam=subnet(vlan)) for vlan in (100, 200)]
    for conf in confs:
        pod = vlans.pod()
        vlans.add(pod, conf)
        vlans.delete(pod, conf)
    if not alias:  # of a version that forgot it
        for vlan in (100, 200):
            vlans.ip(f"link set {vlans.links()[f'cni0.{vlan}']['link']} alias ''")
    lines = cleanup(vlans, *confs)
    assert len([line for line in lines if "VLAN's gateway" in line]) == 2
    assert set(vlans.links()) == before


def test_a_VLANs_gateway_says_whose_it_is(vlans):
    vlans.add(vlans.pod(), network(vlan=100))
    port = vlans.links()["cni0.100"]["link"]
    assert vlans.links()[port]["ifalias"] == "bridge-cni port of cni0.100"
