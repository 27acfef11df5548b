# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` and other programs' chains, hook by hook: what it says of a chain is what
becomes of a pod's packets there, and its own command lets them through."""
import pytest

from harness.doctor import all_mended, findings, one, ours, write
from harness.node import GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, UPLINK
from harness.waiting import wait_for

pytestmark = pytest.mark.must_run

# The chains' hooks, and what they do to packets.
CHAIN = """
table %s other {
    chain c { type filter hook %s; %s; }
}"""


def reaches(pod, *addresses, wait=None):
    """Neighbours are forgotten, so that they have to be found again."""
    pod.ip("neigh flush dev eth0")
    return all(pod.ping(address, wait) for address in addresses)


def kept(pod, *addresses):
    """At least one of them is not reached, as is seen in half a second."""
    return not reaches(pod, *addresses, wait=0.5)


def attached(node):
    pod = node.pod()
    node.add(pod, ours("dual"))
    wait_for(lambda: reaches(pod, INTERNET4, INTERNET6))
    return pod


@pytest.mark.parametrize("family, hook, rules, what", [
    ("ip", "prerouting priority -300", "iifname cni0 drop", "what pods send"),
    ("inet", "prerouting priority -150", "iifname cni0 meta nfproto ipv4 drop", "what pods send"),
    ("inet", "prerouting priority -150",
     f"policy drop; iifname cni0 accept; iifname {UPLINK} icmpv6 type 133-136 accept", "the answers"),
    ("ip", "postrouting priority -150", f"oifname {UPLINK} ip saddr 10.1.2.0/24 drop", "what pods send"),
    ("ip6", "postrouting priority 0", "oifname cni0 meta l4proto != 58 drop; oifname cni0 ct state established drop",
     "the answers"),
    ("bridge", "prerouting priority 0", "iifname veth* meta protocol ip drop", "what pods send"),
    ("bridge", "prerouting priority 0", "policy drop", "what pods send"),
    ("bridge", "input priority 0", "ether type ip6 drop", "what pods send"),
    ("bridge", "input priority 0", "ether type arp drop", "the neighbour discovery of pods"),
    ("bridge", "output priority 0", "oifname veth* ether type ip drop", "the answers"),
    ("bridge", "postrouting priority 0", "ip6 nexthdr icmpv6 icmpv6 type nd-neighbor-advert drop",
     "the node's neighbour discovery"),
    ("arp", "input priority 0", "iifname cni0 drop", "the neighbour discovery of pods"),
    ("arp", "input priority 0", "arp htype 1 arp operation request arp saddr ip 10.1.2.0/24 drop",
     "the neighbour discovery of pods"),
    ("arp", "output priority 0", "policy drop", "the node's neighbour discovery"),
    ("arp", "output priority 0", "arp operation reply drop", "the node's neighbour discovery"),
    ("netdev", "ingress device cni0 priority 0", "meta protocol { ip, arp } drop", "what pods send"),
    ("netdev", "ingress device cni0 priority 0", "policy drop", "what pods send"),
    ("netdev", "egress device cni0 priority 0", "policy drop", "the answers")])
def test_what_is_dropped_at_a_hook_is_told_and_let_through(healthy, family, hook, rules, what):
    pod = attached(healthy)
    assert findings(healthy, "firewall") == []
    healthy.nft(CHAIN % (family, hook, rules))
    assert kept(pod, INTERNET4, INTERNET6)
    assert what in findings(healthy, "firewall")[0]["message"]
    all_mended(healthy, "firewall", "problem")
    wait_for(lambda: reaches(pod, INTERNET4, INTERNET6))


@pytest.mark.parametrize("hook, rules", [
    (f"ingress device {UPLINK} priority 0", "policy drop"),
    (f"egress device {UPLINK} priority 0", "policy drop")])
def test_what_no_rule_could_tell_from_other_packets_gets_words(healthy, hook, rules):
    pod = attached(healthy)
    healthy.nft(CHAIN % ("netdev", hook, rules))
    assert kept(pod, INTERNET4)
    finding = one(healthy, "firewall", "problem", "netdev other")
    assert "command" not in finding and "have the chain accept" in finding["advice"]
    healthy.nft("add rule netdev other c accept")
    assert findings(healthy, "firewall") == [] and reaches(pod, INTERNET4)


INPUT = """
table inet other {
    chain input {
        type filter hook input priority 0; policy drop;
        ct state established,related accept
        iifname lo accept
        tcp dport 22 accept
        %s
    }
}"""


def test_neighbour_discovery_is_a_problem_and_what_else_goes_to_the_node_is_not(healthy):
    pod = attached(healthy)
    healthy.nft(INPUT % "")
    assert kept(pod, INTERNET6)
    found = findings(healthy, "firewall")
    assert [f["level"] for f in found] == ["problem", "warning"]
    assert "neighbour discovery" in found[0]["message"]
    healthy.run("sh", "-c", found[0]["command"])
    wait_for(lambda: reaches(pod, INTERNET6))
    assert not pod.ping(GATEWAY4, 0.3)
    finding = one(healthy, "firewall", "warning", "what pods send to the node")
    assert finding["advice"] == "leave it so, if it is meant"
    healthy.run("sh", "-c", finding["command"])
    assert findings(healthy, "firewall") == [] and reaches(pod, GATEWAY4, GATEWAY6)


