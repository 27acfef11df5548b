# SPDX-License-Identifier: GPL-2.0-or-later
"""Host ports: who reaches a pod by a port of the node, told by real connections."""
import socket
import struct

import pytest

from harness import sctp
from harness.portmap import (ask, ask_udp, elements, portmap_rules, ports, served,
                               served_udp, settled)
from harness.node import NODE4, NODE6, OUTSIDE4, OUTSIDE6, network

GATEWAY = {4: "10.1.2.1", 6: "fd00:1:2::1"}
SECOND4 = "192.0.2.77"  # another address of the node

# -- who reaches it, and whom the pod sees

@pytest.mark.parametrize("bridged", [0, 1], ids=["routed", "br_netfilter"])
@pytest.mark.parametrize("address", [NODE4, NODE6])
def test_outside_node_other_pod_and_the_pod_itself_reach_it(node, address, bridged):
    for key in ("iptables", "ip6tables"):
        node.sysctl(f"bridge.bridge-nf-call-{key}", bridged)
    pod, other = node.pod(), node.pod()
    conf = ports((8080, 80))
    result = node.add(pod, conf)
    node.add(other, network("dual"))
    settled(node)
    outside = OUTSIDE6 if ":" in address else OUTSIDE4
    with served(pod, 80):
        assert ask(node.outside, address, 8080) == ("pod", outside)
        assert ask(node, address, 8080)[0] == "pod"
        assert ask(other, address, 8080)[0] == "pod"
        assert ask(pod, address, 8080)[0] == "pod"
        # By the gateway's address, which is the node's, too; and not by the pod's port.
        assert ask(other, GATEWAY[6 if ":" in address else 4], 8080)[0] == "pod"
        assert ask(node.outside, address, 80, timeout=0.3) is None
    node.check(pod, conf, result)
    node.delete(pod, conf)
    assert elements(node) == {}
    node.assert_nothing_left(pod, others=1)


def test_the_node_reaches_it_by_127_0_0_1(node):
    pod, conf = node.pod(), ports((8080, 80), families="v4")
    node.add(pod, conf)
    assert node.sysctl("ipv4.conf.cni0.route_localnet") == "1"
    with served(pod, 80):
        assert ask(node, "127.0.0.1", 8080)[0] == "pod"
        assert ask(node, "127.1.2.3", 8080)[0] == "pod"


def test_UDP_is_answered_from_the_port_that_was_asked(node):
    pod, other, conf = node.pod(), node.pod(), ports((5353, 53, {"protocol": "UDP"}))
    node.add(pod, conf)
    node.add(other, network("dual"))
    settled(node)
    with served_udp(pod, 53):
        for client in (node.outside, node, other, pod):
            for address in (NODE4, NODE6):
                assert ask_udp(client, address, 5353) == "pod", (client.name, address)
        assert ask_udp(node, "127.0.0.1", 5353) == "pod"
        assert ask(node.outside, NODE4, 5353, timeout=0.3) is None


def test_the_port_of_another_host_is_left_alone_by_a_node_that_routes_to_it(node):
    """The node is on the way from a pod, and from outside, to that host."""
    pod, client, conf = node.pod(), node.pod(), ports((8080, 80), families="v4")
    node.add(pod, conf)
    node.add(client, network("v4"))
    with served(pod, 80), served(node.outside, 8080, word=b"host"):
        assert ask(client, OUTSIDE4, 8080)[0] == "host"
        assert ask(node, OUTSIDE4, 8080)[0] == "host"
        assert ask(client, NODE4, 8080)[0] == "pod"


def test_a_hostIP_is_one_of_the_nodes_addresses_alone(node):
    node.ip(f"addr add {SECOND4}/32 dev lo")
    node.outside.ip(f"route add {SECOND4} via {NODE4}")
    first, second = node.pod(), node.pod()
    one = ports((8080, 80, {"hostIP": NODE4}))
    node.add(first, one)
    node.add(second, ports((8080, 80, {"hostIP": SECOND4})))
    with served(first, 80, word=b"first"), served(second, 80, word=b"second"):
        for client in (node.outside, node, first, second):
            assert ask(client, NODE4, 8080)[0] == "first", client.name
            assert ask(client, SECOND4, 8080)[0] == "second", client.name
        assert ask(node.outside, NODE6, 8080, timeout=0.3) is None
        assert ask(node, "127.0.0.1", 8080, timeout=0.3) is None
        node.delete(first, one)
        assert ask(node.outside, NODE4, 8080, timeout=0.3) is None
        assert ask(node.outside, SECOND4, 8080)[0] == "second"
    assert node.sysctl("ipv4.conf.cni0.route_localnet") == "0"


