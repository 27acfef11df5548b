# SPDX-License-Identifier: GPL-2.0-or-later
"""What `bridge-cni doctor --trace` says of connections to Services that fail, and of the rules of other
programs that a cluster's node has. tests/cluster/test_ask.py has the programs themselves."""
import pytest

from harness.node import INTERNET4, NODE4
from harness.portmap import settled
from harness.service import netfilter_on_the_bridge, service
from harness.trace import CART, attached, came_through, ended_at, trace

pytestmark = pytest.mark.must_run

FOREIGN = "table inet fire {{ chain c {{ type filter hook forward priority 5; {}; }}; }}"


def with_port(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


@pytest.mark.parametrize("mode", ["nftables", "iptables"])
@pytest.mark.parametrize("which", [0, 1], ids=["v4", "v6"])
def test_what_a_Service_leads_to_is_told_though_a_rule_drops_it_there(node, mode, which):
    """The kernel has no entry of such a connection."""
    netfilter_on_the_bridge(node, False)
    attached(node, n=2)
    settled(node)
    address = ["10.1.2.3", "fd00:1:2::3"][which]
    vip = service(node, address, 53, mode)
    node.nft(FOREIGN.format("tcp dport 53 drop"))
    traced = ended_at(trace(node, CART, with_port(vip, 53)), "rules", "in the hook forward")
    assert f"the node sends to {address} by cni0" == traced.text("node-route")
    assert f"; rules translate it to {address}, port 53" in traced.text("connection")


@pytest.mark.parametrize("which", [0, 1], ids=["v4", "v6"])
def test_a_Service_whose_pod_refuses_names_the_pod(node, which):
    netfilter_on_the_bridge(node, False)
    attached(node, n=2)
    settled(node)
    address = ["10.1.2.3", "fd00:1:2::3"][which]
    vip = service(node, address, 53, "nftables")
    traced = trace(node, CART, with_port(vip, 53))
    assert traced.status == 1 and traced.wrong() == []
    assert f"the node sends to {address} by cni0" == traced.text("node-route")
    assert f"; rules translate it to {address}, port 53" in traced.text("connection")
    assert f"it came through to {address}, TCP port 53, which refuses" in traced.end["message"]


def test_the_agents_guard_is_known_and_gets_no_rule_of_others(node):
    attached(node, "v4", ipMasq=False)
    node.outside.ip("route add 10.1.2.0/24 via", NODE4)
    node.nft("table inet bridge_cni_tunnel { chain inner { type filter hook prerouting priority -450; "
             f"ip saddr {INTERNET4} drop; }}; }}")
    traced = ended_at(trace(node, CART, INTERNET4), "rules", "the answer is dropped in the hook prerouting",
                      "table inet bridge_cni_tunnel (the node agent's guard)")
    assert "podCIDR" in traced.end["advice"] and "command" not in traced.end


def test_of_a_Service_port_and_endpoints_are_to_be_looked_at(node):
    attached(node, "v4")
    node.nft("table ip kube-proxy { chain cluster-ips-check { type filter hook forward priority -2; "
             "ip daddr 10.96.0.7 reject; }; }")
    traced = ended_at(trace(node, CART, "10.96.0.7:81"), "rules", "(Kubernetes': kube-proxy or kubelet)")
    assert "has this port, and endpoints" in traced.end["advice"]


@pytest.mark.parametrize("target", ["10.1.2.3", "fd00:1:2::3"], ids=["v4", "v6"])
@pytest.mark.parametrize("masquerades", [True, False])
def test_a_redirect_that_the_node_drops_is_neither_the_packet_nor_the_answer(node, target, masquerades):
    """The node would tell both pods of the shorter way, which routed pods must not take."""
    netfilter_on_the_bridge(node, False)
    attached(node, n=2, podLink="routed", ipMasq=masquerades)
    for _ in range(2):
        traced = came_through(trace(node, CART, target))
        assert traced.text("rules").startswith("no rule of nftables drops it")
