# SPDX-License-Identifier: GPL-2.0-or-later
"""ipMasq and its keys: whose address arrives, and what must not leave at all."""
import re

import pytest

from harness import plugin, snapshot
from harness.command import repair
from harness.node import (GATEWAY4, INTERNET4, INTERNET6, NODE4, NODE6, OUTSIDE4, OUTSIDE6,
                          addresses_of, network)
from harness.wire import RST, SYN_ACK, segment_seen, source_seen

BOTH = [("v4", INTERNET4, NODE4), ("v6", INTERNET6, NODE6)]
CHAIN = ("list", "chain", "inet", "bridge_cni")


def rules_of(node, chain):
    done = node.run("nft", "-a", *CHAIN, chain, check=False)
    return [line.strip() for line in done.stdout.splitlines() if "comment" in line]


def named_in_rules(node, address):
    """How many times the rules name an address."""
    return sum(rule.split("comment")[0].replace(",", " ").split().count(address)
               for chain in ("postrouting", "forward") for rule in rules_of(node, chain))


# -- addresses outside of the subnets, of pods that another program has made


STRANGERS = ("10.9.9.5", "fd00:9::5")


@pytest.mark.any_kernel
@pytest.mark.parametrize("how", ["repair", "repair without pods", "GC"])
def test_the_rules_forget_addresses_whose_pods_are_gone(node, how):
    """Such pods have reservations, and no records."""
    pod, conf = node.pod(), network("dual", cniVersion="1.1.0")
    files = [node.store / conf["name"] / address for address in STRANGERS]
    files[0].parent.mkdir(parents=True)
    for file in files:
        file.write_text("stranger\r\neth0")
    result = node.add(pod, conf)
    for address in STRANGERS:
        # Of each pair of rules: as a source, and as a destination.
        assert named_in_rules(node, address) == 4
    assert repair(node, conf) == ["nothing to mend"]
    files[0].unlink()
    node.check(pod, conf, result)
    if how == "GC":
        # GC reads no subnets, so that the rules are the next repair's business.
        valid = [{"containerID": pod.id, "ifname": "eth0"}]
        plugin.judge("GC", node.invoke("GC", {
            **conf, "cni.dev/valid-attachments": valid}), "1.1.0")
        assert not files[1].exists()  # it isn't among the valid ones
        assert source_seen(pod, node.outside, INTERNET4) == NODE4
    else:
        repair(node, conf)
        assert [named_in_rules(node, address) for address in STRANGERS] == [0, 4]
        files[1].unlink()
        if how == "repair without pods":
            node.delete(pod, conf, result)
    assert repair(node, conf) != ["nothing to mend"]
    assert [named_in_rules(node, address) for address in STRANGERS] == [0, 0]
    assert repair(node, conf) == ["nothing to mend"]
    if how != "repair without pods":
        node.check(pod, conf, result)
        assert source_seen(pod, node.outside, INTERNET4) == NODE4
        assert source_seen(pod, node.outside, INTERNET6) == NODE6


@pytest.mark.any_kernel
def test_rules_of_an_earlier_version_forget_such_addresses_too(node):
    """Their comments don't say what was written."""
    pod, conf = node.pod(), network()
    file = node.store / conf["name"] / STRANGERS[0]
    file.parent.mkdir(parents=True)
    file.write_text("stranger\r\neth0")
    result = node.add(pod, conf)
    listing = node.run("nft", "list", "table", "inet", "bridge_cni").stdout
    former = re.sub(r"\+[0-9a-f]{16} ", " ", listing)
    assert former != listing
    node.nft("delete table inet bridge_cni\n" + former)
    file.unlink()
    node.check(pod, conf, result)
    assert named_in_rules(node, STRANGERS[0]) == 4
    repair(node, conf)
    assert named_in_rules(node, STRANGERS[0]) == 0
    assert repair(node, conf) == ["nothing to mend"]


# -- nonMasqueradeCIDRs


def any_kernel(*values):
    return pytest.param(*values, marks=pytest.mark.any_kernel)


