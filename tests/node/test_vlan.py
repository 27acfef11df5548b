# SPDX-License-Identifier: GPL-2.0-or-later
"""vlan, vlanTrunk, preserveDefaultVlan: the VLANs of the pods' ports."""
import pytest

from harness.node import network
from harness.plugin import CHECK, CONFIG, CniError
from harness.vlan import (ACCESS, access, address_of, filters, port_of, port_vlans, subnet,
                          tagged, trunk)


# -- access ports


def test_a_pod_with_vlan_has_an_access_port_of_it(vlans):
    result = vlans.add(vlans.pod(), access(100))
    assert port_vlans(vlans, port_of(result)) == {1: {"Egress Untagged"}, 100: ACCESS}
    assert len(result["interfaces"]) == 3
    assert filters(vlans)


def test_without_preserveDefaultVlan_the_port_is_in_its_VLAN_only(vlans):
    result = vlans.add(vlans.pod(), access(100, preserveDefaultVlan=False))
    assert port_vlans(vlans, port_of(result)) == {100: ACCESS}


@pytest.mark.parametrize("preserve", [True, False])
def test_the_default_VLAN_itself_can_be_asked_for(vlans, preserve):
    result = vlans.add(vlans.pod(), access(1, preserveDefaultVlan=preserve))
    assert port_vlans(vlans, port_of(result)) == {1: ACCESS}


def test_vlan_0_is_none(vlans):
    result = vlans.add(vlans.pod(), access(0))
    assert not filters(vlans)
    assert len(result["interfaces"]) == 3


@pytest.mark.parametrize("preserve", [True, False])
def test_pods_of_one_VLAN_meet_and_those_of_two_do_not(vlans, preserve):
    def conf(vlan):
        return access(vlan, preserveDefaultVlan=preserve)

    first, second, other = (vlans.pod() for _ in range(3))
    vlans.add(first, conf(100))
    peer = vlans.add(second, conf(100))
    # The same subnet: only the VLAN is between them.
    stranger = vlans.add(other, conf(200))
    assert first.ping(address_of(peer))
    address = address_of(stranger)
    assert not first.ping(address, wait=1)
    assert "lladdr" not in first.ip(f"neigh show {address}")


def test_a_pod_without_vlan_on_that_bridge_is_in_the_default_VLAN(vlans):
    plain = network(name="plain", isDefaultGateway=None, ipMasq=None)
    plain["ipam"]["ranges"][0][0]["rangeStart"] = "10.1.2.100"
    inside, first, second = (vlans.pod() for _ in range(3))
    hidden = vlans.add(inside, access(100, preserveDefaultVlan=False))
    vlans.add(first, plain)
    result = vlans.add(second, plain)
    assert port_vlans(vlans, port_of(result)) == {1: ACCESS}
    assert first.ping(address_of(result))
    assert not first.ping(address_of(hidden), wait=1)


# -- trunk ports


def test_a_trunk_port_has_its_VLANs_tagged_and_the_default_one_as_native(vlans):
    conf = trunk({"id": 7}, {"minID": 100, "maxID": 103}, {"id": 9, "minID": 20, "maxID": 20})
    port = port_of(vlans.add(vlans.pod(), conf))
    assert port_vlans(vlans, port) == {
        1: ACCESS, **{vlan: set() for vlan in (7, 9, 20, 100, 101, 102, 103)}}


def test_without_preserveDefaultVlan_a_trunk_has_no_native_VLAN(vlans):
    port = port_of(vlans.add(vlans.pod(), trunk({"id": 100}, preserveDefaultVlan=False)))
    assert port_vlans(vlans, port) == {100: set()}


def test_a_trunk_of_all_VLANs(vlans):
    conf = trunk({"minID": 1, "maxID": 4094})
    pod = vlans.pod()
    result = vlans.add(pod, conf)
    assert set(port_vlans(vlans, port_of(result))) == set(range(1, 4095))
    vlans.check(pod, conf, result)
    vlans.run("bridge", "vlan", "del", "dev", port_of(result), "vid", "4094")
    with pytest.raises(CniError) as caught:
        vlans.check(pod, conf, result)
    assert caught.value.code == CHECK and caught.value.says("4094")


def test_ranges_of_a_trunk_may_overlap(vlans):
    conf = trunk({"minID": 10, "maxID": 20}, {"minID": 15, "maxID": 25}, {"id": 12})
    port = port_of(vlans.add(vlans.pod(), conf))
    assert set(port_vlans(vlans, port)) == {1, *range(10, 26)}


