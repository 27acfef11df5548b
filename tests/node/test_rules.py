# SPDX-License-Identifier: GPL-2.0-or-later
"""The node's rules: how many, whose, and what happens when someone flushes them."""
import json
import re

import pytest

from harness import plugin, snapshot
from harness.node import INTERNET4, INTERNET6, network
from harness.standing import Standing

TABLE = "inet bridge_cni"


def table(node):
    """The lines of the table, without what counts or varies; none where there is none."""
    out = node.run("nft", "-s", "list", "table", *TABLE.split(), check=False).stdout
    return sorted(out.splitlines())


def rules(node):
    entries = json.loads(node.run("nft", "-j", "list", "ruleset").stdout)["nftables"]
    return [e["rule"] for e in entries if "rule" in e]


def test_everything_stands_in_one_table(node):
    node.add(node.pod(), network("dual"))
    tables = node.run("nft", "list", "tables").stdout.split("\n")
    assert [line for line in tables if line] == [f"table {TABLE}"]


def test_every_rule_says_what_it_is_for(node):
    node.add(node.pod(), network("dual"))
    assert rules(node)
    for rule in rules(node):
        assert rule.get("comment"), rule


def test_the_number_of_rules_does_not_grow_with_pods(node):
    conf = network("dual")
    node.add(node.pod(), conf)
    before = rules(node)
    for _ in range(3):
        node.add(node.pod(), conf)
    assert len(rules(node)) == len(before)


def test_two_networks_are_both_masqueraded(node):
    first, second = node.pod(), node.pod()
    node.add(first, network())
    node.add(second, network(name="second", bridge="cni1",
                             ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]}))
    assert first.ping(INTERNET4) and second.ping(INTERNET4)


def test_pods_of_an_earlier_range_keep_their_way_out(node):
    """The rules masquerade whole subnets, not the part of them that is given out now."""
    def part(start, end):
        return network(ipam={"ranges": [[{"subnet": "10.1.2.0/24", "rangeStart": start,
                                          "rangeEnd": end}]]})

    earlier, later = node.pod(), node.pod()
    node.add(earlier, part("10.1.2.10", "10.1.2.19"))
    node.add(later, part("10.1.2.100", "10.1.2.109"))
    assert earlier.ping(INTERNET4) and later.ping(INTERNET4)


def test_rules_that_somebody_flushes_while_they_are_replaced_come_back(node, tmp_path):
    """A rule that names a bridge by its index, which is another since the bridge was deleted."""
    def wanting(port):
        return network(runtimeConfig={"portMappings": [
            {"hostPort": port, "containerPort": 80, "protocol": "tcp"}]})

    node.add(node.pod(), wanting(8080))
    whole = [rule["comment"] for rule in rules(node)]
    node.run("ip", "link", "del", "cni0")
    at_fork = Standing(tmp_path / "trace", "clone,clone3,fork,vfork")
    add = node.start("ADD", wanting(8081), node.pod(), wrapper=at_fork.wrapper, env=at_fork.env)
    with at_fork.standing():
        node.run("nft", "flush", "ruleset")
    plugin.judge("ADD", add(), plugin.NEWEST)
    assert sorted(rule["comment"].split()[1] for rule in rules(node)) == sorted(
        comment.split()[1] for comment in whole)


def test_without_ipMasq_there_is_no_rule(node):
    node.add(node.pod(), network("dual", ipMasq=False))
    assert "masquerade" not in node.run("nft", "list", "ruleset").stdout


FOREIGN = """
table ip nat {
    chain POSTROUTING {
        type nat hook postrouting priority 100
        ip saddr 172.31.0.0/16 masquerade comment "somebody's"
    }
}
table inet firewall {
    set admins {
        type ipv4_addr
        elements = { 192.0.2.77 }
    }
    chain input {
        type filter hook input priority 0
        ip saddr @admins accept comment "bridge_cni"
    }
}
"""


def test_other_programs_tables_stay_as_they_are(node):
    node.nft(FOREIGN)
    before = snapshot.ruleset(node)
    conf, pod = network("dual"), node.pod()
    node.add(pod, conf)
    assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
    node.delete(pod, conf)
    node.nft(f"delete table {TABLE}")
    assert snapshot.ruleset(node) == before


def delete_a_rule(node):
    listing = node.run("nft", "-a", "list", "table", *TABLE.split()).stdout
    chain = ""
    for line in listing.splitlines():
        if match := re.match(r"\s+chain (\S+)", line):
            chain = match[1]
        if "masquerade" in line and (match := re.search(r"# handle (\d+)$", line)):
            node.nft(f"delete rule {TABLE} {chain} handle {match[1]}")
            return
    raise AssertionError(listing)


HARM = {"flush ruleset": lambda node: node.nft("flush ruleset"),
        "delete table": lambda node: node.nft(f"delete table {TABLE}"),
        "flush table": lambda node: node.nft(f"flush table {TABLE}"),
        "delete a rule": delete_a_rule}


@pytest.mark.parametrize("harm", HARM)
def test_the_next_ADD_puts_rules_back_for_every_pod(node, harm):
    conf = network("dual")
    pods = [node.pod(), node.pod()]
    for pod in pods:
        node.add(pod, conf)
    whole = table(node)
    HARM[harm](node)
    assert table(node) != whole
    reached = [pods[0].ping(address, wait=0.3) for address in (INTERNET4, INTERNET6)]
    assert not all(reached), "that did no harm"
    pods.append(node.pod())
    node.add(pods[2], conf)
    for pod in pods:
        assert pod.ping(INTERNET4) and pod.ping(INTERNET6), f"{pod.name} has no way out"
    assert table(node) == whole


def test_a_chain_of_ours_that_someone_emptied_is_filled_and_not_doubled(node):
    conf = network("dual")
    node.add(node.pod(), conf)
    whole = table(node)
    for _ in range(2):
        node.nft(f"flush table {TABLE}")
        node.add(node.pod(), conf)
        assert table(node) == whole