# How long the prefixes are makes no difference between kernels.
@pytest.mark.parametrize("cidrs, seen", [
    (["198.51.100.0/24", "2001:db8:bbbb::/48"], "own"),
    any_kernel(["198.51.100.1/32", "2001:db8:bbbb::1/128"], "own"),
    any_kernel(["0.0.0.0/0", "::/0"], "own"),
    (["198.51.0.0/16", "198.51.100.0/24", "2001:db8:bbbb::/48", "2001:db8:bbbb::/64"], "own"),
    (["198.51.100.128/25", "2001:db8:cccc::/48"], "node"), any_kernel([], "node")])
def test_those_destinations_see_the_pods_own_address(node, cidrs, seen):
    pod, conf = node.pod(), network("dual", nonMasqueradeCIDRs=cidrs)
    result = node.add(pod, conf)
    own4, own6 = addresses_of(result)
    for target, own, nodes in ((INTERNET4, own4, NODE4), (INTERNET6, own6, NODE6)):
        assert source_seen(pod, node.outside, target) == (own if seen == "own" else nodes)
    # Others are masqueraded all the same (0.0.0.0/0 leaves none).
    if "0.0.0.0/0" not in cidrs:
        assert source_seen(pod, node.outside, OUTSIDE4) == NODE4
        assert source_seen(pod, node.outside, OUTSIDE6) == NODE6
    node.check(pod, conf, result)


@pytest.mark.any_kernel
def test_a_list_of_one_family_leaves_the_other_alone(node):
    pod = node.pod()
    own4, _ = addresses_of(node.add(pod, network(
        "dual", nonMasqueradeCIDRs=["198.51.100.0/24"])))
    assert source_seen(pod, node.outside, INTERNET4) == own4
    assert source_seen(pod, node.outside, INTERNET6) == NODE6


@pytest.mark.any_kernel
def test_pods_of_two_nodes_see_each_others_addresses(node):
    """nonMasqueradeCIDRs is for this: the cluster's whole range, of which each node has a part."""
    far = "10.1.200.7"
    node.outside.ip_batch(f"addr add {far}/32 dev lo\nroute add 10.1.2.0/24 via {NODE4}\n")
    node.ip(f"route add {far}/32 via {OUTSIDE4}")
    pod = node.pod()
    own, = addresses_of(node.add(pod, network(nonMasqueradeCIDRs=["10.1.0.0/16"])))
    assert source_seen(pod, node.outside, far) == own
    assert source_seen(node.outside, pod, own) == OUTSIDE4  # and back
    assert source_seen(pod, node.outside, INTERNET4) == NODE4


@pytest.mark.any_kernel
def test_a_changed_list_holds_for_every_pod_from_the_next_ADD_on(node):
    pod = node.pod()
    own, = addresses_of(node.add(pod, network()))
    for cidrs, seen in ((["198.51.100.0/24"], own), (["198.18.0.0/15"], NODE4)):
        node.add(node.pod(), network(nonMasqueradeCIDRs=cidrs))
        assert source_seen(pod, node.outside, INTERNET4) == seen
        assert len(rules_of(node, "postrouting")) == 2


@pytest.mark.any_kernel
def test_a_destination_that_was_taken_out_of_the_rule_is_named(node):
    conf, pod = network(nonMasqueradeCIDRs=["198.51.100.0/24"]), node.pod()
    result = node.add(pod, network())
    with plugin.refusal(plugin.CHECK, "postrouting", "198.51.100.0/24"):
        node.check(pod, conf, result)


@pytest.mark.any_kernel
@pytest.mark.parametrize("cidr", ["10.0.0.1/8", "2001:db8::1/32", "10.0.0.0", "10.0.0.0/33",
                                  "somewhere", "", '10.0.0.0/8 } accept comment "'])
def test_what_is_no_destination_is_refused(node, cidr):
    pod = node.pod()
    before = node.state()
    with plugin.refusal(plugin.CONFIG, "nonMasqueradeCIDRs[1]"):
        node.add(pod, network(nonMasqueradeCIDRs=["10.0.0.0/8", cidr]))
    snapshot.assert_same(before, node.state())


