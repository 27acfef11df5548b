# SPDX-License-Identifier: GPL-2.0-or-later
"""Pod to pod over two nodes of one link: by direct routes, by VXLAN as flannel sets it up, and by the
agent's VXLAN and WireGuard."""
import os
import statistics

from ends import DATAGRAMS, MEASURE, ONE_BYTE, ONE_STREAM, STREAMS, Ends, in_turn, serve
from harness.cluster import Cluster
from harness.flannel import FlannelNode
from harness.tunnels import devices_of_routes
from harness.waiting import wait_for

DIRECT, FLANNEL, OURS, WIREGUARD = "direct", "flannel", "ours", "wireguard"
NAMES = ONE_STREAM, STREAMS, DATAGRAMS, ONE_BYTE


class Way(Ends):
    """Two nodes on a link of their own, and a pod on each."""

    def __init__(self, directory, made, names):
        """made(cluster) gives the nodes. names: what is to be measured."""
        self.cluster = Cluster(directory, families="v4")
        client, server = (node.attach() for node in made(self.cluster))
        super().__init__(client, server.address4)
        serve(server)
        wait_for(lambda: self.client.ping(self.address, wait=1))
        wait_for(lambda: all(MEASURE[name](self, 0) for name in names))  # they listen

    def close(self):
        self.cluster.close()


def flannels(cluster):
    nodes = [cluster.node(kind=FlannelNode) for _ in range(2)]
    for node in nodes:
        node.run_flannel()
    nodes[0].read()
    return nodes


def ours(cluster, mode="vxlan", device="bcni-vxlan"):
    nodes = cluster.ready(2, "--tunnel", mode, "--tunnel-always", "true")
    for node, other in zip(nodes, reversed(nodes)):
        assert devices_of_routes(node)[other.cidrs[0]] == device
    return nodes


WAYS = {DIRECT: lambda cluster: cluster.ready(2), FLANNEL: flannels, OURS: ours}
# In the virtual machine, whose kernel has WireGuard.
WAYS_IN_VM = {DIRECT: WAYS[DIRECT], OURS: ours,
              WIREGUARD: lambda cluster: ours(cluster, "wireguard", "bcni-wg")}


def measured(directory, made, names, rounds, seconds):
    """What is measured -> way -> its values, one of each round, in which the ways take turns. made:
    way -> what makes the nodes. names: of MEASURE."""
    ways = {}
    try:
        for title, make in made.items():
            ways[title] = Way(directory / title, make, names)
        return in_turn(ways, names, rounds, lambda name, way: MEASURE[name](way, seconds))
    finally:
        for way in ways.values():
            way.close()


def ratio(row, way, base):
    """The median of how a way's value compares with that of the way `base` of the same round."""
    return statistics.median(value / of for value, of in zip(row[way], row[base]))


def tunnels(bench, quick):
    """What is measured -> way -> its median, and its ratio to flannel's. ROUNDS=0: one round, of as few
    packets as can be, to see that all can be measured."""
    rounds, seconds = (1, 1) if quick else (7, 2)
    if os.environ.get("ROUNDS") == "0":
        rounds, seconds = 1, 0
    found = measured(bench.memory, WAYS, NAMES, rounds, seconds)
    return {name: {way: {"median": statistics.median(row[way]), "ratio": ratio(row, way, FLANNEL)}
                   for way in row} for name, row in found.items()}
