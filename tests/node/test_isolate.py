# SPDX-License-Identifier: GPL-2.0-or-later
"""isolate: the node forwards nothing between a network's bridge and those of others. Who
reaches whom, what the rules cost, and how they come, heal and go."""
import socket

import pytest

from harness.command import repair
from harness.delegates import Delegate
from harness.isolate import (PORT, RULES, Member, conf_of, elements, foreign, kept, member,
                             own_sets, reaches, rules)
from harness.node import (INTERNET4, INTERNET6, NODE4, NODE6, OUTSIDE4, OUTSIDE6, UPLINK,
                          addresses_of, network)
from harness.service import netfilter_on_the_bridge

pytestmark = pytest.mark.must_run
NODE = (NODE4, NODE6)
MODES = pytest.mark.parametrize("mode", [True, "strict"])


# -- who reaches whom


def passes(source, target, by_port):
    if source.name == target.name or None in (source.isolate, target.isolate):
        return True
    if "strict" in (source.isolate, target.isolate):
        return False
    return by_port or not (source.isolate and target.isolate)


@pytest.fixture
def meeting(node):
    """Makes members of all kinds. None stands for who is in no network."""
    def make(mode):
        members = [member(node, 1, mode), member(node, 2, True), member(node, 3, "strict"),
                   member(node, 4, False), foreign(node),
                   Member("outside", node.outside, [OUTSIDE4, OUTSIDE6])]
        for number in (1, 2, 3, 4):
            node.outside.ip(f"route add 10.20.{number}.0/24 via {NODE4}")
            node.outside.ip(f"route add fd00:20:{number}::/64 via {NODE6}")
        return members

    return make


@MODES
def test_who_reaches_whom(node, meeting, mode):
    subject, *others = meeting(mode)
    for other in others:
        for source, target in ((subject, other), (other, subject)):
            for by in (None, NODE) if target.host_port else (None,):
                wanted = passes(source, target, by)
                assert (reaches if wanted else kept)(source, target, by), \
                    (source.name, target.name, by)
    neighbour = member(node, 1, mode, has_port=False)
    for by in (None, NODE):
        assert reaches(neighbour, subject, by)
    assert reaches(subject, neighbour)
    assert subject.space.ping(INTERNET4) and subject.space.ping(INTERNET6)


def test_networks_without_the_key_are_not_kept_from_each_other(node, meeting):
    *_, open_one, docker, _ = meeting("strict")
    other = member(node, 5)
    for by in (None, NODE):
        assert reaches(other, open_one, by) and reaches(open_one, other, by)
        assert reaches(docker, open_one, by)


@MODES
def test_the_node_itself_reaches_pods(node, mode):
    first, _ = member(node, 1, mode), member(node, 2, mode)
    assert reaches(Member("node", node, []), first)


def test_connections_that_are_there_end(node):
    """A connection from before is kept from its network as any other is."""
    client, server = member(node, 1), member(node, 2)
    with server.space.socket(socket.AF_INET, socket.SOCK_STREAM) as listener, \
            client.space.socket(socket.AF_INET, socket.SOCK_STREAM) as here:
        listener.bind((server.addresses[0], PORT))
        listener.listen()
        here.settimeout(5)
        here.connect((server.addresses[0], PORT))
        there, _ = listener.accept()
        with there:
            there.settimeout(5)
            here.sendall(b"before")
            assert there.recv(10) == b"before"
            member(node, 1, "strict", has_port=False)
            there.settimeout(0.5)
            here.sendall(b"after")
            with pytest.raises(TimeoutError):
                there.recv(10)


@MODES
def test_routed_pods_of_a_network_reach_each_other_by_the_node(node, mode):
    netfilter_on_the_bridge(node, False)
    first, other = (member(node, number, mode, podLink="routed") for number in (1, 2))
    second = member(node, 1, mode, has_port=False, podLink="routed")
    assert reaches(first, second) and reaches(second, first)
    assert kept(first, other) and kept(other, first)
    assert reaches(second, first, NODE)


@MODES
def test_what_is_bridged_passes_where_rules_see_it(node, mode):
    netfilter_on_the_bridge(node, True)
    first, second = member(node, 1, mode), member(node, 1, mode, has_port=False)
    assert reaches(first, second) and reaches(second, first, NODE)
    assert rules_counted(node) == 0


def rules_counted(node):
    """The packets that have been dropped."""
    return sum(part["counter"]["packets"] for rule in rules(node) for part in rule["expr"]
               if "counter" in part)


