# SPDX-License-Identifier: GPL-2.0-or-later
"""What `bridge-cni doctor --trace` tells of rarer states: ports, neighbours and addresses that somebody
has changed, and rules of which it can't see the end."""
import re

import pytest

from harness import distribution, plugin
from harness.node import INTERNET4, INTERNET6, OUTSIDE4
from harness.trace import CART, attached, came_through, ended_at, trace

pytestmark = pytest.mark.must_run

FAMILIES = pytest.mark.parametrize("target", [INTERNET4, INTERNET6], ids=["v4", "v6"])


def mended(node, traced, target):
    node.run("sh", "-c", traced.end["command"])
    return came_through(trace(node, CART, target))


def test_the_port_has_no_VLAN(node, vlan_filtering):
    if not vlan_filtering:
        raise distribution.Lacks("this kernel's bridges can't filter VLANs")
    attached(node, "v4", vlan=100)
    # The bridge has an interface for the VLAN's gateway as well.
    [port] = [name for name in node.host_veths() if name.startswith("veth")]
    node.run("bridge", "vlan", "del", "dev", port, "vid", "100")
    traced = ended_at(trace(node, CART, "10.1.2.1"), "port", f"the port {port} of cni0 takes no untagged frames")
    mended(node, traced, "10.1.2.1")


@pytest.mark.any_kernel
def test_the_other_pods_port_is_down(node):
    pod, other = attached(node, "v4", n=2)
    mac = other.links()["eth0"]["address"]
    port = other_port(node)
    node.run("bridge", "fdb", "replace", mac, "dev", port, "master", "static")
    pod.ip(f"neigh replace 10.1.2.3 lladdr {mac} dev eth0")
    node.ip(f"link set {port} down")
    traced = ended_at(trace(node, CART, "10.1.2.3"), "bridge", f"cni0 has {mac} behind {port}, which is down")
    mended(node, traced, "10.1.2.3")


def other_port(node):
    """The port of the pod that isn't CART."""
    own = came_through(trace(node, CART, "10.1.2.1")).text("port").split()[0]
    [port] = [name for name in node.host_veths() if name != own]
    return port


@pytest.mark.any_kernel
def test_the_pods_interface_has_no_carrier(node):
    attached(node, "v4")
    node.ip(f"link set {node.host_veths()[0]} down")
    traced = ended_at(trace(node, CART, INTERNET4), "port", "is down")
    assert traced.hops["pod-interface"][0]["level"] == "warning"
    assert traced.text("pod-interface") == "eth0 in the pod has no carrier: its other end is down"


@pytest.mark.any_kernel
def test_the_pod_has_no_address_to_send_from(node):
    [pod] = attached(node, "v4")
    pod.ip("addr flush dev eth0")
    pod.ip("route add default dev eth0")
    ended_at(trace(node, CART, INTERNET4), "pod-route", "the pod has no address to send from")


@pytest.mark.any_kernel
def test_events_that_were_lost_are_told(node, tmp_path):
    attached(node, "v4")
    log = tmp_path / "trace"
    trace(node, CART, INTERNET4, wrapper=plugin.strace(log, "recvfrom"))
    taken = [line for line in log.read_text().splitlines() if "recvfrom(" in line]
    # 0xa11 is NFT_MSG_TRACE. How often nothing had come yet before it is not always the same.
    first = 1 + next(i for i, line in enumerate(taken) if re.search("NFT_MSG_TRACE|type=0xa11 ", line))
    traced = came_through(trace(node, CART, INTERNET4, wrapper=[
        *plugin.strace(log, "recvfrom"), "-e", f"inject=recvfrom:error=ENOBUFS:when={first}..{first + 5}"]))
    assert "some of the trace was lost" in traced.text("pod-rules") + traced.text("rules"), traced.findings


def test_a_rule_that_hands_it_to_a_program(node):
    attached(node, "v4")
    made = node.run("nft", f"add table ip ids; add chain ip ids c {{ type filter hook forward priority 5; }};"
                    f" add rule ip ids c ip daddr {INTERNET4} queue num 7", check=False)
    if made.returncode:
        raise distribution.Lacks("the kernel has no queue of nftables")
    traced = trace(node, CART, INTERNET4)
    assert traced.status == 2 and "hands it to a program (queue)" in traced.text("rules")
    assert traced.hops["rules"][0]["level"] == "warning"


@FAMILIES
@pytest.mark.parametrize("reason, text", [("admin-prohibited", "prohibited"), ("port-unreachable", "port unreachable")])
def test_a_target_that_refuses_by_ICMP_is_reached(node, target, reason, text):
    attached(node)
    ip, icmp = ("ip6", "icmpv6") if ":" in target else ("ip", "icmp")
    node.outside.nft(f"table {ip} no {{ chain c {{ type filter hook input priority 0;"
                     f" {ip} daddr {target} reject with {icmp} {reason}; }}; }}")
    traced = trace(node, CART, target)
    assert traced.status == 1 and traced.wrong() == []
    assert f"it came through to {target}, which refuses it: " in traced.end["message"]
    assert text in traced.end["message"]


@FAMILIES
def test_another_host_that_refuses_by_ICMP_keeps_it(node, target):
    attached(node)
    ip, icmp, via = ("ip6", "icmpv6", "2001:db8:aaaa::1") if ":" in target else ("ip", "icmp", OUTSIDE4)
    node.outside.sysctl("ipv4.ip_forward", 1)
    node.outside.ip(f"{'-6' if ':' in target else '-4'} route add unreachable {target}1")
    traced = ended_at(trace(node, CART, target + "1"), "answer", f"an error of ICMP came from {via}: ")
    assert traced.wrong() == []
