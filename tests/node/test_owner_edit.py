# SPDX-License-Identifier: GPL-2.0-or-later
"""A changed configuration of one owner is an edit: pods keep what their records say, and the
newest configuration decides about destinations and ports."""
import json

import pytest

from harness import plugin
from harness.former import age
from harness.node import INTERNET4, INTERNET6, NODE4, NODE6, addresses_of, network
from harness.wire import source_seen
from test_owner import command, comments, spoofs

ON, OFF = network("dual"), network("dual", ipMasq=False)


def sources(node, pod):
    return [source_seen(pod, node.outside, target) for target in (INTERNET4, INTERNET6)]


def added(node, conf, **kw):
    pod = node.pod()
    return pod, addresses_of(node.add(pod, conf, **kw))


def elements(node, kind="pods"):
    out = node.run("nft", "-j", "list", "ruleset").stdout
    return [json.dumps(e) for entry in json.loads(out)["nftables"] if "set" in entry
            and entry["set"]["name"].startswith(kind) for e in entry["set"].get("elem", [])
            if "255.255.255.255" not in json.dumps(e) and "ff00::" not in json.dumps(e)]


def test_ipMasq_on_off_and_on_again(node):
    usual = None
    pods = []
    for conf in (ON, OFF, OFF, ON, ON, OFF, ON):
        pods.append((*added(node, conf), conf))
        for pod, own, had in pods:
            assert sources(node, pod) == ([NODE4, NODE6] if had is ON else own)
        usual = usual or comments(node)
    for pod, _, had in pods:
        node.delete(pod, had)
    assert elements(node) == [] and elements(node, "own") == []
    # Once no pod of before is left, the rules are the usual ones again.
    pod, _ = added(node, ON)
    command(node, "repair", ON)
    assert comments(node) == usual
    assert sources(node, pod) == [NODE4, NODE6]


@pytest.mark.parametrize("confs", [(ON, OFF), (OFF, ON)], ids=["on-off", "off-on"])
def test_off_is_the_first_pods_or_the_last_ones(node, confs):
    seen = []
    for conf in confs:
        pod, own = added(node, conf)
        seen.append((pod, [NODE4, NODE6] if conf is ON else own))
    for pod, expected in seen:
        assert sources(node, pod) == expected


@pytest.mark.parametrize("confs", [(ON, OFF), (OFF, ON)], ids=["on-off", "off-on"])
def test_who_gets_a_former_pods_address_is_no_heir_of_its(node, confs):
    """Also where another program gave it back, which knows nothing of elements."""
    first, own = added(node, confs[0])
    added(node, confs[1])
    host = node.host_veths()
    node.run("sh", "-c", f"rm /var/lib/cni/networks/testnet/{own[0]} "
             f"/var/lib/cni/networks/testnet/{own[1]}; "
             f"rm $(grep -l {first.id} /var/lib/cni/networks/.bridge-cni/testnet/p-*)")
    first.ip("link del eth0")
    assert len(node.host_veths()) == len(host) - 1
    later = node.pod()
    node.add(later, {**confs[1], "runtimeConfig": {"ips": own}})
    assert sources(node, later) == ([NODE4, NODE6] if confs[1] is ON else own)


def test_rules_that_were_flushed_come_back_as_each_pod_had_them(node):
    """Where the configuration has no ipMasq any more a repair does it, as ADDs look for no rules."""
    on, off = added(node, ON), added(node, OFF)
    node.nft("flush ruleset")
    added(node, ON)
    assert sources(node, on[0]) == [NODE4, NODE6] and sources(node, off[0]) == off[1]
    node.nft("flush ruleset")
    added(node, OFF)
    assert command(node, "repair", OFF).returncode == 0
    assert sources(node, on[0]) == [NODE4, NODE6] and sources(node, off[0]) == off[1]
    assert command(node, "repair", OFF).stdout == "nothing to mend\n"


