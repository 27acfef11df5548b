# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of rules: other programs' that drop what pods send, and those that pods need."""
import pathlib
import shutil

import pytest

from harness import plugin
from harness.command import command
from harness.doctor import (POLICY, all_mended, findings, mended, one, ours,
                            run, told_and_mended, write)

pytestmark = pytest.mark.must_run

REJECTS = """
table ip other {
    chain last { reject; }
    chain forward {
        type filter hook forward priority 10;
        ct state established accept
        iifname "docker0" accept
        ct state invalid drop
        tcp dport 25 drop
        jump last
    }
}"""
PASSES = """
table inet other {
    chain pods { ip saddr 10.1.0.0/16 accept; ip6 saddr fd00::/16 accept; }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname != "docker0" jump pods
        iifname "eth7" drop
    }
}"""
PASSES_SOME = """
table inet other {
    set ports { type ifname; elements = { "cni0" }; }
    chain forward {
        type filter hook forward priority 0; policy drop;
        ct state established accept
        iifname @ports accept
    }
}"""


@pytest.mark.parametrize("rules", [POLICY % "forward", REJECTS, POLICY % "input_"])
def test_another_programs_chain_drops(healthy, rules):
    healthy.nft(rules)
    all_mended(healthy, "firewall", "problem")


def test_the_remedy_is_one(healthy):
    """What doctor says of a firewall is what becomes of a pod's packets."""
    pod, conf = healthy.pod(), ours("dual")
    healthy.add(pod, conf)
    assert pod.ping("198.51.100.1")
    healthy.nft(REJECTS.replace("ct state established accept", ""))
    assert not pod.ping("198.51.100.1", 0.3)
    all_mended(healthy, "firewall", "problem")
    assert pod.ping("198.51.100.1")


def test_a_chain_that_accepts_what_pods_send_is_no_finding(healthy):
    healthy.nft(PASSES)
    assert findings(healthy, "firewall") == []


def test_a_rule_that_cannot_be_judged_makes_a_warning(healthy):
    healthy.nft(PASSES_SOME)
    all_mended(healthy, "firewall", "warning")


FORWARD = """
table inet other {
    %s
    chain last { drop; }
    chain forward { type filter hook forward priority 0; policy %s; %s; }
}"""
IN_SET = 'set ports { type ifname; elements = { "cni0" }; }'
IN_MAP = 'map ports { type ifname : verdict; elements = { "cni0" : jump last }; }'
SERVICES = "map services { type ipv4_addr . inet_proto . inet_service : verdict; }"


@pytest.mark.parametrize("what, policy, rule, level", [
    (IN_SET, "accept", "iifname @ports drop", "warning"),
    (IN_SET, "accept", "iifname @ports jump last", "warning"),
    (IN_MAP, "accept", "iifname vmap @ports", "warning"),
    (IN_MAP, "drop", "iifname vmap @ports", "warning"),
    ("", "accept", "ip saddr { 10.1.2.0/24, 10.9.0.0/24 } drop", "warning"),
    ("", "accept", "ip saddr 10.1.0.0-10.1.9.255 drop", "problem"),
    ("", "accept", "ip saddr 10.2.0.0-10.2.9.255 drop", None),
    ("", "accept", "ip saddr != 10.2.0.0-10.2.9.255 drop", "problem"),
    ("", "accept", "ip saddr != 10.1.0.0-10.1.9.255 iifname cni0 drop", None),
    ("", "accept", "tcp dport 22 return; drop", "warning"),
    ("", "accept", "tcp dport { 22, 25 } drop", None),
    ("", "accept", "ip saddr 10.1.2.0/24 tcp dport { 22, 25 } jump last", None),
    (SERVICES, "accept", "ip daddr . meta l4proto . th dport vmap @services", None)])
