# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` beside rules of the forms that kube-proxy, Docker, libvirt, firewalld and ufw write:
it finds what drops packets of pods, and nothing else."""
import shutil

import pytest

from harness import firewalls
from harness.doctor import all_mended, findings, ours
from harness.node import GATEWAY4, INTERNET4, INTERNET6, UPLINK
from harness.waiting import processor_seconds, wait_for

pytestmark = pytest.mark.must_run

LEGACY = shutil.which("iptables-legacy") is not None


def restored(program):
    """A function that writes rules by iptables-restore of either kind."""
    def write(node, rules):
        if not shutil.which(program):
            pytest.skip(f"there is no {program}")
        node.run(program, input=rules)
    return write


def by_nft(node, rules):
    node.nft(rules)


HEALTHY = {
    "kube-proxy, iptables": (restored("iptables-nft-restore"), firewalls.KUBE_IPTABLES),
    "kube-proxy, iptables-legacy": (restored("iptables-legacy-restore"), firewalls.KUBE_IPTABLES),
    "kube-proxy, nftables": (by_nft, firewalls.KUBE_NFTABLES),
    "Docker": (restored("iptables-nft-restore"), firewalls.DOCKER_ACCEPTS),
    "Docker, iptables-legacy": (restored("iptables-legacy-restore"), firewalls.DOCKER_ACCEPTS),
    "libvirt": (by_nft, firewalls.LIBVIRT),
    "firewalld": (by_nft, firewalls.firewalld("cni0")),
}


@pytest.mark.parametrize("program", HEALTHY)
def test_on_a_healthy_node_no_program_is_a_finding(healthy, program):
    pod = healthy.pod()
    healthy.add(pod, ours("dual"))
    write, rules = HEALTHY[program]
    write(healthy, rules)
    assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
    assert findings(healthy, "firewall") == []


def levels(found):
    return {(f["level"], f["message"].split(" drops ")[1].split(",")[0]) for f in found}


def test_firewalld_that_does_not_know_the_bridge(healthy):
    """It accepts neighbour discovery, and ICMP to the node."""
    pod = healthy.pod()
    healthy.add(pod, ours("dual"))
    healthy.nft(firewalls.firewalld())
    assert not pod.ping(INTERNET4, 0.3) and pod.ping(GATEWAY4)
    found = findings(healthy, "firewall")
    assert all("(firewalld's)" in f["message"] and f["command"].startswith("firewall-cmd") for f in found)
    assert ("problem", "what pods send") in levels(found)
    assert "--change-interface cni0" in found[0]["command"]  # whatever zone has it now
    assert not any("discovery" in f["message"] for f in found)
    healthy.nft("delete table inet firewalld")
    healthy.nft(firewalls.firewalld("cni0"))
    assert findings(healthy, "firewall") == []


@pytest.mark.skipif(not shutil.which("ip6tables-nft-restore"), reason="there is no iptables-nft")
def test_ufw_that_does_not_know_the_bridge(healthy):
    pod = healthy.pod()
    healthy.add(pod, ours("dual"))
    healthy.run("iptables-nft-restore", input=firewalls.UFW4)
    healthy.run("ip6tables-nft-restore", input=firewalls.UFW6)
    pod.ip("neigh flush dev eth0")
    wait_for(lambda: pod.ping(GATEWAY4))
    assert not pod.ping(INTERNET6, 0.3)
    found = findings(healthy, "firewall")
    assert all("(ufw's)" in f["message"] for f in found) and not any("discovery" in f["message"] for f in found)
    assert {f["command"] for f in found} == {
        "ufw route allow in on cni0 && ufw route allow out on cni0", "ufw allow in on cni0"}
    for restore, n in (("iptables-nft-restore", ""), ("ip6tables-nft-restore", "6")):
        healthy.run(restore, "--noflush", input=f"*filter\n-A ufw{n}-user-input -i cni0 -j ACCEPT\n"
                    f"-A ufw{n}-user-forward -i cni0 -j ACCEPT\n-A ufw{n}-user-forward -o cni0 -j ACCEPT\nCOMMIT\n")
    assert findings(healthy, "firewall") == []


@pytest.mark.skipif(not LEGACY, reason="there is no iptables-legacy")
@pytest.mark.parametrize("program, rule, level, what", [
    ("iptables", "FORWARD -s 10.1.0.0/16 -j DROP", "problem", "what pods send"),
    ("iptables", "FORWARD -i cni+ ! -d 10.0.0.0/8 -j REJECT", "problem", "what pods send"),
    ("ip6tables", "FORWARD -o cni0 -m conntrack --ctstate ESTABLISHED -j DROP", "problem", "the answers"),
    ("iptables", "FORWARD -j mine", "problem", "a rule of chain mine"),
    ("iptables", "FORWARD -g mine", "problem", "a rule of chain mine"),
    ("iptables", "INPUT -i cni0 -p tcp -j mine", None, ""),
    ("iptables", "INPUT -i cni0 -j mine", "warning", "what pods answer the node"),
    ("ip6tables", "INPUT -p icmpv6 --icmpv6-type neighbour-solicitation -j DROP", "problem", "neighbour discovery"),
    ("ip6tables", "OUTPUT -p icmpv6 --icmpv6-type neighbour-advertisement -j DROP", "problem", "neighbour discovery"),
    ("iptables", "OUTPUT -o cni0 -j DROP", "warning", "what the node sends to pods"),
    ("iptables", "PREROUTING -t raw -i cni0 -j DROP", "problem", "table raw"),
    ("iptables", f"PREROUTING -t mangle -i {UPLINK} -j DROP", "problem", "the answers"),
    ("iptables", f"POSTROUTING -t mangle -o {UPLINK} -s 10.1.2.0/24 -j DROP", "problem", "table mangle"),
    ("iptables", "POSTROUTING -t mangle -o cni0 -j DROP", "problem", "the answers"),
    ("iptables", "FORWARD -s 10.9.0.0/16 -j DROP", None, ""),
    ("iptables", "FORWARD ! -s 10.0.0.0/8 -i cni0 -j DROP", None, ""),
    ("iptables", "FORWARD -i cni0 -p tcp --dport 25 -j DROP", None, ""),
    ("iptables", "FORWARD -s 10.1.2.254 -j DROP", None, ""),
    ("iptables", "FORWARD ! -s 10.1.2.254 -j DROP", "problem", "what pods send"),
    ("iptables", "INPUT -i cni0 -d 10.1.2.1 -j DROP", "warning", "the node"),
    ("iptables", "FORWARD -i cni1 -j DROP", None, "")])
def test_rules_of_iptables_legacy(healthy, program, rule, level, what):
    legacy = f"{program}-legacy"
    healthy.run(legacy, "-N", "mine")
    healthy.run(legacy, "-A", "mine", "-s", "fd00::/8" if program == "ip6tables" else "10.1.2.0/24", "-j", "DROP")
    healthy.run(legacy, "-A", *rule.split())
    if not level:
        assert findings(healthy, "firewall") == []
        return
    found = findings(healthy, "firewall")
    assert f"{legacy}" in found[0]["message"] and what in found[0]["message"], found
    all_mended(healthy, "firewall", level)


@pytest.mark.skipif(not LEGACY, reason="there is no iptables-legacy")
def test_what_iptables_legacy_drops_is_what_a_pod_misses(healthy):
    pod = healthy.pod()
    healthy.add(pod, ours("dual"))
    assert pod.ping(INTERNET4)
    healthy.run("iptables-legacy", "-N", "mine")
    healthy.run("iptables-legacy", "-A", "mine", "-o", UPLINK, "-j", "DROP")
    healthy.run("iptables-legacy", "-A", "FORWARD", "-i", "cni0", "-j", "mine")
    assert not pod.ping(INTERNET4, 0.3)
    all_mended(healthy, "firewall", "problem")
    assert pod.ping(INTERNET4)


def test_each_uplink_is_looked_at(healthy):
    """Where the node sends by two ways, a chain that drops by one of them drops what pods send."""
    healthy.ip_batch(f"""
        link add uplink1 type bridge
        link set uplink1 up
        addr add 203.0.113.66/28 dev uplink1
        route replace default nexthop via 192.0.2.1 dev {UPLINK} nexthop via 203.0.113.65 dev uplink1
        """)
    assert findings(healthy, "firewall") == []
    for rule, what in (("oifname uplink1 drop", "what pods send"),
                       ("iifname uplink1 ct state established drop", "the answers")):
        healthy.nft("""
            table ip other { }
            delete table ip other
            table ip other {
                chain c { type filter hook forward priority 0; %s; }
            }""" % rule)
        assert what in findings(healthy, "firewall")[0]["message"]
        all_mended(healthy, "firewall", "problem")


def test_thousands_of_foreign_rules_do_not_make_it_slow(healthy):
    """Each chain is read once, however many ways lead to it: it takes about as long as nft does to
    list the rules once."""
    def took(function):
        before = processor_seconds()
        function()
        return processor_seconds() - before

    rules = "\n".join(f"ip saddr 172.16.{i // 250}.{i % 250} tcp dport {i + 100} drop" for i in range(5000))
    chains = "\n".join(f"chain {hook} {{\ntype filter hook {hook} priority 0\njump many\n}}"
                       for hook in ("prerouting", "input", "forward", "output", "postrouting"))
    healthy.nft(f"table inet other {{\nchain many {{\n{rules}\n}}\n{chains}\n}}")
    listing = min(took(lambda: healthy.run("nft", "list", "ruleset")) for _ in range(3))
    looking = min(took(lambda: findings(healthy)) for _ in range(3))
    print(f"processor time: of nft's list {listing:.2f} s, of doctor {looking:.2f} s")
    assert looking < 4 * listing