@pytest.mark.parametrize("conf", [ON, OFF], ids=["on", "off"])
def test_sets_that_were_emptied_are_filled_again(node, conf):
    on, off = added(node, ON), added(node, OFF)
    added(node, conf)
    for name in {entry["set"]["name"] for entry in json.loads(
            node.run("nft", "-j", "list", "ruleset").stdout)["nftables"] if "set" in entry}:
        node.nft(f"flush set inet bridge_cni {name}")
    added(node, conf)
    assert sources(node, on[0]) == [NODE4, NODE6] and sources(node, off[0]) == off[1]


def test_destinations_and_ports_are_the_newest_configurations(node):
    (on, own), (off, other) = added(node, ON), added(node, OFF)
    kept = {"nonMasqueradeCIDRs": ["198.51.100.0/24"]}
    for conf, seen in (({**OFF, **kept}, own[0]), (OFF, NODE4), ({**ON, **kept}, own[0]),
                       ({**ON, "ipMasqFullyRandom": True}, NODE4)):
        added(node, conf)
        assert source_seen(on, node.outside, INTERNET4) == seen
        assert source_seen(off, node.outside, INTERNET4) == other[0]
    listing = node.run("nft", "list", "ruleset").stdout.splitlines()
    masquerade = [line for line in listing if "} masquerade" in line]
    assert masquerade and all("fully-random" in line for line in masquerade)


def test_with_other_rules_in_place_an_ADD_makes_no_transaction(node, tmp_path):
    for conf in (ON, OFF, OFF, ON):
        added(node, conf)
    for i, conf in enumerate((ON, ON)):
        trace = tmp_path / f"trace{i}"
        node.add(node.pod(), conf, wrapper=plugin.strace(trace, "clone,clone3,fork,vfork"),
                 env=plugin.TRACED)
        assert "clone" not in trace.read_text() and "fork" not in trace.read_text()


def test_CHECK_passes_for_pods_of_before(node):
    pods = [(node.pod(), conf) for conf in (ON, OFF, ON)]
    results = [node.add(pod, conf) for pod, conf in pods]
    for (pod, conf), result in zip(pods, results):
        node.check(pod, conf, result)
    added(node, OFF)
    node.check(pods[0][0], ON, results[0])


@pytest.mark.parametrize("conf", [ON, OFF], ids=["as it was", "edited"])
def test_CHECK_names_what_puts_the_rules_of_pods_of_before_right(node, conf):
    """The next ADD doesn't, where the configuration has no ipMasq any more."""
    pod, off = node.pod(), node.pod()
    result, other = node.add(pod, ON), node.add(off, OFF)
    node.check(pod, OFF, result)
    node.nft("flush ruleset")
    node.add(node.pod(), OFF)
    node.check(off, OFF, other)
    with plugin.refusal(plugin.CHECK, "found none", "`bridge-cni repair`",
                        "ADD with" if conf is ON else "doesn't"):
        node.check(pod, conf, result)
    assert command(node, "repair", OFF).returncode == 0
    for conf in (ON, OFF):
        node.check(pod, conf, result)


def test_CHECK_passes_while_the_rules_of_before_are_there(node):
    pod = node.pod()
    result = node.add(pod, ON)
    node.check(pod, OFF, result)


# -- another subnet


def routed(subnet, **changes):
    """The gateways are the test's, so that both subnets' stay."""
    return network(isDefaultGateway=None, **changes, ipam={
        "ranges": [[{"subnet": subnet}]], "routes": [{"dst": "0.0.0.0/0"}]})


def test_a_changed_subnet_leaves_former_pods_theirs(node):
    first, late = node.pod(), node.pod()
    own = addresses_of(node.add(first, routed("10.1.2.0/24")))[0]
    node.sysctl("ipv4.ip_forward", 1)
    node.ip("addr add 10.1.2.1/24 dev cni0")
    node.ip("addr add 10.9.0.1/24 dev cni0")
    other = addresses_of(node.add(late, routed("10.9.0.0/24")))[0]
    for pod in (first, late):
        assert source_seen(pod, node.outside, INTERNET4) == NODE4
    # Pods of a network see each other's addresses, whichever subnet they are of,
    assert source_seen(first, late, other) == own
    assert source_seen(late, first, own) == other
    # and hosts of its own subnet those of a pod.
    node.ip("route add 10.1.2.77/32 via 192.0.2.1")
    node.outside.ip("addr add 10.1.2.77/32 dev lo")
    node.outside.ip("route add 10.1.2.0/25 via 192.0.2.2")
    node.sysctl("ipv4.conf.all.proxy_arp", 1)
    assert source_seen(first, node.outside, "10.1.2.77") == own
    node.delete(first, routed("10.9.0.0/24"))
    assert elements(node) == []


