# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers on the node's loopback alone: who reaches them, and what keeps others away."""
import contextlib

from .portmap import ask, ask_udp, served, served_udp

LISTENER = "127.0.0.5"  # an address of the node


def localnet(node, ifname="cni0"):
    path = f"/proc/sys/net/ipv4/conf/{ifname}/route_localnet"
    return node.run("cat", path).stdout.strip()


def fences(node, ifname="cni0"):
    out = node.run("tc", "filter", "show", "dev", ifname, "ingress").stdout
    return [line for line in out.splitlines() if "handle" in line and "pref 127 " in line]


def unfence(node, ifname="cni0"):
    node.run("tc", "qdisc", "del", "dev", ifname, "clsact")


def forger(pod, gateway="10.1.2.1"):
    """A pod that sends what is for the node's loopback addresses to the gateway."""
    pod.ip(f"route add {LISTENER} via {gateway}")
    pod.sysctl("ipv4.conf.eth0.route_localnet", 1)
    return pod


def reaches(pod):
    return bool(ask(pod, LISTENER, 9999)) and bool(ask_udp(pod, LISTENER, 9999))


def kept(pod):
    """Nothing gets there, as is seen in less than a second."""
    return not (ask(pod, LISTENER, 9999, timeout=0.4) or ask_udp(pod, LISTENER, 9999, timeout=0.4))


@contextlib.contextmanager
def listening(node):
    """For TCP and UDP."""
    with served(node, 9999, address=LISTENER, word=b"node"), \
            served_udp(node, 9999, address=LISTENER, word=b"node"):
        yield
