# SPDX-License-Identifier: GPL-2.0-or-later
"""The rules and sets of isolate: how they heal, what a changed configuration makes of them, how
they go, and who tells of them."""
import pytest

from harness import nftables, plugin
from harness.command import cleanup, command, repair
from harness.isolate import (RULES, conf_of, elements, kept, member, own_sets, reaches, rename,
                             rules)

pytestmark = pytest.mark.must_run


# -- hostile changes

FLUSHED = ["flush ruleset", "flush table inet bridge_cni",
           "flush chain inet bridge_cni between_networks",
           "flush chain inet bridge_cni forward",
           "flush set inet bridge_cni networks", "flush set inet bridge_cni networks_isolated",
           "flush set inet bridge_cni networks_strict",
           'delete element inet bridge_cni networks_isolated { "br1" }']
HOSTILE = pytest.mark.parametrize("change", FLUSHED)


def complete(node):
    return len(rules(node)), elements(node, without=None), own_sets(node)


@HOSTILE
def test_the_next_ADD_heals(node, change):
    first, other = member(node, 1, "strict"), member(node, 2, True)
    before = complete(node)
    node.nft(change)
    assert complete(node) != before
    node.add(node.pod(), conf_of(1, "strict"))
    node.add(node.pod(), conf_of(2, True))
    assert complete(node) == before
    assert kept(first, other) and kept(other, first)


@HOSTILE
def test_CHECK_tells_and_repair_heals(node, change):
    conf, other, pod = conf_of(1, "strict"), conf_of(2, True), node.pod()
    result = node.add(pod, conf)
    node.add(node.pod(), other)
    node.check(pod, conf, result)
    before = complete(node)
    node.nft(change)
    if "networks_isolated" in change or "networks_strict" not in change:
        with plugin.refusal(plugin.CHECK, "repair"):
            node.check(pod, conf, result)
    assert any("isolate" in line for line in repair(node, conf, other))
    assert complete(node) == before
    node.check(pod, conf, result)
    assert repair(node, conf, other) == ["nothing to mend"]


def test_rules_in_another_order_are_put_right(node):
    member(node, 1, True)
    (direct,) = [r for r in rules(node) if "/direct " in r["comment"]]
    node.nft(f"insert rule inet bridge_cni between_networks counter drop "
             f"comment \"{direct['comment']}\"\n"
             f"delete rule inet bridge_cni between_networks handle {direct['handle']}")
    before = [r["comment"] for r in rules(node)]
    node.add(node.pod(), conf_of(1, True))
    assert len(before) == RULES and [r["comment"] for r in rules(node)] != before


# -- changes of the configuration


@pytest.mark.parametrize("by", ["ADD", "repair"])
def test_a_changed_key_holds_from_the_next_ADD_or_repair_on(node, by):
    def change(isolate):
        conf = conf_of(1, isolate)
        if by == "ADD":
            node.add(node.pod(), conf)
        else:
            assert repair(node, conf)
        return elements(node)

    member(node, 2)
    member(node, 1, True)
    assert change("strict") == {"networks": ["br1", "br2"], "networks_isolated": ["br1"],
                                "networks_strict": ["br1"]}
    assert own_sets(node) == ["strict"]
    assert change(True) == {"networks": ["br1"], "networks_isolated": ["br1"],
                            "networks_strict": []}
    assert own_sets(node) == ["isolate"]


def test_without_the_key_the_network_stays_isolated_until_repair(node):
    first, other = member(node, 1, True), member(node, 2, True)
    node.add(node.pod(), conf_of(1))
    assert kept(first, other)
    assert repair(node, conf_of(1)) == ["net1: isolate: br1 is not isolated any more"]
    assert reaches(first, other) and reaches(other, first)
    assert elements(node) == {"networks": ["br2"], "networks_isolated": ["br2"],
                              "networks_strict": []}
    assert repair(node, conf_of(1), conf_of(2, True)) == ["nothing to mend"]
    repair(node, conf_of(2))
    assert (rules(node), elements(node), own_sets(node)) == ([], {}, [])