def test_a_wider_subnet_is_the_new_pods(node):
    first, own = added(node, routed("10.1.2.0/24"))
    node.sysctl("ipv4.ip_forward", 1)
    node.ip("addr add 10.1.2.1/24 dev cni0")
    added(node, routed("10.1.0.0/16"))
    assert source_seen(first, node.outside, INTERNET4) == NODE4
    assert elements(node) == []


def test_pods_that_asked_for_ranges_follow_the_newest_destinations(node):
    conf = network(capabilities={"ipRanges": True})
    asking = {**conf, "runtimeConfig": {"ipRanges": [[{"subnet": "10.1.2.128/25"}]]},
              "ipam": {"type": "host-local", "routes": [{"dst": "0.0.0.0/0"}]},
              "isDefaultGateway": False}
    pod, _ = added(node, asking)
    node.sysctl("ipv4.ip_forward", 1)
    node.ip("addr add 10.1.2.129/25 dev cni0")
    own, = addresses_of({"ips": [{"address": json.loads(
        pod.ip("-j -4 addr show dev eth0"))[0]["addr_info"][0]["local"]}]})
    assert source_seen(pod, node.outside, INTERNET4) == NODE4
    kept = {**asking, "nonMasqueradeCIDRs": ["198.51.100.0/24"],
            "runtimeConfig": {"ipRanges": [[{"subnet": "10.77.0.0/24"}]]}}
    added(node, kept)
    assert source_seen(pod, node.outside, INTERNET4) == own
    added(node, {**asking, "runtimeConfig": kept["runtimeConfig"]})
    assert source_seen(pod, node.outside, INTERNET4) == NODE4


# -- guards


MAC, ADDRESSES, NONE = (network(macspoofchk=True), network(spoofCheck=True), network())
MAY = {id(MAC): (True, False), id(ADDRESSES): (False, False), id(NONE): (True, True)}


@pytest.mark.parametrize("order", [(ADDRESSES, NONE, ADDRESSES), (ADDRESSES, MAC, NONE),
                                   (MAC, ADDRESSES, MAC), (NONE, MAC, ADDRESSES)],
                         ids=["on-off-on", "less", "more-less", "more"])
def test_spoof_checks_are_those_of_a_pods_time(node, order):
    pods = []
    for conf in order:
        pods.append((node.pod(), conf))
        node.add(*pods[-1])
        for pod, had in pods:
            other = next((p for p, _ in pods if p is not pod), None)
            assert not other or spoofs(pod, other) == MAY[id(had)]
    node.nft("flush ruleset")
    node.add(node.pod(), MAC)  # puts back what records tell of
    for pod, had in pods:
        assert spoofs(pod, next(p for p, _ in pods if p is not pod)) == MAY[id(had)]
    node.nft("flush ruleset")
    assert command(node, "repair", NONE).returncode == 0
    for pod, had in pods:
        assert spoofs(pod, next(p for p, _ in pods if p is not pod)) == MAY[id(had)]
    for pod, _ in pods:
        node.delete(pod, NONE)
        assert pod.id not in node.run("nft", "list", "ruleset").stdout


def test_rules_that_no_pod_needs_any_more_go_with_the_next_transaction(node):
    pods = [node.pod(), node.pod()]
    node.add(pods[0], MAC)
    few = comments(node)
    node.add(pods[1], ADDRESSES)
    node.delete(pods[1], ADDRESSES)
    node.nft("flush ruleset")
    late = node.pod()
    node.add(late, MAC)
    assert comments(node) == few
    assert spoofs(pods[0], late) == (True, False)


def test_what_an_earlier_version_recorded_follows_the_configuration(node):
    pod, own = added(node, ON)
    age(node, "testnet")
    added(node, ON)
    assert sources(node, pod) == [NODE4, NODE6]
    added(node, OFF)
    assert sources(node, pod) == own
