# SPDX-License-Identifier: GPL-2.0-or-later
"""Nodes in different subnets: a second link behind two routers, to which nodes are moved while they
run. Links and routers drop, as clouds do, whatever isn't sent from a node's InternalIP."""
from harness.networks import ALL4, ALL6, Fabric
from harness.node import OUTSIDE4, OUTSIDE6

MTU = 1500


class Subnets:
    def __init__(self, cluster):
        self.cluster = cluster
        self.fabric = Fabric(cluster.plane.node, MTU, self.addresses)
        self.first = self.fabric.first
        self.second = self.fabric.add("b", MTU, MTU)

    def addresses(self):
        return [address for node in self.cluster.nodes
                for address in (node.address4, node.address6)]

    def _plug(self, node, former, network, gateways):
        """The node's cable goes from one link to another, and its InternalIPs are of that one's
        subnet. Its pods run on."""
        port, link = f"port{node.number}", network.link
        node.node.ip("addr flush dev eth0 scope global")  # link-local ones stay
        former.link.ip(f"link set {port} netns {link.path}")
        link.ip_batch(f"link set {port} master br0\nlink set {port} up\n")
        node.address4, node.address6 = (address.format(10 + node.number)
                                        for address in (network.node4, network.node6))
        node.node.ip_batch(f"""
            addr add {node.address4}/24 dev eth0
            addr add {node.address6}/64 dev eth0 nodad
            route replace default via {gateways[0]}
            route replace default via {gateways[1]}
            """)
        for daemon in ("kubelet", "kube-proxy"):
            node.stop(daemon)
        node.start_kubelet()
        self._await_addresses(node)
        node.start_proxy(node.proxy_mode)

    def _await_addresses(self, node):
        def are_known():
            status = self.cluster.get("node", node.name)["status"]
            known = [a["address"] for a in status["addresses"] if a["type"] == "InternalIP"]
            return known == [node.address4, node.address6]

        node.wait_for(are_known)
        node.wait_for(lambda: self.cluster.is_ready(node))

    def move(self, node):
        """To the second link; the others stay."""
        for other in self.cluster.nodes:
            if other is not node:
                self.fabric.lead_to_routers(other.node)
        self._plug(node, self.first, self.second, (self.second.gateway4, self.second.gateway6))

    def move_back(self, node):
        self.fabric.check_sources()  # the Node has its former addresses until it is there
        self._plug(node, self.second, self.first, (OUTSIDE4, OUTSIDE6))

    def close(self):
        self.fabric.check_sources()
        for namespace in (self.first.link, *(node.node for node in self.cluster.nodes)):
            for to in (ALL4, ALL6):
                namespace.ip("route del", to, check=False)
        self.fabric.close()