def test_repair_ends_it_also_where_no_pod_is_left(node):
    pod, conf = node.pod(), conf_of(1, True)
    node.add(pod, conf)
    node.delete(pod, conf)
    assert elements(node)["networks"] == ["br1"], "for the next pod"
    repair(node, conf_of(1))
    assert (rules(node), elements(node), own_sets(node)) == ([], {}, [])


def test_a_bridge_is_isolated_as_long_as_one_of_its_configurations_says_so(node):
    first, other, third = [
        conf_of(1, isolate, name=name, ipam={"ranges": [[{
            "subnet": "10.20.1.0/24", "rangeStart": f"10.20.1.{start}",
            "rangeEnd": f"10.20.1.{start + 9}"}]]})
        for name, isolate, start in (("first", "strict", 10), ("other", True, 20),
                                     ("third", False, 30))]
    for conf in (first, other, third):
        node.add(node.pod(), conf)
    assert elements(node)["networks_strict"] == ["br1"], "the strictest one counts"
    repair(node, third)
    repair(node, {**first, "isolate": False})
    assert elements(node) == {"networks": ["br1"], "networks_isolated": ["br1"],
                              "networks_strict": []}
    repair(node, {**other, "isolate": False})
    assert elements(node) == {}


# -- the end of a network


def test_cleanup_takes_a_network_out_and_leaves_the_others(node):
    confs, pods = [conf_of(1, True), conf_of(2, "strict")], [node.pod(), node.pod()]
    for pod, conf in zip(pods, confs):
        node.add(pod, conf)
    node.delete(pods[0], confs[0])
    cleanup(node, confs[0])
    assert elements(node)["networks_isolated"] == ["br2"]
    assert own_sets(node) == ["strict"] and len(rules(node)) == RULES
    node.delete(pods[1], confs[1])
    assert command(node, "cleanup").returncode == 0, "also without the configuration"
    assert node.run("nft", "list", "ruleset").stdout == ""


def test_an_isolated_network_without_other_rules_outlives_anothers_cleanup(node):
    plain = {"ipMasq": False, "capabilities": None}
    node.add(node.pod(), conf_of(1, True, **plain))
    pod, conf = node.pod(), conf_of(2)
    node.add(pod, conf)
    node.delete(pod, conf)
    cleanup(node, conf)
    assert len(rules(node)) == RULES and elements(node)["networks_isolated"] == ["br1"]


def test_the_last_isolated_network_takes_the_rules_along(node):
    pod, conf = node.pod(), conf_of(1, True)
    node.add(pod, conf)
    member(node, 2)
    node.delete(pod, conf)
    cleanup(node, conf)
    assert (rules(node), elements(node), own_sets(node)) == ([], {}, [])


@pytest.mark.parametrize("last", ["DEL", "ADD"])
def test_another_bridge_of_the_configuration_leaves_nothing_of_the_former(node, last):
    """Whether the former bridge's last pod goes after the first one of the new bridge or before."""
    former, now = conf_of(1, "strict"), conf_of(1, True, bridge="br9")
    pod = node.pod()
    node.add(pod, former)
    if last == "ADD":
        node.delete(pod, former)
    now["ipam"]["ranges"] = [[{"subnet": "10.20.9.0/24"}]]
    node.add(node.pod(), now)
    if last == "DEL":
        node.delete(pod, former)
    found = elements(node)
    assert (found["networks_isolated"], found["networks_strict"]) == (["br9"], [])
    assert own_sets(node) == ["isolate"]


def test_a_failed_ADD_leaves_what_is_shared_and_nothing_else(node):
    pod, conf = node.pod(), conf_of(1, True)
    bad = {**conf, "ipam": {**conf["ipam"], "routes": [
        {"dst": "198.18.0.0/15", "gw": "203.0.113.1"}]}}
    node.refused(pod, bad, plugin.KERNEL, "203.0.113.1")
    node.assert_nothing_left(pod)
    assert len(rules(node)) == RULES
    node.add(pod, conf)


