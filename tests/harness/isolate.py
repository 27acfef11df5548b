# SPDX-License-Identifier: GPL-2.0-or-later
"""Networks with the key isolate, pods in them, and who reaches whom."""
import json

from .node import addresses_of, network
from .portmap import ask, served, settled

STAGE = "isolate"
RULES = 7  # of all networks together
PORT = 80
SHARED = ("networks", "networks_isolated", "networks_strict")


def conf_of(number, isolate=None, **changes):
    """A network of its own bridge and subnets; its pods have a host port 8000 + number."""
    ipam = {"ranges": [[{"subnet": f"10.20.{number}.0/24"}],
                       [{"subnet": f"fd00:20:{number}::/64"}]], **changes.pop("ipam", {})}
    return network(**{"name": f"net{number}", "bridge": f"br{number}", "isolate": isolate,
                      "capabilities": {"portMappings": True}, "ipam": ipam, **changes})


def with_port(conf, number):
    entry = {"hostPort": 8000 + number, "containerPort": PORT}
    return {**conf, "runtimeConfig": {"portMappings": [entry]}}


class Member:
    """A pod, or another namespace with addresses, that serves and asks."""

    def __init__(self, name, space, addresses, isolate=None, host_port=None):
        self.name, self.space, self.addresses = name, space, addresses
        self.isolate, self.host_port = isolate, host_port


def member(node, number, isolate=None, has_port=True, **changes):
    conf = conf_of(number, isolate, **changes)
    pod = node.pod()
    node.sysctl("ipv6.conf.default.accept_dad", 0)  # of the bridge's link-local address
    result = node.add(pod, with_port(conf, number) if has_port else conf)
    settled(node, conf["bridge"])
    return Member(conf["name"], pod, addresses_of(result), isolate,
                  8000 + number if has_port else None)


def foreign(node, bridge="docker0", number=99):
    """A bridge of another program's, with a namespace behind it that is routed to."""
    pod = node.pod(f"behind-{bridge}")
    node.ip_batch(f"""
        link add {bridge} type bridge
        link set {bridge} up
        addr add 10.20.{number}.1/24 dev {bridge}
        addr add fd00:20:{number}::1/64 dev {bridge} nodad
        link add {bridge}v type veth peer name eth0 netns {pod.name}
        link set {bridge}v master {bridge} up
        """)
    pod.ip_batch(f"""
        link set eth0 up
        addr add 10.20.{number}.2/24 dev eth0
        addr add fd00:20:{number}::2/64 dev eth0 nodad
        route add default via 10.20.{number}.1
        route add default via fd00:20:{number}::1
        """)
    settled(node, bridge)
    node.uses(f"fd00:20:{number}::1")
    pod.uses(f"fd00:20:{number}::2")
    return Member(bridge, pod, [f"10.20.{number}.2", f"fd00:20:{number}::2"])


def rename(node, bridge, name):
    """Kernels before 6.2 rename no interface that is up."""
    node.ip_batch(f"""
        link set {bridge} down
        link set {bridge} name {name}
        link set {name} up
        """)
    settled(node, name)


def reaches(source, target, by=None, timeout=None):
    """Does a connection get there, in each family? `by`: the addresses of the node, for the host
    port."""
    port = target.host_port if by else PORT
    found = set()
    with served(target.space, PORT):
        for address in by or target.addresses:
            found.add(ask(source.space, address, port, timeout) is not None)
    assert len(found) == 1, f"{source.name} -> {target.name}: the families differ"
    return found.pop()


def kept(source, target, by=None):
    """Nothing gets there; both see that in a third of a second a family."""
    return not reaches(source, target, by, 0.35)


def listed(node, kind):
    done = node.run("nft", "-j", "list", "table", "inet", "bridge_cni", check=False)
    return [entry[kind] for entry in json.loads(done.stdout or '{"nftables": []}')["nftables"]
            if kind in entry]


def rules(node):
    return [rule for rule in listed(node, "rule") if f" {STAGE}/" in rule.get("comment", "")]


def elements(node, without="/"):
    """Set -> interfaces, of the shared sets; without their sentinels."""
    found = {}
    for entry in listed(node, "set"):
        if entry["name"] in SHARED:
            values = [e["concat"][0] if isinstance(e, dict) else e for e in entry.get("elem", [])]
            found[entry["name"]] = sorted(value for value in values if value != without)
    return found


def own_sets(node):
    return sorted(entry["name"].rsplit("_", 1)[0] for entry in listed(node, "set")
                  if entry["name"].startswith(("isolate_", "strict_")))
