# SPDX-License-Identifier: GPL-2.0-or-later
"""Pod to pod over two nodes of one link: by direct routes, by VXLAN as flannel sets it up, and by the
agent's."""
import random
import statistics

from columns import TOOLS
from harness.cluster import Cluster
from harness.flannel import FlannelNode
from harness.waiting import wait_for
from throughput import gbit

DIRECT, FLANNEL, OURS = "direct", "flannel", "ours"
PORT = 4713


class Way:
    """Two nodes on a link of their own, and a pod on each."""

    def __init__(self, directory, made):
        """made(cluster) gives the nodes."""
        self.cluster = Cluster(directory, families="v4")
        self.client, server = (node.attach() for node in made(self.cluster))
        self.address = server.address4
        server.popen(["iperf3", "-s"], stdout=-3)
        server.popen([TOOLS / "packets", "serve", str(PORT)])
        wait_for(lambda: self.client.ping(self.address, wait=1))
        wait_for(lambda: self.gbit(1, 1) and self.kpps(1) and self.microseconds(1))  # they listen

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
        return self.packets("pingpong", 4000 * seconds) / 1e3

    def close(self):
        self.cluster.close()


def flannels(cluster):
    nodes = [cluster.node(kind=FlannelNode) for _ in range(2)]
    for node in nodes:
        node.run_flannel()
    nodes[0].read()
    return nodes


def ours(cluster):
    nodes = cluster.ready(2, "--tunnel", "vxlan", "--tunnel-always", "true")
    for node, other in zip(nodes, reversed(nodes)):
        route, = node.ip_json("route", "show", other.cidrs[0])
        assert route["dev"] == "bcni-vxlan", route
    return nodes


WAYS = {DIRECT: lambda cluster: cluster.ready(2), FLANNEL: flannels, OURS: ours}


def tunnels(bench, quick):
    """What is measured -> way -> its median, and the median of how it compares with flannel's of
    the same round."""
    rounds, seconds = (1, 1) if quick else (7, 2)
    what = {"TCP, 1 stream: Gbit/s": lambda way: way.gbit(1, seconds),
            "TCP, 8 streams: Gbit/s": lambda way: way.gbit(8, seconds),
            "UDP, 64 bytes: thousand a second": lambda way: way.kpps(seconds),
            "TCP, one byte there and back: µs": lambda way: way.microseconds(seconds)}
    found, ways, order = {}, {}, random.Random(1)
    try:
        for title, make in WAYS.items():
            ways[title] = Way(bench.memory / title, make)
        for _ in range(rounds):
            for name, measured in what.items():
                for title in order.sample(list(ways), len(ways)):
                    found.setdefault(name, {title: [] for title in ways})[title].append(
                        measured(ways[title]))
    finally:
        for way in ways.values():
            way.close()
    return {name: {title: {"median": statistics.median(values), "ratio": statistics.median(
        value / of for value, of in zip(values, row[FLANNEL]))} for title, values in row.items()}
        for name, row in found.items()}