def test_a_kernel_that_refuses_the_rules_has_an_error(node, tmp_path):
    pod = node.pod()
    node.refused(pod, conf_of(1, True), plugin.RULES, "supported", **nftables.without(
        node, tmp_path, "between_networks", "Operation not supported"))
    node.assert_nothing_left(pod)


# -- what it says


def test_show_and_doctor_tell(node):
    conf = conf_of(1, "strict")
    node.add(node.pod(), conf)
    repair(node, conf)  # writes the file
    path = str(node.directory / "00.conflist")
    assert "isolated     strictly" in command(node, "show", path).stdout
    assert "networks may reach" not in command(node, "doctor", path).stdout
    node.nft('delete element inet bridge_cni networks_strict { "br1" }')
    assert "missing in the sets of networks: br1" in command(node, "show", path).stdout
    assert '"missing": true' in command(node, "show", "--json", path).stdout
    assert "br1 is missing in the sets of isolated" in command(node, "doctor", path).stdout


def test_a_bridge_that_was_renamed_is_told_of_and_kept_from_a_strict_network_by_repair(node):
    conf, pod = conf_of(1, "strict"), node.pod()
    result = node.add(pod, conf)
    strict, other = member(node, 1, "strict", has_port=False), member(node, 2, has_port=False)
    repair(node, conf)  # writes the file
    path = str(node.directory / "00.conflist")
    rename(node, "br2", "lan2")
    with plugin.refusal(plugin.CHECK, "lan2", "repair"):
        node.check(pod, conf, result)
    assert "missing in the sets of networks: lan2" in command(node, "show", path).stdout
    assert "lan2, which is another network's, is missing" in command(node, "doctor", path).stdout
    assert repair(node, conf) == ["net1: isolate: the sets of networks in table inet bridge_cni"]
    assert elements(node)["networks"] == ["br1", "lan2"]
    assert kept(strict, other) and kept(other, strict)
    node.check(pod, conf, result)
    assert "lan2" not in command(node, "doctor", path).stdout


def test_doctor_tells_of_a_network_that_strict_ones_take_for_the_outside(node):
    """The network's bridge has a port that is no pod's."""
    conf = conf_of(2)
    node.add(node.pod(), conf)
    node.ip_batch("""
        link add nic type veth peer name nic-of-another
        link set nic master br2
        """)
    repair(node, conf)
    path, words = str(node.directory / "00.conflist"), "so it counts as the outside"
    assert words not in command(node, "doctor", path).stdout
    node.add(node.pod(), conf_of(1, True))
    assert words not in command(node, "doctor", path).stdout
    node.add(node.pod(), conf_of(1, "strict"))
    assert "bridge br2 has a port that is no pod's, " + words in \
        command(node, "doctor", path).stdout


def test_doctor_tells_of_an_isolated_bridge_with_the_uplink(node):
    node.ip("link add br1 type bridge")
    node.ip("link add nic type veth peer name nic-of-another")
    node.ip("link set nic master br1")
    conf = conf_of(1, True)
    node.add(node.pod(), conf)
    repair(node, conf)
    said = command(node, "doctor", str(node.directory / "00.conflist")).stdout
    assert "bridge br1 has a port that is no pod's" in said


@pytest.mark.parametrize("isolate, words", [
    ("Strict", ['"Strict" is not known', 'true, false or "strict"']),
    (1, ["1 is a number", 'true, false or "strict"']),
    ([], ["is a list"])])
def test_other_values_are_refused(node, isolate, words):
    node.refused(node.pod(), conf_of(1, isolate), plugin.CONFIG, "isolate", *words)


def test_with_vlan_it_needs_a_gateway(node):
    node.refused(node.pod(), conf_of(1, True, vlan=7, isDefaultGateway=False),
                 plugin.CONFIG, "isolate", "isGateway")