@pytest.mark.parametrize("rule", [
    "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept",
    "icmpv6 type { 133-136 } accept", "meta l4proto ipv6-icmp accept", "meta l4proto { icmp, ipv6-icmp } accept",
    "ip6 hoplimit 255 accept", "ct state vmap { untracked : accept, invalid : drop }",
    "meta l4proto ipv6-icmp icmpv6 type vmap { nd-neighbor-solicit : accept, nd-neighbor-advert : accept }"])
def test_neighbour_discovery_that_is_accepted_is_no_finding(healthy, rule):
    pod = attached(healthy)
    healthy.nft(INPUT % rule)
    assert reaches(pod, INTERNET4, INTERNET6)
    assert all(f["level"] == "warning" and "to the node" in f["message"]
               for f in findings(healthy, "firewall"))


def test_what_cannot_be_judged_may_drop(healthy):
    healthy.nft("""
        table inet other {
            set them { type ifname; elements = { "cni0" }; }
            chain input { type filter hook input priority 0; iifname @them drop; }
        }""")
    found = findings(healthy, "firewall")
    assert found and all(f["level"] == "warning" and "may drop" in f["message"] for f in found)


def test_a_policy_of_output_is_about_what_the_node_sends(healthy):
    pod = attached(healthy)
    healthy.nft(CHAIN % ("inet", "output priority 0", "policy drop; ct state established accept; "
                         "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept"))
    assert reaches(pod, INTERNET4, INTERNET6)
    one(healthy, "firewall", "warning", "what the node sends to pods")
    all_mended(healthy, "firewall", "warning")


@pytest.mark.parametrize("family, hook, rule", [
    ("bridge", "forward priority 0", "policy drop"), ("inet", "forward priority 0", "iifname cni0 oifname cni0 drop")])
def test_pods_that_do_not_reach_each_other(healthy, family, hook, rule):
    pod, other = attached(healthy), healthy.pod()
    address = healthy.add(other, ours("dual"))["ips"][0]["address"].split("/")[0]
    if family == "inet" and not healthy.call(lambda: __import__("os").path.exists("/proc/sys/net/bridge")):
        pytest.skip("br_netfilter is not loaded")
    assert reaches(pod, address)
    healthy.nft(CHAIN % (family, hook, rule))
    assert kept(pod, address)
    one(healthy, "firewall", "problem", "what pods send to each other")
    all_mended(healthy, "firewall", "problem")
    assert reaches(pod, address)


def test_of_isolated_pods_nobody_misses_what_they_send_to_each_other(healthy):
    write(healthy, ours("dual", portIsolation=True))
    healthy.nft(CHAIN % ("bridge", "forward priority 0", "policy drop"))
    assert findings(healthy, "firewall") == []


@pytest.mark.parametrize("family, hook, rules", [
    ("ip", "prerouting priority -300", "iifname eth7 drop; ip saddr 10.9.0.0/16 drop; fib saddr oif missing drop"),
    ("ip", "prerouting priority -300", "ct state new drop"),
    ("ip", "postrouting priority 300", "ip saddr != 192.0.2.2 oifname uplink0 drop"),
    ("bridge", "forward priority 0", "iifname vnet* drop; ether type 0x88cc drop"),
    ("netdev", "ingress device lo priority 0", "drop"),
    ("arp", "input priority 0", "iifname eth7 drop; arp saddr ip 10.9.0.0/16 drop"),
    ("netdev", f"ingress device {UPLINK} priority 0", "ip daddr 192.0.2.9 drop; tcp flags & (fin|syn) == fin|syn drop"),
    ("inet", "input priority 0", "ct state invalid drop; tcp dport 25 drop; iifname eth7 drop")])
def test_what_passes_is_no_finding(healthy, family, hook, rules):
    pod = attached(healthy)
    healthy.nft(CHAIN % (family, hook, rules))
    assert reaches(pod, INTERNET4, INTERNET6)
    assert findings(healthy, "firewall") == []


def test_a_dormant_table_drops_nothing(healthy):
    pod = attached(healthy)
    healthy.nft((CHAIN % ("inet", "forward priority 0", "policy drop")).replace("{", "{\n    flags dormant", 1))
    assert reaches(pod, INTERNET4, INTERNET6)
    assert findings(healthy, "firewall") == []
    healthy.nft("add table inet other")  # awake
    assert kept(pod, INTERNET4)
    all_mended(healthy, "firewall", "problem")


@pytest.mark.parametrize("hook, rule, level", [
    ("forward", "ip saddr 10.1.2.254 drop", None), ("forward", "ip saddr 10.1.2.254 ip daddr 198.51.100.1 drop", None),
    ("forward", "ip saddr != 10.1.2.254 drop", "problem"), ("forward", "ip saddr 10.1.2.0/25 drop", None),
    ("forward", "ip saddr 10.1.2.128/25 drop", "problem"),
    ("input", "ip daddr 10.1.2.1 drop", "warning"), ("input", "ip daddr != 10.1.2.1 drop", None)])
def test_a_rule_about_one_pod_is_not_about_all(healthy, hook, rule, level):
    """Whichever address the pods have that the walk takes for an example."""
    write(healthy, ours("v4"))
    healthy.nft(CHAIN % ("inet", f"{hook} priority 0", rule))
    if level:
        all_mended(healthy, "firewall", level)
    else:
        assert findings(healthy, "firewall") == []
