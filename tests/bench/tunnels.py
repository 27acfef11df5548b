# SPDX-License-Identifier: GPL-2.0-or-later
"""Pod to pod over two nodes of one link: by direct routes, by VXLAN as flannel sets it up, and by the
agent's VXLAN and WireGuard."""
import random
import statistics

from columns import TOOLS
from harness.cluster import Cluster
from harness.flannel import FlannelNode
from harness.tunnels import devices_of_routes
from harness.waiting import SLOWNESS, wait_for
from throughput import gbit

DIRECT, FLANNEL, OURS, WIREGUARD = "direct", "flannel", "ours", "wireguard"
PORT = 4713
# In what is one second on a real machine; where processors are emulated it takes several.
ROUND_TRIPS = 4000 if SLOWNESS == 1 else 160


class Way:
    """Two nodes on a link of their own, and a pod on each."""

    def __init__(self, directory, made, names):
        """made(cluster) gives the nodes. names: what is to be measured."""
        self.cluster = Cluster(directory, families="v4")
        self.client, server = (node.attach() for node in made(self.cluster))
        self.address = server.address4
        server.popen(["iperf3", "-s"], stdout=-3)
        server.popen([TOOLS / "packets", "serve", str(PORT)])
        wait_for(lambda: self.client.ping(self.address, wait=1))
        wait_for(lambda: all(MEASURE[name](self, 1) for name in names))  # they listen

    def gbit(self, streams, seconds):
        return gbit(self.client, self.address, streams, seconds)

    def packets(self, kind, count):
        """Nanoseconds for each."""
        return int(self.client.run(TOOLS / "packets", kind, self.address, str(PORT),
                                   str(count)).stdout)

    def kpps(self, seconds):
        """Thousands of datagrams of 64 bytes in a second."""
        return 1e6 / self.packets("stream", 60000 * seconds)

    def microseconds(self, seconds):
        """One byte there and back, by TCP."""
        return self.packets("pingpong", ROUND_TRIPS * seconds) / 1e3

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


ONE_STREAM, STREAMS = "TCP, 1 stream: Gbit/s", "TCP, 8 streams: Gbit/s"
DATAGRAMS, ONE_BYTE = "UDP, 64 bytes: thousand a second", "TCP, one byte there and back: µs"
MEASURE = {ONE_STREAM: lambda way, seconds: way.gbit(1, seconds),
           STREAMS: lambda way, seconds: way.gbit(8, seconds),
           DATAGRAMS: Way.kpps, ONE_BYTE: Way.microseconds}


def measured(directory, made, names, rounds, seconds):
    """What is measured -> way -> its values, one of each round, in which the ways take turns. made:
    way -> what makes the nodes. names: of MEASURE."""
    found, ways, order = {}, {}, random.Random(1)
    try:
        for title, make in made.items():
            ways[title] = Way(directory / title, make, names)
        for _ in range(rounds):
            for name in names:
                for title in order.sample(list(ways), len(ways)):
                    found.setdefault(name, {title: [] for title in ways})[title].append(
                        MEASURE[name](ways[title], seconds))
    finally:
        for way in ways.values():
            way.close()
    return found


def ratio(row, way, base):
    """The median of how a way's value compares with that of the way `base` of the same round."""
    return statistics.median(value / of for value, of in zip(row[way], row[base]))


def tunnels(bench, quick):
    """What is measured -> way -> its median, and its ratio to flannel's."""
    found = measured(bench.memory, WAYS, MEASURE, *((1, 1) if quick else (7, 2)))
    return {name: {way: {"median": statistics.median(row[way]), "ratio": ratio(row, way, FLANNEL)}
                   for way in row} for name, row in found.items()}
