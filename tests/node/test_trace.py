# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor --trace`: one ping or one connection of a pod that comes through, whose it is,
and what is told of each hop."""
import pytest

from harness.command import begin, command
from harness.doctor import write
from harness.node import INTERNET4, INTERNET6, NODE4, OUTSIDE4, UPLINK, network
from harness.portmap import ports, served, settled
from harness.service import netfilter_on_the_bridge, service
from harness.shown import NOBODY
from harness.trace import CART, CONF, Trace, attached, came_through, tables, trace

pytestmark = pytest.mark.must_run

TARGETS = [INTERNET4, INTERNET6]
FAMILIES = pytest.mark.parametrize("target", TARGETS, ids=["v4", "v6"])


def with_port(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


# -- it comes through


@FAMILIES
def test_a_ping_that_is_answered_is_told_hop_by_hop(node, target):
    attached(node)
    traced = came_through(trace(node, CART, target))
    v4 = ":" not in target
    gateway, outside = ("10.1.2.1", OUTSIDE4) if v4 else ("fd00:1:2::1", "2001:db8:aaaa::1")
    assert list(traced.hops) == [
        "pod", "pod-interface", "pod-route", "pod-rules", "port", "pod-neighbour", "bridge",
        "rules", "node-route", "node-neighbour", "connection", "answer", "end"]
    assert all(len(found) == 1 for found in traced.hops.values())
    assert traced.text("pod").startswith("shop/cart, ") and f"pings {target}, from " in traced.text("pod")
    assert f"to the gateway {gateway} by eth0" == traced.text("pod-route")
    mac = node.links()["cni0"]["address"]
    assert f"the gateway {gateway} has the MAC address {mac}" == traced.text("pod-neighbour")
    assert f"cni0 gives frames for {mac} to the node" == traced.text("bridge")
    assert f"the node sends to {target} by {UPLINK}, by the gateway {outside}" == traced.text("node-route")
    assert f"the gateway {outside} on {UPLINK} has the MAC address" in traced.text("node-neighbour")
    assert "sent on as from " + (NODE4 if v4 else "2001:db8:aaaa::2") in traced.text("connection")
    assert traced.text("connection").endswith(", answered")
    assert traced.text("answer").startswith(f"{target} answered within ")
    assert traced.text("answer").endswith(f"which came by {UPLINK}")


@FAMILIES
def test_a_connection_that_is_taken(node, target):
    attached(node)
    with served(node.outside, 443):
        traced = came_through(trace(node, CART, with_port(target, 443)))
    assert traced.end["message"] == f"it came through to {target}, TCP port 443, and the answer back"
    assert "took the connection within" in traced.text("answer")


def test_text_is_a_line_for_each_hop(node):
    attached(node)
    done = command(node, "doctor", "--load", "--trace", CART, INTERNET4, CONF)
    lines = done.stdout.splitlines()
    assert (done.returncode, done.stderr) == (0, "") and len(lines) == 13
    assert all(line.startswith("ok: ") for line in lines)
    assert lines[-1] == f"ok: end: it came through to {INTERNET4}, and the answer back"


@pytest.mark.parametrize("changes", [{}, {"podLink": "routed"}, {"spoofCheck": True}, {"bridge": "br7"}], ids=str)
@FAMILIES
def test_it_comes_through_in_each_kind_of_network(node, changes, target):
    netfilter_on_the_bridge(node, "podLink" not in changes)
    attached(node, **changes)
    came_through(trace(node, CART, target))


def test_without_masquerading_the_connection_is_not_translated(node):
    attached(node, "v4", ipMasq=False)
    node.outside.ip(f"route add 10.1.2.0/24 via {NODE4}")
    # Nothing on this node has the kernel track connections, and looking doesn't, either.
    traced = came_through(trace(node, CART, INTERNET4))
    assert traced.text("connection") == "the node's connection tracking has no entry of it"
    node.nft("table ip asks { chain c { type filter hook forward priority 0; ct state new accept; }; }")
    traced = came_through(trace(node, CART, INTERNET4))
    assert traced.text("connection") == "the node tracks it, not translated, answered"


@pytest.mark.parametrize("netfilter", [False, True], ids=["bridged", "br_netfilter"])
@pytest.mark.parametrize("which", [0, 1], ids=["v4", "v6"])
def test_another_pod_of_the_bridge(node, netfilter, which):
    netfilter_on_the_bridge(node, netfilter)
    _, other = attached(node, n=2)
    settled(node)
    address = ["10.1.2.3", "fd00:1:2::3"][which]
    traced = came_through(trace(node, CART, address))
    port = next(name for name in node.host_veths() if name not in traced.text("port"))
    assert traced.text("bridge").endswith(f"to the port {port}")
    assert "node-route" not in traced.hops
    with served(other, 80):
        came_through(trace(node, CART, with_port(address, 80)))


def test_the_node_itself(node):
    attached(node)
    traced = came_through(trace(node, CART, NODE4))
    assert traced.text("node-route") == f"{NODE4} is an address of the node"


@FAMILIES
def test_a_rule_in_the_pod_leads_to_another_target(node, target):
    """As a service mesh's do: that the target was reached isn't known then."""
    [pod] = attached(node)
    pod.nft("""table inet mesh {
        chain out { type nat hook output priority -100; tcp dport 443 redirect to :15001; }
    }""")
    with served(pod, 15001):
        traced = trace(node, CART, with_port(target, 443))
    proxy = ("127.0.0.1" if target == INTERNET4 else "::1") + ", TCP port 15001"
    assert traced.status == 1 and traced.wrong() == []
    assert f"a rule in the pod translates it, to be sent to {proxy}" in traced.text("pod-rules")
    assert traced.text("answer").startswith(f"{proxy} took the connection within ")
    assert traced.end["message"].startswith(f"it came through to {proxy}, to which a rule in the pod translates ")
    came_through(trace(node, CART, target))


def test_the_pod_itself(node):
    attached(node)
    traced = came_through(trace(node, CART, "10.1.2.2"))
    assert traced.text("pod-route") == "the address is the pod's own"


@pytest.mark.parametrize("which", [0, 1], ids=["v4", "v6"])
@pytest.mark.parametrize("mode", ["nftables", "iptables"])
def test_a_service_leads_to_the_pod_behind_it(node, mode, which):
    netfilter_on_the_bridge(node, False)
    pods = attached(node, n=2)
    settled(node)
    address = ["10.1.2.3", "fd00:1:2::3"][which]
    vip = service(node, address, 53, mode)
    with served(pods[1], 53):
        traced = came_through(trace(node, CART, with_port(vip, 53)))
    assert f"to be translated to {address}, port 53" in traced.text("connection")
    assert f"the node sends to {address} by cni0" == traced.text("node-route")


def test_a_host_port_of_another_pod(node):
    attached(node)
    conf = ports((8080, 80))
    other = node.pod()
    node.add(other, conf)
    settled(node)
    with served(other, 80):
        traced = came_through(trace(node, CART, f"{NODE4}:8080"))
    assert "to be translated to 10.1.2.3, port 80" in traced.text("connection")


# -- who is meant


@pytest.mark.parametrize("kind", ["pod", "address", "interface", "container", "id"])
def test_any_name_that_show_knows_is_a_pod(node, kind):
    [pod] = attached(node)
    name = {"pod": "cart", "address": "fd00:1:2::2", "interface": node.host_veths()[0],
            "container": pod.id, "id": pod.id[:6]}[kind]
    came_through(trace(node, name, INTERNET4))


def test_a_pod_whose_configuration_is_gone_is_found_in_the_store(node):
    attached(node)
    (node.run_dir / "net.d/10-ours.conflist").unlink()
    came_through(Trace(begin(node, "doctor", "--json", "--load", "--trace", CART, INTERNET4)()))


def told(traced, *words):
    """Nothing was sent, for this reason."""
    [finding] = traced.findings
    assert traced.status == 2 and finding["check"] == "pod"
    for word in words:
        assert word in finding["message"] + finding.get("advice", ""), finding


def test_an_unknown_pod_is_told_with_the_nearest_name(node):
    attached(node)
    told(trace(node, "shop/card", INTERNET4), '"shop/card"', "did you mean shop/cart?")
    told(trace(node, "carp", INTERNET4), "did you mean shop/cart?")
    told(trace(node, "warehouse", INTERNET4), '"warehouse"')
    assert "did you mean" not in str(trace(node, "warehouse", INTERNET4).findings)


def test_a_name_of_several_pods_is_refused(node):
    attached(node, n=2)
    told(trace(node, "eth0", INTERNET4), '"eth0" names 2 pods', "shop/cart", "shop/other-1")


@pytest.mark.parametrize("families, target", [("v4", INTERNET6), ("v6", INTERNET4)])
def test_a_pod_without_an_address_of_the_family(node, families, target):
    attached(node, families)
    told(trace(node, CART, target), "has no IPv6 address" if ":" in target else "has no IPv4 address")


def test_of_a_pods_attachments_the_one_by_which_it_sends(node):
    first, second = network("v4"), network("v4", name="second", bridge="br2", isDefaultGateway=False, isGateway=True,
                                           ipam={"ranges": [[{"subnet": "10.9.0.0/24"}]]})
    write(node, first)
    write(node, second, "20.conflist")
    pod = node.pod()
    for conf, ifname in ((first, "eth0"), (second, "net1")):
        node.add(pod, conf, ifname=ifname, args="IgnoreUnknown=1;K8S_POD_NAMESPACE=shop;K8S_POD_NAME=cart")
    assert "by eth0" in came_through(trace(node, CART, INTERNET4)).text("pod-route")
    traced = came_through(trace(node, CART, "10.9.0.1"))
    assert "on the link by net1" == traced.text("pod-route") and "br2" in traced.text("bridge")
    # Named by the other one's interface, it is that one which the packet leaves by, as said.
    traced = came_through(trace(node, "net1", INTERNET4))
    assert "it leaves the pod by eth0, and not by net1" in traced.text("pod-route")


def test_an_ordinary_user_is_told_to_be_root(node):
    attached(node)
    traced = trace(node, CART, INTERNET4, wrapper=NOBODY)
    assert traced.status == 2 and "as root" in traced.findings[-1]["advice"]


@pytest.mark.parametrize("target", ["", "example.org", "192.0.2.1:", "192.0.2.1:0", "192.0.2.1:65536",
                                    "192.0.2.1:http", "[192.0.2.1]:80", "[2001:db8::1", "[2001:db8::1]80",
                                    "2001:db8::1/64", "224.0.0.1", "ff02::1", "0.0.0.0", "::", "192.0.2.1:80 "])
def test_what_is_no_address_is_a_wrong_argument(node, target):
    attached(node)
    done = command(node, "doctor", "--trace", CART, target, CONF)
    assert (done.returncode, done.stdout) == (2, "") and done.stderr.startswith("bridge-cni: ")


def test_a_namespace_that_is_gone(node):
    [pod] = attached(node)
    pod.remove()
    told(trace(node, CART, INTERNET4), "nothing could be traced", "namespace")


def test_no_trace_is_left_when_it_is_through(node):
    [pod] = attached(node)
    before = node.run("nft", "list", "ruleset").stdout
    trace(node, CART, INTERNET4)
    assert node.run("nft", "list", "ruleset").stdout == before and tables(node) == tables(pod) == []