def test_a_trunk_reaches_the_access_ports_of_its_VLANs_alone(vlans):
    router, inside, outside, native = (vlans.pod() for _ in range(4))
    vlans.add(router, trunk({"id": 100}, name="trunk", ipam=subnet(9)))
    for vlan in (100, 200):
        tagged(router, vlan, f"10.1.{vlan}.254")
    for pod, vlan in ((inside, 100), (outside, 200)):
        vlans.add(pod, access(vlan, name=f"vlan{vlan}", ipam=subnet(vlan)))
    plain = network(name="native", isDefaultGateway=None, ipMasq=None, ipam=subnet(9))
    plain["ipam"]["ranges"][0][0]["rangeStart"] = "10.1.9.100"
    untagged = vlans.add(native, plain)
    assert inside.ping("10.1.100.254")
    assert not outside.ping("10.1.200.254", wait=1)
    assert router.ping(address_of(untagged))


def test_without_a_native_VLAN_untagged_frames_go_nowhere(vlans):
    router, native = vlans.pod(), vlans.pod()
    vlans.add(router, trunk({"id": 100}, preserveDefaultVlan=False))
    plain = network(name="native", isDefaultGateway=None, ipMasq=None)
    plain["ipam"]["ranges"][0][0]["rangeStart"] = "10.1.2.100"
    untagged = vlans.add(native, plain)
    assert not router.ping(address_of(untagged), wait=1)


# -- bridges that were there before


def test_a_bridge_that_filters_nothing_is_made_to(vlans):
    plain = network(name="plain", ipam=subnet(5))
    old, older = vlans.pod(), vlans.pod()
    address = address_of(vlans.add(old, plain))
    vlans.add(older, plain)
    result = vlans.add(vlans.pod(), access(100))
    assert filters(vlans)
    assert port_vlans(vlans, port_of(result))[100] == ACCESS
    # The pods of before go on as they were.
    assert older.ping(address) and older.ping("10.1.5.1")


def test_a_bridge_with_another_default_VLAN(vlans):
    vlans.ip("link add cni0 type bridge vlan_filtering 1 vlan_default_pvid 50")
    result = vlans.add(vlans.pod(), access(100))
    assert port_vlans(vlans, port_of(result)) == {50: {"Egress Untagged"}, 100: ACCESS}
    result = vlans.add(vlans.pod(), access(100, preserveDefaultVlan=False))
    assert port_vlans(vlans, port_of(result)) == {100: ACCESS}


def test_a_bridge_without_a_default_VLAN(vlans):
    vlans.ip("link add cni0 type bridge vlan_filtering 1 vlan_default_pvid 0")
    for preserve in (True, False):
        result = vlans.add(vlans.pod(), access(100, preserveDefaultVlan=preserve))
        assert port_vlans(vlans, port_of(result)) == {100: ACCESS}


# -- CHECK


def test_CHECK_names_the_VLAN_that_a_trunk_lost(vlans):
    conf = trunk({"id": 7}, {"minID": 100, "maxID": 103})
    pod = vlans.pod()
    result = vlans.add(pod, conf)
    vlans.check(pod, conf, result)
    for vlan in (7, 102):
        vlans.run("bridge", "vlan", "del", "dev", port_of(result), "vid", str(vlan))
        with pytest.raises(CniError) as caught:
            vlans.check(pod, conf, result)
        assert caught.value.code == CHECK
        assert caught.value.says(port_of(result), f"VLAN {vlan}")
        vlans.run("bridge", "vlan", "add", "dev", port_of(result), "vid", str(vlan))
    vlans.check(pod, conf, result)


# -- what every kernel shows


@pytest.mark.parametrize("changes, words", [
    ({"vlan": -1}, ["vlan", "-1"]),
    ({"vlan": 4095}, ["vlan", "4095", "4094"]),
    ({"vlan": 5, "vlanTrunk": [{"id": 6}]}, ["vlan", "vlanTrunk"]),
    ({"vlanTrunk": [{"id": 0}]}, ["vlanTrunk[0].id", "0"]),
    ({"vlanTrunk": [{"id": 4095}]}, ["vlanTrunk[0].id", "4095"]),
    ({"vlanTrunk": [{"id": 1}, {"minID": 5}]}, ["vlanTrunk[1].maxID"]),
    ({"vlanTrunk": [{"maxID": 5}]}, ["vlanTrunk[0].minID"]),
    ({"vlanTrunk": [{"minID": 6, "maxID": 5}]}, ["vlanTrunk[0].minID", "6", "5"]),
    ({"vlanTrunk": [{"minID": 1, "maxID": 4095}]}, ["vlanTrunk[0].maxID", "4095"]),
    ({"vlan": 100, "bridge": "abcdefghijkl"}, ["abcdefghijkl.100"]),
])
def test_a_VLAN_that_cannot_be_is_refused_by_name(node, changes, words):
    with pytest.raises(CniError) as caught:
        node.add(node.pod(), network(**changes))
    assert caught.value.code == CONFIG and caught.value.says(*words)
    assert node.host_veths() == [] and "cni0" not in node.links()
