# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` and kube-proxy: the mode that it is in, and what Services need of br_netfilter."""
import os
import shutil

import pytest

from harness import distribution, firewalls, service
from harness.doctor import findings, mended, one, ours, run, write
from harness.node import addresses_of

pytestmark = pytest.mark.must_run

IPVS = """*nat
:KUBE-SERVICES - [0:0]
:KUBE-NODE-PORT - [0:0]
:KUBE-POSTROUTING - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
COMMIT
"""


def by_iptables(node):
    node.run("iptables-nft-restore", input=firewalls.KUBE_IPTABLES)


def by_legacy(node):
    if not shutil.which("iptables-legacy"):
        distribution.lacks("there is no iptables-legacy")
    node.run("iptables-legacy-restore", input=firewalls.KUBE_IPTABLES)


def by_nftables(node):
    node.nft(firewalls.KUBE_NFTABLES)


def by_ipvs(node):
    node.ip("link add kube-ipvs0 type bridge")
    node.run("iptables-nft-restore", input=IPVS)


def lines(node):
    return [line for line in run(node).stdout.splitlines() if ": kube-proxy: " in line]


@pytest.mark.parametrize("begin, mode", [
    (by_iptables, "iptables (by iptables-nft)"), (by_legacy, "iptables (by iptables-legacy)"),
    (by_nftables, "nftables"), (by_ipvs, "ipvs")])
def test_the_mode_is_told(healthy, begin, mode):
    assert lines(healthy) == ["ok: kube-proxy: there is none here"]
    begin(healthy)
    assert lines(healthy) == [f"ok: kube-proxy: kube-proxy's mode is {mode}"]


@pytest.mark.parametrize("former, end", [
    (by_iptables, lambda node: [node.run("iptables-nft", "-t", "nat", option) for option in ("-F", "-X")]),
    (by_ipvs, lambda node: (node.ip("link del kube-ipvs0"), node.nft("delete table ip nat")))])
def test_what_a_former_mode_has_left_is_told(healthy, former, end):
    former(healthy)
    by_nftables(healthy)
    finding = one(healthy, "kube-proxy", "warning", "more than one mode", "nftables")
    assert "kube-proxy --cleanup" in finding["advice"]
    end(healthy)
    assert findings(healthy, "kube-proxy") == []


def test_the_same_mode_by_both_kinds_of_iptables_is_told_too(healthy):
    by_iptables(healthy)
    by_legacy(healthy)
    one(healthy, "kube-proxy", "warning", "by iptables-nft", "by iptables-legacy")


def switch_off(node):
    if not node.call(os.path.exists, "/proc/sys/net/bridge"):
        raise distribution.Lacks("br_netfilter is not loaded")
    node.sysctl("bridge.bridge-nf-call-iptables", 0)


@pytest.mark.parametrize("begin, masquerades, level, what", [
    (None, False, "warning", "times out"),
    (by_iptables, False, "problem", "times out"),
    (by_nftables, False, "problem", "times out"),
    (by_nftables, True, "warning", "the gateway's address"),
    (by_ipvs, True, "problem", "times out")])
def test_what_becomes_of_a_service_without_br_netfilter(healthy, begin, masquerades, level, what):
    write(healthy, ours("v4", ipMasq=masquerades))
    switch_off(healthy)
    if begin:
        begin(healthy)
    finding = one(healthy, "bridge-nf", level, "bridge-nf-call-iptables is 0", what)
    mended(healthy, finding)


@pytest.mark.parametrize("masquerades", [True, False])
def test_the_switch_matters_to_a_VLAN_with_a_gateway_only_where_it_is_not_masqueraded(healthy, masquerades):
    write(healthy, ours("v4", vlan=100, ipMasq=masquerades))
    switch_off(healthy)
    by_nftables(healthy)
    assert len(findings(healthy, "bridge-nf")) == (0 if masquerades else 1)


@pytest.mark.parametrize("masquerades", [True, False])
def test_what_it_says_of_a_service_is_so(healthy, masquerades):
    conf = ours("v4", ipMasq=masquerades)
    write(healthy, conf)
    switch_off(healthy)
    client, server = healthy.pod(), healthy.pod()
    healthy.add(client, conf)
    address, = addresses_of(healthy.add(server, conf))
    vip = service.service(healthy, address, mode="iptables")
    server_socket = server.socket()
    server_socket.bind((address, 80))
    server_socket.listen()
    asking = client.socket()
    asking.settimeout(1)
    try:
        asking.connect((vip, 80))
        peer = server_socket.accept()[1][0]
    except TimeoutError:
        peer = None
    for sock in (asking, server_socket):
        sock.close()
    found = one(healthy, "bridge-nf", "warning" if masquerades else "problem")["message"]
    assert ("times out" in found) == (peer is None)
    assert ("the gateway's address" in found) == (peer == "10.1.2.1")