def test_what_cannot_be_judged_is_a_warning_whatever_the_policy(healthy, what, policy, rule, level):
    write(healthy, ours("v4"))
    rules = FORWARD % (what, policy, rule)
    if "map ports" in what:  # a map's chains come before it
        rules = rules.replace(f"    {what}\n    chain last {{ drop; }}", f"chain last {{ drop; }}\n{what}")
    healthy.nft(rules)
    if level:
        all_mended(healthy, "firewall", level)
    else:
        assert findings(healthy, "firewall") == []


def test_what_was_looked_at_is_said(healthy):
    [line] = [line for line in run(healthy).stdout.splitlines() if line.startswith("ok: firewall: ")]
    assert "hook forward" in line


DOCKER = """*filter
:FORWARD DROP [0:0]
:DOCKER-USER - [0:0]
:DOCKER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -o docker0 -j ACCEPT
-A FORWARD -i docker0 -j ACCEPT
-A DOCKER-USER -j RETURN
COMMIT
"""


@pytest.mark.skipif(not shutil.which("iptables-nft-restore"), reason="there is no iptables-nft")
def test_docker_is_told_by_name(healthy):
    write(healthy, ours("v4"))
    healthy.run("iptables-nft-restore", input=DOCKER)
    finding = one(healthy, "firewall", "problem", "Docker")
    assert finding["command"].startswith("iptables -I DOCKER-USER -i cni0 -j ACCEPT")
    mended(healthy, {**finding, "command": finding["command"].replace("iptables", "iptables-nft")})


@pytest.mark.parametrize("table, chain, program", [
    ("firewalld", "filter_FORWARD", "firewall-cmd"), ("filter", "ufw-before-forward", "ufw route")])
def test_a_firewall_is_told_by_name(healthy, table, chain, program):
    healthy.nft((POLICY % "forward").replace("other {", f"{table} {{\n chain {chain} {{ }}\n")
                .replace("policy drop;", f"policy drop;\n jump {chain}"))
    finding = findings(healthy, "firewall")[0]
    assert program in finding["command"] and program[:3] in finding["message"]


@pytest.mark.skipif(not shutil.which("iptables-legacy"), reason="there is no iptables-legacy")
def test_iptables_legacy_drops(healthy):
    write(healthy, ours("v4"))
    assert healthy.run("iptables-legacy", "-P", "FORWARD", "DROP", check=False).returncode == 0
    told_and_mended(healthy, "firewall", "problem", "iptables-legacy")


def test_no_table_of_iptables_legacy_comes_of_looking(healthy):
    findings(healthy)
    names = healthy.run("cat", "/proc/net/ip_tables_names", check=False).stdout
    assert names == ""


def test_rules_that_are_missing(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.nft("delete table inet bridge_cni")
    told_and_mended(healthy, "rules", "problem", "missing")


def nftables_findings(node, executable, **env):
    done = command(node, "doctor", "/run/net.d", env={"CNI_PATH": "/run/bin", **env}, executable=executable)
    return [line for line in done.stdout.splitlines() if line.startswith("problem: nftables: ")]


def test_what_writes_rules_is_missing(healthy):
    """libnftables; or, of the bundle, the files beside the executable."""
    library = pathlib.Path(plugin.BRIDGE_CNI).resolve().parent / "bridge-cni.lib"
    if library.exists():
        shutil.copy2(plugin.BRIDGE_CNI, healthy.run_dir / "bridge-cni-copy")
        copy = "/run/bridge-cni-copy"
        assert len(nftables_findings(healthy, copy)) == 1
        shutil.copytree(library, healthy.run_dir / "bridge-cni.lib")
        assert nftables_findings(healthy, copy) == []
    else:
        (healthy.run_dir / "libnftables.so.1").write_text("")
        assert len(nftables_findings(healthy, plugin.BRIDGE_CNI, LD_LIBRARY_PATH="/run")) == 1
        (healthy.run_dir / "libnftables.so.1").unlink()
        assert nftables_findings(healthy, plugin.BRIDGE_CNI, LD_LIBRARY_PATH="/run") == []