def test_a_hostIP_of_127_0_0_1_is_for_the_node_alone(node):
    pod, conf = node.pod(), ports((8080, 80, {"hostIP": "127.0.0.1"}), families="v4")
    node.add(pod, conf)
    with served(pod, 80):
        assert ask(node, "127.0.0.1", 8080)[0] == "pod"
        assert ask(node.outside, NODE4, 8080, timeout=0.3) is None


def test_all_addresses_of_a_family_are_0_0_0_0(node):
    pod = node.pod()
    node.add(pod, ports((8080, 80, {"hostIP": "0.0.0.0"}), (8081, 80, {"hostIP": "::"})))
    settled(node)
    with served(pod, 80):
        assert ask(node.outside, NODE4, 8080)[0] == "pod"
        assert ask(node.outside, NODE6, 8081)[0] == "pod"
        assert ask(node.outside, NODE6, 8080, timeout=0.3) is None
        assert ask(node.outside, NODE4, 8081, timeout=0.3) is None


@pytest.mark.parametrize("later", [{}, {"snat": False}])
def test_pods_cannot_reach_what_listens_on_the_nodes_loopback(node, later):
    """route_localnet alone would let them (CVE-2020-8558); it stays on without snat."""
    pod = node.pod()
    node.add(pod, ports((8080, 80), families="v4"))
    node.add(node.pod(), ports((8081, 80), families="v4", **later))
    assert node.sysctl("ipv4.conf.cni0.route_localnet") == "1"
    pod.ip("route add 127.0.0.5 via 10.1.2.1")
    pod.sysctl("ipv4.conf.eth0.route_localnet", 1)
    with served(node, 9999, address="127.0.0.5"):
        assert ask(pod, "127.0.0.5", 9999, timeout=0.5) is None
        node.run("tc", "qdisc", "del", "dev", "cni0", "clsact")  # another guard
        assert ask(pod, "127.0.0.5", 9999, timeout=0.5) is None
        node.nft("flush chain inet bridge_cni raw")
        assert ask(pod, "127.0.0.5", 9999) is not None  # so it is the rule's doing


def test_without_snat_nothing_is_masqueraded(node):
    pod, other = node.pod(), node.pod()
    conf = ports((8080, 80), families="v4", snat=False)
    result = node.add(pod, conf)
    node.add(other, network("v4"))
    assert node.sysctl("ipv4.conf.cni0.route_localnet") == "0"
    with served(pod, 80):
        assert ask(node.outside, NODE4, 8080) == ("pod", OUTSIDE4)
        assert ask(node, NODE4, 8080) == ("pod", NODE4)
        for client, address in ((node, "127.0.0.1"), (pod, NODE4)):
            assert ask(client, address, 8080, timeout=0.3) is None
        # The connection keeps its source where conntrack sees frames on the bridge.
        node.sysctl("bridge.bridge-nf-call-iptables", 1)
        assert ask(other, NODE4, 8080) == ("pod", "10.1.2.3")
    with served(node, 8080, address="127.0.0.1", word=b"node"):
        assert ask(node, "127.0.0.1", 8080)[0] == "node"  # not taken from whoever has it
    node.check(pod, conf, result)
    assert not [r for r in portmap_rules(node) if "snat" in r["comment"]]


def test_beside_spoof_checks_and_isolated_ports(node):
    """The way from pod to pod is by the node, unless frames are translated on the bridge."""
    node.sysctl("bridge.bridge-nf-call-iptables", 0)
    pod, other = node.pod(), node.pod()
    keys = {"families": "v4", "spoofCheck": True, "portIsolation": True}
    node.add(pod, ports((8080, 80), **keys))
    node.add(other, ports(**keys))
    with served(pod, 80):
        for client in (node.outside, node, other, pod):
            assert ask(client, NODE4, 8080)[0] == "pod", client.name


def test_SCTP_is_sent_on_to_the_pods_port(node):
    pod = node.pod()
    node.add(pod, ports((3868, 38, {"protocol": "SCTP"}), families="v4"))
    raw = (socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_SCTP)
    with pod.socket(*raw) as server, node.outside.socket(*raw) as client:
        client.sendto(sctp.init(4000, 3868, 0x1234), (NODE4, 0))
        packet = server.recv(2048)
    assert struct.unpack("!HH", packet[20:24]) == (4000, 38)
