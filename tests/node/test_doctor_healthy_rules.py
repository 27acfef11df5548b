# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules that healthy nodes have, of which `bridge-cni doctor` must say nothing: the packets of pods
pass them."""
import shutil

import pytest

from harness.doctor import findings, one, ours, write
from harness.node import UPLINK

pytestmark = pytest.mark.must_run

CHAIN = """
table inet other {
    %s
    chain c { type filter hook %s; %s; }
}"""
BOGONS = ("set bogons { type ipv4_addr; flags interval; "
          "elements = { 0.0.0.0/8, 192.0.2.0/24, 198.51.100.0/24, 203.0.113.0/24, 240.0.0.0/4 }; }")
BOGONS6 = "set bogons { type ipv6_addr; flags interval; elements = { 2001:db8::/32, 3fff::/20 }; }"


@pytest.mark.parametrize("sets, hook, rule", [
    ("", "forward priority 0", f"oifname {UPLINK} ip daddr 198.51.100.0/24 drop"),
    ("", "forward priority 0", f"oifname {UPLINK} ip daddr {{ 192.0.2.0/24, 198.51.100.0/24 }} drop"),
    ("", "forward priority 0", f"oifname {UPLINK} ip6 daddr 2001:db8::/32 drop"),
    ("", "forward priority 0", "ip daddr 12.0.0.0/8 drop; ip daddr 100.64.0.0/10 drop"),
    ("", "forward priority 0", "ip daddr 195.0.0.0/8 drop"),
    (BOGONS, "forward priority 0", "ip daddr @bogons drop"),
    (BOGONS, "prerouting priority -150", f"iifname {UPLINK} ip saddr @bogons drop"),
    (BOGONS6, "prerouting priority -150", f"iifname {UPLINK} ip6 saddr @bogons drop")])
def test_some_addresses_of_the_world_are_dropped(healthy, sets, hook, rule):
    healthy.nft(CHAIN % (sets, hook, rule))
    assert findings(healthy, "firewall") == []


def test_all_addresses_of_the_world_are_dropped(healthy):
    write(healthy, ours("v4"))
    healthy.nft(CHAIN % ("", "forward priority 0", "ip daddr 0.0.0.0/1 drop; ip daddr 128.0.0.0/1 drop"))
    one(healthy, "firewall", "problem", "what pods send")


def needs(program):
    return pytest.mark.skipif(not shutil.which(program), reason=f"there is no {program}")


PROGRAMS = [pytest.param(program, marks=needs(program)) for program in ("iptables-nft", "iptables-legacy")]


@pytest.mark.parametrize("program", PROGRAMS)
def test_bogons_that_iptables_drops(healthy, program):
    healthy.run(program, "-A", "FORWARD", "-d", "198.51.100.0/24", "-j", "DROP")
    assert findings(healthy, "firewall") == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_connections_by_m_state(healthy, program):
    """It is another name of -m conntrack."""
    write(healthy, ours("v4"))
    healthy.run(program, "-P", "FORWARD", "DROP")
    for rule in ("-m state --state RELATED,ESTABLISHED", "-i cni0 -m state --state NEW"):
        healthy.run(program, "-A", "FORWARD", *rule.split(), "-j", "ACCEPT")
    assert findings(healthy, "firewall") == []


@pytest.mark.parametrize("program", PROGRAMS)
def test_a_program_that_judges_each_packet(healthy, program):
    """Such as Suricata: no remedy of doctor may lead past it."""
    write(healthy, ours("v4"))
    healthy.run(program, "-P", "FORWARD", "DROP")
    healthy.run(program, "-A", "FORWARD", "-j", "NFQUEUE", "--queue-num", "0")
    assert findings(healthy, "firewall") == []


BACK = "ct state established accept; oifname cni0 accept"
MARKED = [
    "chain p { type filter hook prerouting priority -150; iifname cni0 %(set)s; }\n"
    f"chain c {{ type filter hook forward priority 0; policy drop; {BACK}; %(get)s accept; }}",
    f"chain c {{ type filter hook forward priority 0; policy drop; {BACK}; iifname cni0 %(set)s; %(get)s accept; }}",
    "chain m { %(set)s; }\nchain p { type filter hook prerouting priority -150; iifname cni0 jump m; }\n"
    f"chain c {{ type filter hook forward priority 0; policy drop; {BACK}; %(get)s accept; }}"]


@pytest.mark.parametrize("what", ["meta mark", "ct mark"])
@pytest.mark.parametrize("chains", MARKED)
def test_whom_a_mark_lets_through(healthy, chains, what):
    """Which mark packets have at last isn't worked out: doctor says that it can't judge the rule."""
    write(healthy, ours("v4"))
    healthy.nft("table inet other { %s\n}" % (chains % {"set": f"{what} set 1", "get": f"{what} 1"}))
    one(healthy, "firewall", "warning", "what pods send", "can't judge")


@pytest.mark.parametrize("set_, level", [("tcp dport 25 meta mark set 1", "problem"), ("meta mark 7", "problem"),
                                         ("meta mark set 1", "warning")])
def test_marks_of_some_packets_say_nothing_of_the_others(healthy, set_, level):
    write(healthy, ours("v4"))
    healthy.nft("table inet other { %s\n}" % (MARKED[0] % {"set": set_, "get": "meta mark 1"}))
    one(healthy, "firewall", level, "what pods send")


@pytest.mark.parametrize("program", PROGRAMS)
def test_whom_a_mark_of_iptables_lets_through(healthy, program):
    write(healthy, ours("v4"))
    for rule in ("-t mangle -A PREROUTING -i cni0 -j MARK --set-mark 1", "-P FORWARD DROP",
                 "-A FORWARD -o cni0 -j ACCEPT", "-A FORWARD -m mark --mark 1 -j ACCEPT"):
        healthy.run(program, *rule.split())
    one(healthy, "firewall", "warning", "what pods send", "can't judge")


RANGE = {"ranges": [[{"subnet": "10.1.0.0/22", "rangeStart": "10.1.1.20", "rangeEnd": "10.1.1.50"}]]}


@pytest.mark.parametrize("rule, level", [
    (f"policy drop; {BACK}; ip saddr 10.1.1.0/26 accept", None), ("ip saddr 10.1.1.0/26 drop", "problem"),
    ("ip saddr 10.1.3.0/24 drop", None)])
def test_pods_have_addresses_of_their_range(healthy, rule, level):
    write(healthy, ours("v4", ipam=RANGE))
    healthy.nft(CHAIN % ("", "forward priority 0", rule))
    if level:
        one(healthy, "firewall", level, "what pods send")
    else:
        assert findings(healthy, "firewall") == []


# ufw has such a chain in its filter of what comes to the node.
NOT_LOCAL = """
    -N not-local
    -A INPUT -j not-local
    -A not-local -m addrtype --dst-type LOCAL -j RETURN
    -A not-local -m addrtype --dst-type MULTICAST -j RETURN
    -A not-local -j DROP"""


@pytest.mark.parametrize("program", PROGRAMS)
def test_what_is_not_for_the_node_itself_is_dropped(healthy, program):
    write(healthy, ours("v4"))
    healthy.run(program, "-S")
    for line in NOT_LOCAL.strip().splitlines():
        healthy.run(program, *line.split())
    assert findings(healthy, "firewall") == []
    healthy.run(program, "-D", "not-local", "1")
    assert "by a rule of chain not-local" in one(healthy, "firewall", "warning")["message"]


@pytest.mark.parametrize("rule, level", [
    ("fib daddr type local accept", None), ("fib daddr type != local drop", None),
    ("fib daddr type multicast accept", "warning"), ("fib saddr type unicast accept", None),
    ("fib saddr type local drop", None)])
def test_what_is_for_the_node_itself_is_accepted(healthy, rule, level):
    write(healthy, ours("v4"))
    accepts = "accept" in rule
    healthy.nft(CHAIN % ("", f"input priority 0; policy {'drop' if accepts else 'accept'}", rule))
    found = findings(healthy, "firewall")
    assert [f["level"] for f in found] == ([level] if level and accepts else []), found
