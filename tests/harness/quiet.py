# SPDX-License-Identifier: GPL-2.0-or-later
"""What quietBridge gives a pod, its port and the node, as tests look at it."""
import contextlib
import ipaddress
import json
import socket
import struct
import time

from .node import (GATEWAY4, GATEWAY6, INTERNET4, INTERNET6, addresses_of, named, network)
from .waiting import SLOWNESS
from .wire import ETH_P_ALL, PACKET_OUTGOING

ARP = 0x0806
REQUEST, REPLY = 1, 2
FLAGS = {"learning": "0", "unicast_flood": "0", "proxyarp_wifi": "1"}
UNTOUCHED = {"learning": "1", "unicast_flood": "1", "proxyarp_wifi": "0"}
UNKNOWN = "02:00:00:00:00:77"  # a MAC address that nobody has


def quiet(families="dual", **changes):
    return network(families, quietBridge=True, **changes)


def attached(node, conf, n=2):
    pods = [node.pod() for _ in range(n)]
    return pods, [node.add(pod, conf) for pod in pods]


def port_of(result):
    return named(result, sandbox=False)[1]["name"]


def mac_of(result):
    return named(result, sandbox=True)[0]["mac"]


def bridge_mac(result):
    return named(result, sandbox=False)[0]["mac"]


def flags(node, port):
    return {flag: node.run("cat", f"/sys/class/net/{port}/brport/{flag}").stdout.strip()
            for flag in FLAGS}


def entries(node, port):
    """MAC address -> is it sticky, of the bridge's fixed entries that lead to the port."""
    return {words[0]: "sticky" in words for words in
            (line.split() for line in node.run("bridge", "fdb", "show", "br", "cni0").stdout.splitlines())
            if words[2] == port and "static" in words and "vlan" not in words}


def neighbours(ns, dev="cni0"):
    """Address -> MAC address of the permanent ones that this program makes."""
    return {n["dst"]: n["lladdr"] for n in ns.ip_json(f"neigh show dev {dev}")
            if "PERMANENT" in n["state"]}


def of_pod(result):
    return {address: mac_of(result) for address in addresses_of(result)}


def assert_quiet(node, pod, result, conf):
    port = port_of(result)
    assert flags(node, port) == FLAGS
    assert entries(node, port) == {mac_of(result): True}
    assert of_pod(result).items() <= neighbours(node).items()
    node.check(pod, conf, result)


def assert_connected(pods, results):
    for pod in pods:
        for address in (*addresses_of(results[0]), *addresses_of(results[1]), GATEWAY4, GATEWAY6,
                        INTERNET4, INTERNET6):
            assert pod.ping(address), f"{pod.name} doesn't reach {address}"
    for result in results:
        for address in addresses_of(result):
            assert pods[0].node.ping(address)


def packed(mac):
    return bytes.fromhex(mac.replace(":", ""))


def arp(op, sha, spa, tpa, tha="00:00:00:00:00:00"):
    return struct.pack("!HHBBH6s4s6s4s", 1, 0x0800, 6, 4, op, packed(sha), socket.inet_aton(spa),
                       packed(tha), socket.inet_aton(tpa))


@contextlib.contextmanager
def hearing(pod, ethertype, wait=0.3):
    """Afterwards the list has the frames of that type that came into the pod."""
    found = []
    with pod.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind(("eth0", ETH_P_ALL))
        yield found
        sock.settimeout(wait * SLOWNESS)
        with contextlib.suppress(TimeoutError):
            while True:
                frame, (_, _, kind, *_) = sock.recvfrom(2048)
                if kind != PACKET_OUTGOING and frame[12:14] == struct.pack("!H", ethertype):
                    found.append(frame)


def inner(pod, mac="02:00:00:00:00:55", address="10.1.2.200/24"):
    """A macvlan in the pod, as VRRP has it, that alone answers for its address."""
    pod.sysctl("ipv4.conf.all.arp_ignore", 1)
    pod.ip(f"link add vrrp link eth0 address {mac} type macvlan mode bridge")
    pod.ip(f"addr add {address} dev vrrp")
    pod.ip("link set vrrp up")


# -- multicast groups


def group_of(address):
    """The solicited-node group of an IPv6 address."""
    return "ff02::1:ff" + str(ipaddress.IPv6Address(address).exploded).replace(":", "")[-6:-4] + \
        ":" + format(int(ipaddress.IPv6Address(address).exploded.replace(":", "")[-4:], 16), "x")


def link_local_of(mac):
    """The address that follows from the MAC address."""
    first, *rest = packed(mac)
    return str(ipaddress.IPv6Address(b"\xfe\x80" + bytes(6) + bytes(
        [first ^ 2, *rest[:2], 0xff, 0xfe, *rest[2:]])))


def groups(node, port, state="permanent"):
    """The multicast groups of that state that the bridge has behind the port."""
    tables = json.loads(node.run("bridge", "-j", "mdb", "show", "dev", "cni0").stdout)
    return {entry["grp"] for table in tables for entry in table["mdb"]
            if entry["port"] == port and entry["state"] == state}


def groups_of(result):
    return {group_of(address) for address in [link_local_of(mac_of(result)), *addresses_of(result)]
            if ":" in address}


def querier(node):
    return node.links()["cni0"]["linkinfo"]["info_data"]["mcast_querier"] == 1


def asks_at_once(node):
    """The bridge believes in its groups within a second, and not after ten."""
    node.ip("link set cni0 type bridge mcast_query_response_interval 50")
    for on in 0, 1:
        node.ip(f"link set cni0 type bridge mcast_querier {on}")
    time.sleep(1)
