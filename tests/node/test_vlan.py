# SPDX-License-Identifier: GPL-2.0-or-later
"""vlan, vlanTrunk, preserveDefaultVlan: the VLANs of the pods' ports."""
import pytest

from harness import plugin
from harness.command import repair
from harness.node import network
from harness.plugin import CHECK, CONFIG
from harness.vlan import (ACCESS, PRESERVED, access, address_of, filters, hearing, port_of,
                          port_vlans, shout, subnet, tagged, trunk)


# -- access ports


def test_a_pod_with_vlan_has_an_access_port_of_it_alone(vlans):
    result = vlans.add(vlans.pod(), access(100))
    assert port_vlans(vlans, port_of(result)) == {100: ACCESS}
    assert len(result["interfaces"]) == 3
    assert filters(vlans)


def test_with_preserveDefaultVlan_the_port_stays_in_the_default_VLAN(vlans):
    result = vlans.add(vlans.pod(), access(100, preserveDefaultVlan=True))
    assert port_vlans(vlans, port_of(result)) == {1: PRESERVED, 100: ACCESS}


@pytest.mark.parametrize("keys, hears", [
    ({}, False), ({"preserveDefaultVlan": False}, False), ({"preserveDefaultVlan": True}, True)])
def test_an_access_port_hears_the_default_VLAN_only_if_that_is_preserved(vlans, keys, hears):
    inside, same, plain = (vlans.pod() for _ in range(3))
    vlans.add(inside, access(100, **keys))
    vlans.add(same, access(100, **keys))
    other = network(name="plain", isDefaultGateway=None, ipMasq=None, ipam=subnet(9))
    vlans.add(plain, other)
    with hearing(inside) as heard:
        shout(plain, b"of the default VLAN")
        shout(same, b"of VLAN 100")
    assert heard == [(0, b"of the default VLAN")] * hears + [(0, b"of VLAN 100")]
    with hearing(plain) as heard:
        shout(inside, b"of VLAN 100")
    assert heard == []


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


PRESERVING = [{}, {"preserveDefaultVlan": False}, {"preserveDefaultVlan": True}]


@pytest.mark.parametrize("keys", PRESERVING)
def test_a_trunk_port_has_its_VLANs_tagged_and_VLAN_1_as_native(vlans, keys):
    conf = trunk({"id": 7}, {"minID": 100, "maxID": 103}, {"id": 9, "minID": 20, "maxID": 20},
                 **keys)
    pod = vlans.pod()
    result = vlans.add(pod, conf)
    assert port_vlans(vlans, port_of(result)) == {
        1: ACCESS, **{vlan: set() for vlan in (7, 9, 20, 100, 101, 102, 103)}}
    vlans.check(pod, conf, result)


@pytest.mark.parametrize("keys", PRESERVING)
def test_vlan_is_the_native_VLAN_of_a_trunk_port(vlans, keys):
    conf = trunk({"id": 7}, {"minID": 20, "maxID": 21}, vlan=100, **keys)
    pod = vlans.pod()
    result = vlans.add(pod, conf)
    kept = {1: PRESERVED} if keys.get("preserveDefaultVlan") else {}
    assert port_vlans(vlans, port_of(result)) == {
        **kept, 7: set(), 20: set(), 21: set(), 100: ACCESS}
    vlans.check(pod, conf, result)


@pytest.mark.parametrize("items", [[{"id": 100}, {"id": 7}], [{"minID": 1, "maxID": 4094}]])
def test_the_native_VLAN_may_be_among_the_trunks(vlans, items):
    conf = trunk(*items, vlan=100)
    pod = vlans.pod()
    result = vlans.add(pod, conf)
    held = port_vlans(vlans, port_of(result))
    assert held[100] == ACCESS and held[7] == set()
    assert len(held) == (2 if len(items) == 2 else 4094)
    vlans.check(pod, conf, result)