@pytest.mark.any_kernel
def test_as_many_as_the_limit_allows(node):
    cidrs = [f"172.{16 + n // 256}.{n % 256}.0/24" for n in range(256)]
    pod, conf = node.pod(), network(nonMasqueradeCIDRs=cidrs)
    node.check(pod, conf, node.add(pod, conf))
    with plugin.refusal(plugin.CONFIG):
        node.add(node.pod(), network(nonMasqueradeCIDRs=[*cidrs, "198.18.0.0/15"]))


# -- ipMasqFullyRandom


def test_ports_are_random_where_that_is_asked_for(node):
    plain, random = network("dual"), network("dual", ipMasqFullyRandom=True)
    first, second = node.pod(), node.pod()
    result = node.add(first, plain)
    assert not [r for r in rules_of(node, "postrouting") if "fully-random" in r]
    with pytest.raises(plugin.CniError) as error:
        node.check(first, random, result)
    error.value.says("fully-random")
    node.check(second, random, node.add(second, random))
    rules = rules_of(node, "postrouting")
    assert len(rules) == 4 and all("masquerade fully-random" in r for r in rules)
    assert first.ping(INTERNET4) and second.ping(INTERNET6)


# -- conntrack-INVALID packets (plugins#817)


def delete_rules(node, chain):
    for rule in rules_of(node, chain):
        node.nft(f"delete rule inet bridge_cni {chain} handle {rule.split()[-1]}")


@pytest.mark.parametrize("families, target, nodes", BOTH)
@pytest.mark.parametrize("flags", [RST, SYN_ACK], ids=["RST", "SYN+ACK"])
def test_what_conntrack_can_not_place_does_not_leave_with_the_pods_address(
        node, families, target, nodes, flags):
    pod, conf = node.pod(), network(families)
    result = node.add(pod, conf)
    own, = addresses_of(result)
    assert source_seen(pod, node.outside, target) == nodes  # what it can place does
    assert segment_seen(pod, node.outside, own, target, flags) is None
    # The controls: without that rule it arrives, and with the pod's address.
    delete_rules(node, "forward")
    assert segment_seen(pod, node.outside, own, target, flags) == own
    with pytest.raises(plugin.CniError) as error:
        node.check(pod, conf, result)
    error.value.says("forward", "ct state invalid", "drop")


@pytest.mark.any_kernel
@pytest.mark.parametrize("families, target, nodes", BOTH)
def test_without_ipMasq_such_a_packet_is_nobodys_business(node, families, target, nodes):
    pod = node.pod()
    own, = addresses_of(node.add(pod, network(families, ipMasq=False)))
    assert segment_seen(pod, node.outside, own, target, RST) == own
    assert rules_of(node, "forward") == []


@pytest.mark.any_kernel
def test_such_a_packet_goes_where_the_source_is_kept(node):
    first, second = node.pod(), node.pod()
    conf = network(nonMasqueradeCIDRs=["198.51.100.0/24"])
    own, = addresses_of(node.add(first, conf))
    other, = addresses_of(node.add(second, conf))
    assert segment_seen(first, node.outside, own, INTERNET4, RST) == own
    assert segment_seen(first, second, own, other, RST) == own
    assert segment_seen(first, node, own, GATEWAY4, RST) == own
    assert segment_seen(first, node.outside, own, OUTSIDE4, RST) is None


# -- ipMasqBackend


@pytest.mark.any_kernel
@pytest.mark.parametrize("backend", [None, "", "nftables"])
def test_nftables_is_the_backend(node, backend):
    pod = node.pod()
    node.add(pod, network("dual", ipMasqBackend=backend))
    assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
    assert "table inet bridge_cni" in node.run("nft", "list", "tables").stdout


@pytest.mark.any_kernel
def test_iptables_is_refused_with_the_reason(node):
    conf, pod = network(ipMasqBackend="iptables"), node.pod()
    before = node.state()
    with plugin.refusal(plugin.UNSUPPORTED_FIELD, "ipMasqBackend", "iptables", "nftables"):
        node.add(pod, conf)
    snapshot.assert_same(before, node.state())
    node.delete(pod, conf)
