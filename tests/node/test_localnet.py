# SPDX-License-Identifier: GPL-2.0-or-later
"""route_localnet, which 127.0.0.1's host ports need: never a way for pods to what listens on
the node's 127.0.0.1, whatever becomes of the rules."""
import os
import socket
import struct
import subprocess

import pytest

from harness.portmap import ask, ask_udp, ports, served, served_udp
from harness.loopback import fences, forger, kept, listening, localnet, reaches, unfence
from harness.netns import on_one_processor
from harness.node import network
from harness.waiting import wait_for
from harness.wire import checksum, send_frame

ETH_P_IP = 0x0800
FLUSH = "flush ruleset"
V4 = {"families": "v4"}


def bridged(node, on):
    if not os.path.exists("/proc/sys/net/bridge"):
        subprocess.run(["modprobe", "br_netfilter"], check=False)
    if not os.path.exists("/proc/sys/net/bridge"):
        return pytest.skip("this kernel has no br_netfilter") if on else None
    for key in ("iptables", "ip6tables"):
        node.sysctl(f"bridge.bridge-nf-call-{key}", on)


@pytest.fixture(params=[0, 1], ids=["routed", "br_netfilter"])
def frames(node, request):
    """Runs a test twice: netfilter sees the frames on the bridge, or does not."""
    bridged(node, request.param)
    return node


@pytest.fixture
def listener(node):
    with listening(node):
        yield


# -- the fence

def test_pods_do_not_reach_the_nodes_loopback_after_a_flush(frames, listener):
    node, pod = frames, frames.pod()
    node.add(pod, ports((8080, 80), **V4))
    forger(pod)
    assert localnet(node) == "1"
    assert kept(pod)
    node.nft(FLUSH)
    assert kept(pod)
    unfence(node)
    assert reaches(pod)  # so it is the fence's doing


def test_127_0_0_1_leads_to_host_ports_through_the_fence(frames):
    node, pod = frames, frames.pod()
    node.add(pod, ports((8080, 80), (5353, 53, {"protocol": "udp"}), **V4))
    assert len(fences(node)) == 1
    with served(pod, 80), served_udp(pod, 53):
        for _ in range(2):  # a connection that conntrack knows, too
            assert ask(node, "127.0.0.1", 8080)[0] == "pod"
            assert ask_udp(node, "127.0.0.1", 5353) == "pod"


def datagram(source, target, port):
    udp = struct.pack("!HHHH", 4000, port, 9, 0) + b"?"
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                         socket.inet_aton(source), socket.inet_aton(target))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + udp


def test_nor_do_packets_come_in_that_a_pod_sends_as_the_nodes_loopback(node):
    """Counted where netfilter sees them first: whether more stops them isn't asked. A frame from the
    pod's own address follows each, and when that was counted the other one is through."""
    bridged(node, 0)
    pod = node.pod()
    node.add(pod, ports((8080, 80), **V4))
    node.nft(FLUSH)
    node.nft("add table ip seen\n"
             "add chain ip seen c { type filter hook prerouting priority -400; }\n"
             "add rule ip seen c ip saddr 127.0.0.0/8 udp dport 9999 counter\n"
             "add rule ip seen c ip saddr 10.1.2.2 udp dport 9999 counter")

    def counted():
        out = node.run("nft", "list", "table", "ip", "seen").stdout
        return [int(part.split()[0]) for part in out.split("counter packets ")[1:]]

    gateway = node.links()["cni0"]["address"]
    for sent, fenced in enumerate((True, False), 1):
        if not fenced:
            unfence(node)
        with on_one_processor():
            for source in ("127.0.0.1", "10.1.2.2"):
                send_frame(pod, "eth0", gateway, datagram(source, "10.1.2.1", 9999), ETH_P_IP)
        wait_for(lambda: counted()[1] == sent)
        assert (counted()[0] == 0) == fenced


def test_filters_of_others_stay(node):
    node.ip("link add cni0 type bridge")
    node.run("tc", "qdisc", "add", "dev", "cni0", "clsact")
    node.run("tc", "filter", "add", "dev", "cni0", "egress", "protocol", "ip", "pref", "1",
             "u32", "match", "u32", "0", "0")
    pod, conf = node.pod(), ports((8080, 80), **V4)
    node.add(pod, conf)
    assert len(fences(node)) == 1
    node.delete(pod, conf)
    assert fences(node) == []
    assert "u32" in node.run("tc", "filter", "show", "dev", "cni0", "egress").stdout


@pytest.mark.any_kernel
def test_what_was_on_before_stays_on_and_is_fenced(node, listener):
    node.ip("link add cni0 type bridge")
    node.sysctl("ipv4.conf.cni0.route_localnet", 1)
    pod, conf = node.pod(), ports((8080, 80), **V4)
    node.add(pod, conf)
    forger(pod)
    node.nft(FLUSH)
    assert kept(pod)
    node.delete(pod, conf)
    assert localnet(node) == "1"


# -- an opening without its fence

@pytest.mark.any_kernel
@pytest.mark.parametrize("later", [{}, {"name": "other"}], ids=["same", "other network"])
def test_an_ADD_without_the_capability_heals_it(node, listener, later):
    first, pod = node.pod(), node.pod()
    node.add(first, ports((8080, 80), **V4))
    forger(first)
    node.nft(FLUSH)
    unfence(node)
    assert reaches(first)
    node.add(pod, network("v4", **later))
    assert len(fences(node)) == 1 and kept(first)
    assert localnet(node) == "1"


def test_whoever_puts_the_fence_back_lets_answers_through(frames):
    """An earlier version's rules mark none of them; its network's next ADD may be far off."""
    node, pod = frames, frames.pod()
    node.add(pod, ports((8080, 80), **V4))
    node.nft("flush chain inet bridge_cni answers")
    unfence(node)
    node.add(node.pod(), network("v4", name="other", ipam={"ranges": [[
        {"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.200"}]]}))
    assert len(fences(node)) == 1
    with served(pod, 80):
        assert ask(node, "127.0.0.1", 8080)


def in_its_place(node):
    """A filter of somebody's where the fence would be: the kernel refuses it."""
    node.run("tc", "qdisc", "add", "dev", "cni0", "clsact")
    node.run("tc", "filter", "add", "dev", "cni0", "ingress", "protocol", "ip", "pref",
             "127", "u32", "match", "u32", "0", "0")


def test_where_the_kernel_has_no_fence_the_rules_do(node, listener):
    pod, conf = node.pod(), ports((8080, 80), **V4)
    node.add(node.pod(), network("v4"))
    in_its_place(node)
    done = node.invoke("ADD", conf, pod)
    assert done.returncode == 0 and "127.0.0.1" in done.stderr, done
    assert localnet(node) == "1"
    forger(pod)
    assert kept(pod)
    node.nft(FLUSH)
    assert reaches(pod)
    node.add(node.pod(), network("v4"))  # without the capability
    assert kept(pod)
    node.delete(pod, conf)
    assert localnet(node) == "0"


@pytest.mark.any_kernel
def test_an_ADD_with_the_capability_fences_what_an_older_version_opened(node):
    """The rules are another version's, so the ADD looks closely at them and at the parameter."""
    node.add(node.pod(), ports((8080, 80), **V4))
    unfence(node)
    node.nft("flush chain inet bridge_cni answers")
    node.add(node.pod(), ports(**V4))
    assert len(fences(node)) == 1
