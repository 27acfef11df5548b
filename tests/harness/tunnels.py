# SPDX-License-Identifier: GPL-2.0-or-later
"""Clusters whose nodes reach each other's pods by a tunnel, and what the tunnel's devices have."""
import ipaddress
import json
import re

from . import wire
from .portmap import ask, served
from .service import target_of
from .waiting import wait_for

DEVICES = {4: "bcni-vxlan", 6: "bcni-vxlan6"}  # by the family of the underlay


def start(*nodes, mode="vxlan", options=()):
    """Agents that have a route to each podCIDR of the others."""
    for node in nodes:
        node.start_agent("--tunnel", mode, *options)
    await_routes(*nodes)


def await_routes(*nodes):
    for node in nodes:
        node.await_ready()
        others = {cidr for other in nodes if other is not node for cidr in other.cidrs}
        wait_for(lambda: others <= {*node.own_routes()}, 20)


def devices_of_routes(node):
    """Destination -> the device that the agent's route leads by."""
    return {r["dst"]: r["dev"] for r in node.agents_routes() if "type" not in r}


def pairs(pods):
    """Addresses of one family: (pod, its address, another pod, that one's address)."""
    return [(one, here, other, there) for one in pods for other in pods if one is not other
            for here, there in ((one.address4, other.address4), (one.address6, other.address6))
            if here and there]


def assert_own_addresses_are_seen(pods):
    for one, here, other, there in pairs(pods):
        # The kernel checks the link-local address of a bridge just made for a second.
        wait_for(lambda: one.ping(there, wait=1))
        assert wire.source_seen(one, other, there) == here


def let_in(node):
    """The guard's pairs of an InternalIP and a range whose packets it lets in."""
    listed = json.loads(node.run("nft", "-j", "list", "table", "inet", "bridge_cni_tunnel").stdout)
    values = [element["elem"]["val"]["concat"]
              for item in listed["nftables"] if item.get("set", {}).get("name", "").startswith("s")
              for element in item["set"].get("elem", [])]
    return {(value[0], str(value[1])) for value in values}


NODE_PORT = """
    table {ip} node_port {{}}
    delete table {ip} node_port
    table {ip} node_port {{
        chain prerouting {{
            type nat hook prerouting priority dstnat
            {ip} daddr {node} tcp dport 30080 meta mark set 0x4000 dnat to {pod}
        }}
        chain postrouting {{
            type nat hook postrouting priority srcnat
            meta mark 0x4000 masquerade
        }}
    }}
"""


def assert_a_node_reaches_a_pod_of_another(node, pod, client):
    """By processes of the node, such as an API server that asks a webhook, and by a NodePort as
    kube-proxy makes it, for a client outside. The pod sees the address of the node's own device."""
    with served(pod, 80):
        for family, address in ((4, pod.address4), (6, pod.address6)):
            own = network_address(node, family)
            wait_for(lambda: node.ping(address, wait=1))
            assert ask(node, address, 80) == ("pod", own)
            assert wire.source_seen(node, pod, address) == own
            at = node.address6 if family == 6 else node.address4
            node.nft(NODE_PORT.format(ip="ip6" if family == 6 else "ip", node=at,
                                      pod=target_of(address, 80)))
            assert ask(client, at, 30080) == ("pod", own)


def set_rp_filter(node, value):
    for interface in ("all", "default", "eth0"):
        node.sysctl(f"ipv4.conf.{interface}.rp_filter", value)


def network_address(node, family):
    """The address of the node's tunnel devices: its podCIDR's."""
    cidr, = [cidr for cidr in node.cidrs if (":" in cidr) == (family == 6)]
    return cidr.split("/")[0]


def gateway6(node, device=DEVICES[4]):
    """The link-local address that stands for the node on others' devices: its MAC address's."""
    mac = node.ip_json("addr", "show", "dev", device)[0]["address"].split(":")
    mac[0] = f"{int(mac[0], 16) ^ 2:02x}"
    half = "".join(mac[:3] + ["ff", "fe"] + mac[3:])
    return str(ipaddress.ip_address("fe80::" + ":".join(half[i:i + 4] for i in range(0, 16, 4))))


def state(node, device=DEVICES[4]):
    """The lines that tell all that the agent makes of a device: properties, addresses, neighbours,
    routes, entries. "": there is none, or it has gone while it was looked at."""
    shown = node.run("ip", "-d", "-batch", "-", check=False, input=f"""
        addr show dev {device}
        neigh show dev {device}
        route show dev {device}
        """).stdout
    routes = node.ip("-6 route show dev", device, check=False)
    entries = node.run("bridge", "fdb", "show", "dev", device, check=False)
    if entries.returncode != 0:
        return ""
    # Its index, and counters of queues, are not the agent's.
    lines = re.sub(r"^\d+: |qlen \d+", "", shown + routes + entries.stdout, flags=re.M)
    return "\n".join(sorted(lines.splitlines()))
