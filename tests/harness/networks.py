# SPDX-License-Identifier: GPL-2.0-or-later
"""The links that a cluster's nodes are on, the routers between them, and what a cloud's fabric does:
it has no route to any pod, and where a test says so drops what isn't sent from a node's address.

    nodes - link "a" - router - hop - router b - link "b" - nodes

The API server and the world outside are beside link "a".
"""
import os

from . import netns
from .node import INTERNET4, INTERNET6, OUTSIDE4, OUTSIDE6

ALL4, ALL6 = "198.18.0.0/15", "2001:db8:c::/48"  # of all links but the first (RFC 2544)
ROUTER4, ROUTER6 = "192.0.2.254", "2001:db8:aaaa::fe"  # on the first link
# Neighbour discovery has them as sources, and no router forwards them.
LOCAL6 = ("::", "fe80::/10")
CHECK = """
table {family} source_check {{
    set allowed4 {{ type ipv4_addr; flags interval; }}
    set allowed6 {{ type ipv6_addr; flags interval; }}
    counter dropped {{}}
    chain check {{
        type filter hook {hook} priority -300;
        iifname "{interfaces}" ip saddr != @allowed4 counter name "dropped" drop
        iifname "{interfaces}" ip6 saddr != @allowed6 counter name "dropped" drop
    }}
}}
"""


def new_namespace(name):
    """One of a machine that isn't a node; close() ends it."""
    net_fd, mnt_fd = netns.new_machine({})
    namespace = netns.Namespace(net_fd, mnt_fd, name)
    namespace.sysctl("ipv6.conf.default.accept_dad", 0)
    namespace.up("lo")
    return namespace


def close(namespace):
    namespace.close()
    os.close(namespace.mnt_fd)


class SourceCheck:
    """Drops what comes in by those interfaces from an address that isn't allowed."""

    def __init__(self, namespace, family, hook, interfaces):
        self.namespace, self.is_on = namespace, False
        self.text = CHECK.format(family=family, hook=hook, interfaces=interfaces)
        self.table = f"{family} source_check"

    def turn(self, on, addresses):
        """Allows the addresses in the transaction that begins to check, so that none of theirs is dropped."""
        if on != self.is_on:
            self.namespace.nft(self.text + self.allowing(addresses) if on else f"delete table {self.table}")
        self.is_on = on

    def allow(self, addresses):
        if self.is_on:
            self.namespace.nft(self.allowing(addresses))

    def allowing(self, addresses):
        of_family = [[a for a in addresses if ":" not in a],
                     [*LOCAL6, *(a for a in addresses if ":" in a)]]
        return "".join(
            f"flush set {self.table} allowed{number}\n" + (
                f"add element {self.table} allowed{number} {{ {', '.join(found)} }}\n"
                if found else "")
            for number, found in zip((4, 6), of_family))

    def dropped(self):
        """The number of packets."""
        out = self.namespace.run("nft", "list", "counter", *self.table.split(), "dropped").stdout
        return int(out.split("packets")[1].split()[0])


class Network:
    """One link: the bridge br0 in a namespace, which each node has a port of."""

    def __init__(self, link, number, name, mtu):
        self.link, self.name, self.mtu = link, name, mtu
        prefix4, prefix6 = (("192.0.2.", "2001:db8:aaaa::") if number == 1 else
                            (f"198.18.{number}.", f"2001:db8:c:{number}::"))
        self.node4, self.node6 = prefix4 + "{}", prefix6 + "{}"
        self.gateway4, self.gateway6 = prefix4 + "1", prefix6 + "1"
        self.check = SourceCheck(link, "bridge", "prerouting", "port*")
        self.router_check = None

    def plug(self, namespace, ifname, port, *lines):
        """A cable from the namespace's new interface to a port of the link. lines: of `ip -batch`,
        for when the interface is up."""
        self.link.ip_batch(f"""
            link add {port} mtu {self.mtu} type veth peer name {ifname} mtu {self.mtu} netns {namespace.path}
            link set {port} master br0
            link set {port} up
            """)
        namespace.ip_batch("\n".join((f"link set {ifname} up", *lines)) + "\n")