def test_frames_of_the_native_VLAN_are_untagged_and_those_of_the_others_tagged(vlans):
    router, seven, native, plain = (vlans.pod() for _ in range(4))
    vlans.add(router, trunk({"id": 7}, vlan=100, name="trunk", ipam=subnet(9)))
    vlans.add(seven, access(7, name="vlan7", ipam=subnet(7)))
    vlans.add(native, access(100, name="vlan100", ipam=subnet(100)))
    vlans.add(plain, network(name="plain", isDefaultGateway=None, ipMasq=None, ipam=subnet(5)))
    with hearing(router) as heard:
        for pod, payload in ((seven, b"7"), (native, b"100"), (plain, b"1")):
            shout(pod, payload)
    assert sorted(heard) == [(0, b"100"), (7, b"7")]
    tagged(router, 7, "10.1.7.254")
    tagged(router, 8, "10.1.8.254")
    with hearing(seven) as of_7, hearing(native) as of_100, hearing(plain) as of_1:
        shout(router, b"untagged")
        shout(router, b"tagged", "eth0.7")
        shout(router, b"of no VLAN of the trunk's", "eth0.8")
    assert (of_7, of_100, of_1) == ([(0, b"tagged")], [(0, b"untagged")], [])


def test_a_trunk_of_all_VLANs(vlans):
    conf = trunk({"minID": 1, "maxID": 4094})
    pod = vlans.pod()
    result = vlans.add(pod, conf)
    held = port_vlans(vlans, port_of(result))
    assert held == {1: ACCESS, **{vlan: set() for vlan in range(2, 4095)}}
    vlans.check(pod, conf, result)
    vlans.run("bridge", "vlan", "del", "dev", port_of(result), "vid", "4094")
    with plugin.refusal(CHECK, "4094"):
        vlans.check(pod, conf, result)


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


@pytest.mark.parametrize("keys", PRESERVING)
def test_untagged_frames_of_a_trunk_are_of_VLAN_1(vlans, keys):
    router, native = vlans.pod(), vlans.pod()
    vlans.add(router, trunk({"id": 100}, name="trunk", ipam=subnet(9), **keys))
    vlans.add(native, network(name="native", isDefaultGateway=None, ipMasq=None))
    with hearing(native) as heard, hearing(router) as answered:
        shout(router, b"untagged")
        shout(native, b"too")
    assert heard == [(0, b"untagged")] and answered == [(0, b"too")]


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


@pytest.mark.parametrize("preserve", [False, True])
@pytest.mark.parametrize("keys, wanted", [
    ({"vlan": 100}, {100: ACCESS}),
    ({"vlan": 100, "vlanTrunk": [{"id": 7}]}, {7: set(), 100: ACCESS}),
    # The reference's native VLAN is 1, whatever the bridge's default is.
    ({"vlanTrunk": [{"id": 7}]}, {1: ACCESS, 7: set()})])
def test_a_bridge_with_another_default_VLAN(vlans, keys, wanted, preserve):
    vlans.ip("link add cni0 type bridge vlan_filtering 1 vlan_default_pvid 50")
    pod = vlans.pod()
    conf = network(isDefaultGateway=None, ipMasq=None, preserveDefaultVlan=preserve, **keys)
    result = vlans.add(pod, conf)
    kept = {50: PRESERVED} if preserve else {}
    assert port_vlans(vlans, port_of(result)) == {**kept, **wanted}
    vlans.check(pod, conf, result)


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
        with plugin.refusal(CHECK, port_of(result), f"VLAN {vlan}"):
            vlans.check(pod, conf, result)
        vlans.run("bridge", "vlan", "add", "dev", port_of(result), "vid", str(vlan))
    vlans.check(pod, conf, result)


@pytest.mark.parametrize("keys, native", [({}, 1), ({"vlan": 100}, 100)])
@pytest.mark.parametrize("loss, words", [
    ("bridge vlan del dev {port} vid {native}", ["VLAN {native}", "PVID 0"]),
    ("bridge vlan add dev {port} vid {native} pvid", ["VLAN {native}", "tagged"]),
    ("bridge vlan add dev {port} vid 300 pvid untagged", ["VLAN {native}", "300"]),
])
def test_CHECK_names_the_native_VLAN_that_a_trunk_lost(vlans, keys, native, loss, words):
    conf, pod = trunk({"id": 7}, **keys), vlans.pod()
    result = vlans.add(pod, conf)
    vlans.check(pod, conf, result)
    names = {"port": port_of(result), "native": native}
    vlans.run(*loss.format(**names).split())
    with plugin.refusal(CHECK, names["port"], *(word.format(**names) for word in words)):
        vlans.check(pod, conf, result)


