# SPDX-License-Identifier: GPL-2.0-or-later
"""spoofCheck's rules: their order, those that all networks share, and the former version's."""
import re

import pytest

from harness import plugin
from harness.command import cleanup, repair
from harness.former import hash_text
from harness.node import network
from test_spoof_frames import IP, addresses, arrived, right, wrong
from test_spoofcheck import elements, sets

CONF = network("dual", spoofCheck=True)
NOTHING = ["nothing to mend"]


def chains(node):
    """chain: the kinds of its rules, in their order"""
    found, chain = {}, None
    for line in node.run("nft", "list", "table", "bridge", "bridge_cni",
                         check=False).stdout.splitlines():
        if match := re.match(r"\tchain (\w+) {", line):
            chain = found.setdefault(re.sub("_[0-9a-f]{16}$", "", match[1]), [])
        elif match := re.search(r'comment "v2 spoofcheck/(\w+) ', line):
            chain.append(match[1])
    return found


def handle(node, chain, kind):
    out = node.run("nft", "-a", "list", "table", "bridge", "bridge_cni").stdout
    name = re.search(rf"chain ({chain}(?:_[0-9a-f]{{16}})?) {{", out)[1]
    return name, re.search(rf"v2 spoofcheck/{kind} .*# handle (\d+)", out)[1]


def guarded(node, pods, results):
    me = addresses(pods[0], results[0])
    bad = {name: frame for frames in wrong(me, "fd00:1:2::9").values()
           for name, frame in frames.items()}
    return arrived(pods[0], pods[1], bad) == set() and pods[0].ping("10.1.2.1") and \
        pods[0].ping("fd00:1:2::1")


@pytest.fixture
def pair(node):
    pods = [node.pod(), node.pod()]
    return pods, [node.add(pod, CONF) for pod in pods]


@pytest.mark.parametrize("chain, kind, by", [
    ("prerouting", "own4", "ADD"), ("prerouting", "own4", "repair"),
    ("prerouting", "mac", "ADD"), ("input", "bpdu", "repair"), ("checks", "type", "repair"),
    ("checks", "ip6", "repair"), ("from4", "tcp4", "repair"), ("from6", "router6", "repair"),
    ("reports", "few", "repair"), ("dropped", "note", "repair")])
def test_a_rule_that_somebody_deleted_comes_back_where_it_was(node, pair, chain, kind, by):
    whole = chains(node)
    name, number = handle(node, chain, kind)
    node.nft(f"delete rule bridge bridge_cni {name} handle {number}")
    with plugin.refusal(plugin.CHECK, "spoofcheck", chain, "expected"):
        node.check(pair[0][0], CONF, pair[1][0])
    if by == "ADD":
        node.add(node.pod(), CONF)
    else:
        assert repair(node, CONF) != NOTHING
    assert chains(node) == whole
    assert repair(node, CONF) == NOTHING
    node.check(pair[0][0], CONF, pair[1][0])


@pytest.mark.parametrize("chain, kind", [("checks", "type"), ("from6", "tcp6")])
def test_rules_that_somebody_put_into_another_order_are_put_right(node, pair, chain, kind):
    whole = chains(node)
    name, number = handle(node, chain, kind)
    out = node.run("nft", "-a", "list", "table", "bridge", "bridge_cni").stdout
    text = re.search(rf'\t\t(.*v2 spoofcheck/{kind} [^"]*") # handle', out)[1]
    node.nft(f"delete rule bridge bridge_cni {name} handle {number}; "
             f"add rule bridge bridge_cni {name} {text}")
    assert chains(node)[chain][-1] == kind
    with plugin.refusal(plugin.CHECK, "spoofcheck", chain, "behind"):
        node.check(pair[0][0], CONF, pair[1][0])
    assert repair(node, CONF) != NOTHING
    assert chains(node) == whole
    node.check(pair[0][0], CONF, pair[1][0])
    assert guarded(node, *pair)


def test_rules_that_networks_share_stay_until_the_last_of_them_is_cleaned_up(node, pair):
    other = network(name="other", spoofCheck=True, bridge="cni1", ipMasq=False, ipam={
        "ranges": [[{"subnet": "10.9.0.0/24"}]]})
    alone, pod = chains(node), node.pod()
    node.add(pod, other)
    both = chains(node)
    assert all(both[chain] == alone[chain] for chain in ("from4", "from6", "dropped"))
    node.delete(pod, other)
    assert cleanup(node, other)
    assert chains(node) == alone and guarded(node, *pair)
    for each in pair[0]:
        node.delete(each, CONF)
    assert cleanup(node, CONF)
    assert node.run("nft", "list", "ruleset").stdout == ""


