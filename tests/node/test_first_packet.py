# SPDX-License-Identifier: GPL-2.0-or-later
"""A pod is reached as soon as its ADD has ended."""
import contextlib
import json
import socket
import threading
import time

import pytest

from harness import icmp, plugin
from harness.node import GATEWAY6, addresses_of, network
from harness.standing import Standing
from harness.waiting import ANSWER, SLOWNESS

ROUNDS = 60
LINKS = "".join(f"link add a{i} type veth peer name b{i}\nlink del a{i}\n" for i in range(20))


@contextlib.contextmanager
def links_coming_and_going(node):
    """What the kernel leaves to a work queue takes longer: it has to wait for the lock of all links."""
    ended = threading.Event()

    def work(namespace):
        while not ended.is_set():
            namespace.ip_batch(LINKS)

    threads = [threading.Thread(target=work, args=(node.pod(f"busy{i}"),)) for i in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        ended.set()
        for thread in threads:
            thread.join()


def first_packet(node, conf, number):
    """The first packet to a pod, as its ADD ends, is answered. The node knows the pod's MAC address for
    good, so that no question for it is lost in the packet's place."""
    pod = node.pod()
    with node.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP) as sock:
        icmp.replies_only(sock)
        add = node.start("ADD", conf, pod)
        request = icmp.request(socket.AF_INET, 1, number, b"first!")
        result = json.loads(add().stdout)
        sock.sendto(request, (addresses_of(result)[0], 0))
        sock.settimeout(ANSWER * SLOWNESS)
        assert sock.recv(100)[24:] == request[4:], number
    node.delete(pod, conf, result)
    pod.remove()


def solicited():
    """How many questions for a neighbour's MAC address the namespace has sent."""
    with open("/proc/thread-self/net/snmp6") as file:
        return int(dict(line.split() for line in file)["Icmp6OutNeighborSolicits"])


def first_packet_out(node, conf, number):
    """The pod's first packet to a new gateway, as the ADD ends, is answered, and so is the first question for
    the gateway's MAC address: the kernel would ask again after a second."""
    pod = node.pod()
    with pod.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6) as sock:
        icmp.replies_only(sock)
        request = icmp.request(socket.AF_INET6, 1, number, b"first!")
        add = node.start("ADD", conf, pod)
        result = json.loads(add().stdout)
        sock.sendto(request, (GATEWAY6, 0))
        sock.settimeout(ANSWER * SLOWNESS)
        assert sock.recv(100)[4:] == request[4:], number
    assert pod.call(solicited) == 1, number
    node.delete(pod, conf, result)
    node.ip("link del cni0")
    pod.remove()


@pytest.mark.parametrize("families", ["v4", "dual"])
def test_the_first_packet_to_the_first_pod_of_a_bridge_arrives(node, families):
    """The bridge begins to send when it has a port. In each round it has none before."""
    conf = network(families, quietBridge=True)
    with links_coming_and_going(node):
        for number in range(ROUNDS):
            first_packet(node, conf, number)


def test_the_first_packet_from_the_first_pod_of_a_bridge_to_its_IPv6_gateway_is_answered(node):
    conf = network("v6")
    with links_coming_and_going(node):
        for number in range(ROUNDS):
            first_packet_out(node, conf, number)


@pytest.mark.parametrize("refusal", [None, "unreachable", "prohibit", "blackhole"])
def test_the_node_takes_packets_to_a_new_IPv6_gateway_when_the_ADD_ends(node, tmp_path, refusal):
    """The kernel makes the route for that by a work queue. Here it is deleted again, as it would come late:
    ADD waits for it, and for two seconds. Meanwhile the node may have a route that refuses the address."""
    conf, pod, trace = network("v6"), node.pod(), tmp_path / "trace"
    node.add(pod, conf, env=plugin.TRACED, wrapper=plugin.strace(trace, "sendto"))
    node.delete(pod, conf)
    node.ip("link del cni0")
    sent = [line for line in trace.read_text().splitlines() if "sendto(" in line]
    [nth] = [n for n, line in enumerate(sent, 1) if "RTM_NEWADDR" in line and f'"{GATEWAY6}"' in line]
    behind = Standing(tmp_path / "standing", "sendto", nth + 1)
    add = node.start("ADD", conf, pod, wrapper=behind.wrapper, env=behind.env)
    with behind.standing():
        node.uses(GATEWAY6)
        node.ip(f"-6 route del local {GATEWAY6} dev cni0 table local")
        if refusal:
            node.ip(f"-6 route add {refusal} {GATEWAY6}/128")
        began = time.monotonic()
    plugin.judge("ADD", add(), plugin.NEWEST)
    assert time.monotonic() - began > 2


def test_a_carrier_that_the_kernel_has_noticed_is_not_waited_for(node, tmp_path):
    """A dormant bridge has one, and may never come up (RFC 2863). ADD asked for that 200 times."""
    conf, trace = network("v4"), tmp_path / "trace"
    node.add(node.pod(), conf)
    node.ip("link set cni0 mode dormant state dormant")
    assert node.links()["cni0"]["operstate"] == "DORMANT"
    node.add(node.pod(), conf, env=plugin.TRACED, wrapper=plugin.strace(trace, "nanosleep,clock_nanosleep"))
    assert len(trace.read_text().splitlines()) < 100