class Fabric:
    """All links of a cluster. addresses(): the InternalIPs of its Nodes."""

    def __init__(self, link, mtu, addresses):
        self.addresses = addresses
        self.first = Network(link, 1, "a", mtu)
        self.networks = {"a": self.first}
        self.router, self.namespaces = None, []

    def _namespace(self, name):
        namespace = new_namespace(name)
        self.namespaces.append(namespace)
        return namespace

    def _make_router(self, network, name, address4, address6):
        """A router with one interface, `leg`, on that network."""
        router = self._namespace(name)
        for key in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
            router.sysctl(key, 1)
        router.sysctl("ipv4.conf.all.rp_filter", 0)
        router.sysctl("ipv4.conf.all.send_redirects", 0)
        network.plug(router, "leg", "router", f"addr add {address4}/24 dev leg",
                     f"addr add {address6}/64 dev leg nodad")
        router.uses(address6)
        network.router_check = SourceCheck(router, "inet", "forward", "leg")
        return router

    def add(self, name, mtu, hop_mtu):
        """One more link; the hop between its router and the first link's has that MTU."""
        if not self.router:
            self.router = self._make_router(self.first, "router", ROUTER4, ROUTER6)
            self.router.ip_batch(f"route add default via {OUTSIDE4}\n"
                                 f"route add default via {OUTSIDE6}\n")
            self.lead_to_routers(self.first.link)
        number = len(self.networks) + 1
        link = self._namespace(f"link {name}")
        link.ip_batch(f"link add br0 mtu {mtu} type bridge\nlink set br0 up\n")
        network = self.networks[name] = Network(link, number, name, mtu)
        router = self._make_router(network, f"router {name}", network.gateway4, network.gateway6)
        far, near = (f"198.19.{number}.{i}" for i in (1, 2))
        far6, near6 = (f"2001:db8:c:ff{number:02x}::{i}" for i in (1, 2))
        self.router.ip_batch(f"""
            link add hop{number} mtu {hop_mtu} type veth peer name hop mtu {hop_mtu} netns {router.path}
            link set hop{number} up
            addr add {far}/24 dev hop{number}
            addr add {far6}/64 dev hop{number} nodad
            """)
        router.ip_batch(f"""
            link set hop up
            addr add {near}/24 dev hop
            addr add {near6}/64 dev hop nodad
            route add default via {far}
            route add default via {far6}
            """)
        self.router.uses(far6)
        router.uses(near6)
        self.router.ip_batch(f"route add {network.node4.format(0)}/24 via {near}\n"
                             f"route add {network.node6.format(0)}/64 via {near6}\n")
        self.allow()
        return network

    def ways_to_routers(self, families=(4, 6)):
        """Lines of `ip -batch` by which a namespace on the first link reaches the others."""
        return [f"route add {to} via {via}" for family, to, via in (
            (4, ALL4, ROUTER4), (6, ALL6, ROUTER6)) if self.router and family in families]

    def lead_to_routers(self, namespace, families=(4, 6)):
        if self.router:
            namespace.ip_batch("\n".join(self.ways_to_routers(families)) + "\n")

    def checks(self):
        return [check for network in self.networks.values()
                for check in (network.check, network.router_check) if check]

    def allowed(self):
        outside = [OUTSIDE4, OUTSIDE6, INTERNET4, INTERNET6]
        return [*dict.fromkeys([*self.addresses(), *outside])]

    def allow(self):
        """Whoever is a Node now may send."""
        for check in self.checks():
            check.allow(self.allowed())

    def check_sources(self, routers=False, links=False):
        """routers: between links; links: between nodes of one link, too."""
        for network in self.networks.values():
            network.check.turn(links, self.allowed())
            if network.router_check:
                network.router_check.turn(routers, self.allowed())

    def dropped(self):
        """How many packets the source checks have dropped."""
        return sum(check.dropped() for check in self.checks() if check.is_on)

    def close(self):
        for namespace in self.namespaces:
            close(namespace)