# -- pods of before: preserveDefaultVlan's default was true, a trunk could be without native


def port_of_before(node, pod, *commands):
    """A pod with a port as an older version or the reference made it; the ADD's result."""
    result = node.add(pod, network(isDefaultGateway=None, ipMasq=None))
    node.ip("link set cni0 type bridge vlan_filtering 1")
    for command in commands:
        node.run("bridge", "vlan", *command.format(port=port_of(result)).split())
    return result


OF_BEFORE = [
    (access(100), ["add dev {port} vid 100 pvid untagged"]),
    (access(100, preserveDefaultVlan=False),
     ["del dev {port} vid 1", "add dev {port} vid 100 pvid untagged"]),
    (trunk({"id": 7}), ["add dev {port} vid 7"]),
    (trunk({"id": 7}, preserveDefaultVlan=False),
     ["del dev {port} vid 1", "add dev {port} vid 7"]),
    (trunk({"minID": 1, "maxID": 4094}), ["add dev {port} vid 1-4094"]),
]


@pytest.mark.parametrize("conf, commands", OF_BEFORE)
@pytest.mark.parametrize("recorded", [True, False])
def test_a_pod_of_before_passes_CHECK_and_repair_leaves_it(vlans, conf, commands, recorded):
    pod = vlans.pod()
    result = port_of_before(vlans, pod, *commands)
    if not recorded:  # the reference's
        for record in (vlans.store / ".bridge-cni" / conf["name"]).glob("p-*"):
            record.unlink()
    held = port_vlans(vlans, port_of(result))
    vlans.check(pod, conf, result)
    assert repair(vlans, conf) == ["nothing to mend"]
    assert port_vlans(vlans, port_of(result)) == held


def test_a_lost_VLAN_of_a_pod_of_before_is_named_and_repaired_by_the_rules_of_now(vlans):
    pod = vlans.pod()
    conf = trunk({"id": 7}, vlan=100)
    result = port_of_before(vlans, pod, "add dev {port} vid 7")
    with plugin.refusal(CHECK, "VLAN 100", "PVID 1"):
        vlans.check(pod, conf, result)
    [line] = repair(vlans, conf)
    assert port_of(result) in line
    assert port_vlans(vlans, port_of(result)) == {7: set(), 100: ACCESS}
    vlans.check(pod, conf, result)


def test_repair_takes_the_default_VLAN_off_a_port_that_ADD_took_it_off(vlans):
    pod, conf = vlans.pod(), access(100)
    port = port_of(vlans.add(pod, conf))
    vlans.run("bridge", "vlan", "add", "dev", port, "vid", "1", "untagged")
    [line] = repair(vlans, conf)
    assert port in line
    assert port_vlans(vlans, port) == {100: ACCESS}


# -- what every kernel shows


@pytest.mark.parametrize("changes, words", [
    ({"vlan": -1}, ["vlan", "-1"]),
    ({"vlan": 4095}, ["vlan", "4095", "4094"]),
    ({"vlanTrunk": [{"id": 0}]}, ["vlanTrunk[0].id", "0"]),
    ({"vlanTrunk": [{"id": 4095}]}, ["vlanTrunk[0].id", "4095"]),
    ({"vlanTrunk": [{"id": 1}, {"minID": 5}]}, ["vlanTrunk[1].maxID"]),
    ({"vlanTrunk": [{"maxID": 5}]}, ["vlanTrunk[0].minID"]),
    ({"vlanTrunk": [{"minID": 6, "maxID": 5}]}, ["vlanTrunk[0].minID", "6", "5"]),
    ({"vlanTrunk": [{"minID": 1, "maxID": 4095}]}, ["vlanTrunk[0].maxID", "4095"]),
    ({"vlan": 100, "bridge": "abcdefghijkl"}, ["abcdefghijkl.100"]),
])
@pytest.mark.any_kernel
def test_a_VLAN_that_cannot_be_is_refused_by_name(node, changes, words):
    with plugin.refusal(CONFIG, *words):
        node.add(node.pod(), network(**changes))
    assert node.host_veths() == [] and "cni0" not in node.links()