def test_macspoofchk_alone_has_one_rule_beside_those(node):
    conf = network(macspoofchk=True)
    node.add(node.pod(), conf)
    found = chains(node)
    assert found["prerouting"] == ["mac"] and "checks" not in found


# -- the rules of the former version, nine that did not depend on their order

FORMER = """\
iifname @mac_ports iifname . ether saddr != @macs counter drop
iifname @ip_ports ether type { 8021q, 8021ad } counter drop
iifname @ip_ports iifname . ip saddr != @ips4 counter drop
iifname @ip_ports iifname . arp saddr ip != @ips4 counter drop
iifname @ip_ports ip6 saddr != :: iifname . ip6 saddr != @ips6 counter drop
""".splitlines()


def make_former(node, pods, results):
    """Puts the table as the former version left it in the place of today's."""
    owner = next(iter(sets(node))).rsplit("_", 1)[1]
    lines = ["delete table bridge bridge_cni", "add table bridge bridge_cni",
             "add chain bridge bridge_cni prerouting "
             "{ type filter hook prerouting priority dstnat; }"]
    types = {"mac_ports": "ifname", "ip_ports": "ifname", "macs": "ifname . ether_addr",
             "ips4": "ifname . ipv4_addr", "ips6": "ifname . ipv6_addr"}
    for name, kind in types.items():
        lines.append(f"add set bridge bridge_cni {name}_{owner} {{ type {kind}; }}")
    for pod, result in zip(pods, results):
        port = f'"{result["interfaces"][1]["name"]}"'
        four, six, local, mac = addresses(pod, result)
        for name, key in [("mac_ports", ""), ("ip_ports", ""), ("macs", mac.hex(":")),
                          ("ips4", four), ("ips6", six), ("ips6", local)]:
            lines.append(f"add element bridge bridge_cni {name}_{owner} "
                         f"{{ {port}{' . ' if key else ''}{key} }}")
    for name, key in [("mac_ports", ""), ("ip_ports", ""),
                      ("macs", " . 00:00:00:00:00:00"), ("ips4", " . 0.0.0.0"),
                      ("ips6", " . fe80::200:ff:fe00:0")]:
        lines.append(f'add element bridge bridge_cni {name}_{owner} {{ "/"{key} }}')
    for n, rule in enumerate(FORMER):
        text = re.sub(r"@(\w+)", rf"@\1_{owner}", rule)
        lines.append(f"add rule bridge bridge_cni prerouting {text} comment "
                     f'"v2 spoofcheck/former{n} {owner} {n:016x} '
                     f'{hash_text("testnet"):016x} testnet"')
    node.nft("\n".join(lines))


@pytest.mark.parametrize("by", ["ADD", "repair"])
def test_the_former_versions_rules_give_way_with_their_sets(node, pair, by):
    pods, results = pair
    whole, had = chains(node), set(sets(node))
    make_former(node, pods, results)
    if by == "ADD":
        node.add(node.pod(), CONF)
    else:
        assert repair(node, CONF) != NOTHING
    assert chains(node) == whole and set(sets(node)) == had
    assert guarded(node, pods, results)
    node.delete(pods[0], CONF)
    assert results[0]["interfaces"][1]["name"] not in str(sets(node))


def test_DEL_deletes_a_pods_elements_in_the_former_versions_sets(node, pair):
    pods, results = pair
    make_former(node, pods, results)
    before = elements(node)
    node.delete(pods[0], CONF)
    assert results[0]["interfaces"][1]["name"] not in str(sets(node))
    assert elements(node) == before // 2
    me = addresses(pods[1], results[1])
    frames = {"own": right(me)["UDP"], "foreign": (IP, wrong(me, me[1])["ip4"][
        "a foreign source"][1])}
    third = node.pod()
    node.add(third, network("dual"))
    assert arrived(pods[1], third, frames) == {"own"}


def test_a_DEL_sends_one_transaction_for_all_elements(node, pair):
    """That the pod's connections are forgotten is sent by the same socket, and is no transaction."""
    trace = node.directory / "trace"
    assert pair[0][0].ping("10.1.2.1")
    done = node.invoke("DEL", CONF, pair[0][0], env=plugin.TRACED,
                       wrapper=plugin.strace(trace, "socket,sendto"))
    assert done.returncode == 0, done.stdout
    text = trace.read_text()
    fd, = set(re.findall(r"socket\(AF_NETLINK.*NETFILTER\) = (\d+)", text))
    sent = re.findall(rf"sendto\({fd}, .*", text)
    assert len([line for line in sent if "CTNETLINK" not in line]) == 1 < len(sent), text