def test_the_rules_count_what_they_drop(node):
    first, other = member(node, 1, True), member(node, 2, True)
    assert rules_counted(node) == 0
    assert kept(first, other)
    assert rules_counted(node) >= 2


# -- strict: networks that don't have the key


@pytest.mark.parametrize("how", ["made", "found", "delegated"])
def test_a_network_that_comes_later_is_kept_from_a_strict_one(node, how):
    """No ADD of the strict network has looked at it."""
    strict, env, changes = member(node, 1, "strict"), None, {}
    if how == "found":
        node.ip("link add br2 type bridge")
    if how == "delegated":
        ipam = Delegate(node, 'if verb == "ADD": answer(ips=[{"address": "10.20.2.9/24", '
                              '"gateway": "10.20.2.1"}])')
        changes, env = {"ipam": ipam.conf()["ipam"]}, ipam.env
    pod = node.pod()
    later = Member("later", pod, addresses_of(
        node.add(pod, network(name="net2", bridge="br2", **{
            "ipam": conf_of(2)["ipam"], **changes}), env=env))[:1])
    assert elements(node)["networks"] == ["br1", "br2"]
    strict.addresses = strict.addresses[:1]
    assert kept(strict, later) and kept(later, strict)


def test_a_bridge_with_the_uplink_is_the_outside(node):
    """Also where a network is on it: a strict network reaches what is behind it."""
    node.ip_batch(f"""
        link add lan type bridge
        link set lan up
        link set {UPLINK} master lan
        link add nic type veth peer name nic-of-the-lan
        link set nic master lan
        addr flush dev {UPLINK}
        addr add {NODE4}/24 dev lan
        route add default via {OUTSIDE4}
        """)
    lan = network(name="lan", bridge="lan", isDefaultGateway=False, ipMasq=False,
                  ipam={"ranges": [[{"subnet": "192.0.2.0/24", "rangeStart": "192.0.2.50"}]]})
    for place in ("after", "before"):
        node.add(node.pod(), lan)
        strict = member(node, 1, "strict", has_port=False)
        assert "lan" not in elements(node)["networks"], place
        assert strict.space.ping(OUTSIDE4)
        node.nft("flush ruleset")


def test_repair_knows_of_networks_that_came_and_went(node):
    member(node, 1, "strict")
    member(node, 2)
    node.nft('delete element inet bridge_cni networks { "br2" . "br2" }')
    node.nft('add element inet bridge_cni networks { "br9" . "br9" }')
    assert repair(node, conf_of(1, "strict")) == [
        "net1: isolate: the sets of networks in table inet bridge_cni"]
    assert elements(node)["networks"] == ["br1", "br2"]
    assert repair(node, conf_of(1, "strict")) == ["nothing to mend"]


ODD = pytest.mark.parametrize("bridge", ['b";drop{}', "b*", "b\\", "b$x"])


@ODD
@MODES
def test_a_bridges_name_is_never_syntax(node, mode, bridge):
    first, other = member(node, 1, mode, bridge=bridge), member(node, 2, mode)
    assert elements(node)["networks_isolated"] == sorted([bridge, "br2"])
    assert kept(first, other) and kept(other, first)
    node.nft("flush set inet bridge_cni networks_isolated")
    repair(node, conf_of(1, mode, bridge=bridge), conf_of(2, mode))
    assert kept(first, other) and kept(other, first)
    repair(node, conf_of(1, bridge=bridge))
    assert elements(node)["networks_isolated"] == ["br2"]
    assert reaches(first, other) == (mode is True)


@ODD
def test_a_network_of_such_a_name_is_kept_from_a_strict_one(node, bridge):
    """Whichever of them comes first."""
    for last, number in ((False, 2), (True, 3)):
        if last:
            strict = member(node, 1, "strict")
        other = member(node, number, bridge=bridge + str(number))
        if not last:
            continue
        assert kept(strict, other) and kept(other, strict)
    assert elements(node)["networks"] == sorted(["br1", bridge + "2", bridge + "3"])


# -- what it costs


def test_the_number_of_rules_is_that_of_one_network(node):
    for number in range(1, 51):
        conf = conf_of(number, number % 2 == 0 or "strict", ipMasq=False, capabilities=None)
        node.add(node.pod(), conf)
        if number in (1, 10, 50):
            assert len(rules(node)) == RULES
            assert {name: len(found) for name, found in elements(node).items()} == {
                "networks": number, "networks_isolated": number,
                "networks_strict": (number + 1) // 2}


def test_without_the_key_nothing_is_there(node):
    for isolate in (None, False):
        member(node, 1, isolate, has_port=False)
        assert (rules(node), elements(node), own_sets(node)) == ([], {}, [])
