# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` and chains of iptables-nft: its commands are those of iptables, which still
reads its tables afterwards. kube-proxy and Docker call it."""
import shutil

import pytest

from harness.doctor import findings, ours
from harness.node import INTERNET4, INTERNET6, UPLINK
from harness.waiting import wait_for

pytestmark = [pytest.mark.must_run,
              pytest.mark.skipif(not shutil.which("iptables-nft"), reason="there is no iptables-nft")]


@pytest.mark.parametrize("program, table, rules", [
    ("iptables-nft", "mangle", [f"-A PREROUTING -i {UPLINK} -j DROP"]),
    ("iptables-nft", "mangle", [f"-A POSTROUTING -o {UPLINK} -s 10.1.2.0/24 -j DROP"]),
    ("iptables-nft", "raw", ["-A PREROUTING -i cni0 -j DROP"]),
    ("iptables-nft", "filter", ["-P FORWARD DROP"]),
    ("iptables-nft", "security", ["-A FORWARD -i cni0 -j DROP"]),
    ("ip6tables-nft", "mangle", [f"-A PREROUTING -i {UPLINK} -p tcp -j ACCEPT",
                                 f"-A PREROUTING -i {UPLINK} -m conntrack --ctstate ESTABLISHED -j DROP"]),
    ("ip6tables-nft", "filter", ["-A INPUT -p icmpv6 --icmpv6-type neighbour-solicitation -j DROP"]),
    ("ip6tables-nft", "filter", ["-A OUTPUT -p icmpv6 --icmpv6-type neighbour-advertisement -j DROP"])])
def test_iptables_still_reads_its_table(healthy, program, table, rules):
    pod = healthy.pod()
    healthy.add(pod, ours("dual"))
    target = INTERNET4 if program == "iptables-nft" else INTERNET6
    wait_for(lambda: pod.ping(target))
    for rule in rules:
        healthy.run(program, "-t", table, *rule.split())
    pod.ip("neigh flush dev eth0")
    assert not pod.ping(target, 0.3)
    found = findings(healthy, "firewall")
    assert found and all(f["command"].startswith(program) for f in found), found
    for finding in found:
        healthy.run("sh", "-c", finding["command"])
    assert findings(healthy, "firewall") == []
    wait_for(lambda: pod.ping(target))
    healthy.run(program, "-t", table, "-S")
    healthy.run(program, "-t", table, "-A", "OUTPUT", "-o", "eth7", "-j", "ACCEPT")


def test_neighbour_discovery_alone_is_let_in(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.run("ip6tables-nft", "-P", "INPUT", "DROP")
    [discovery] = [f for f in findings(healthy, "firewall") if f["level"] == "problem"]
    healthy.run("sh", "-c", discovery["command"])
    rules = healthy.run("ip6tables-nft", "-S", "INPUT").stdout.splitlines()
    assert sorted(rules[1:]) == [
        f"-A INPUT -i cni0 -p ipv6-icmp -m icmp6 --icmpv6-type {kind} -j ACCEPT" for kind in (135, 136)]
