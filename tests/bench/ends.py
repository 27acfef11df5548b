# SPDX-License-Identifier: GPL-2.0-or-later
"""Two ends and what lies between them: what is measured there, and how several such pairs take turns."""
import random

from columns import TOOLS
from harness.waiting import SLOWNESS
from throughput import gbit

PORT, IPERF_PORT = 4713, 5201
# In what is one second on a real machine; where processors are emulated it takes several.
ROUND_TRIPS = 4000 if SLOWNESS == 1 else 160
CONNECTIONS_A_SECOND, DATAGRAMS_A_SECOND = 4000, 60000
ONE_STREAM, STREAMS = "TCP, 1 stream: Gbit/s", "TCP, 8 streams: Gbit/s"
DATAGRAMS, ONE_BYTE = "UDP, 64 bytes: thousand a second", "TCP, one byte there and back: µs"
CONNECTIONS, LATENCY = "TCP: connections a second", "TCP, one byte there and back: µs, median and p99"


def serve(namespace):
    """Starts what answers all measurements."""
    namespace.popen(["iperf3", "-s", "-p", str(IPERF_PORT)], stdout=-3)
    namespace.popen([TOOLS / "packets", "serve", str(PORT)])


def count(a_second, seconds):
    """How many are sent; with no seconds just enough to see that they pass."""
    return a_second * seconds or a_second // 20


class Ends:
    """A client's namespace, and the address by which it reaches somebody that serves."""

    def __init__(self, client, address):
        self.client, self.address = client, address

    def gbit(self, streams, seconds):
        return gbit(self.client, self.address, streams, seconds)

    def packets(self, kind, number):
        """Nanoseconds for each: the mean, and where they are timed one by one the median and the
        99th percentile."""
        done = self.client.run(TOOLS / "packets", kind, self.address, str(PORT), str(number))
        return [int(word) for word in done.stdout.split()]

    def kpps(self, seconds):
        """Thousands of datagrams of 64 bytes in a second."""
        return 1e6 / self.packets("stream", count(DATAGRAMS_A_SECOND, seconds))[0]

    def microseconds(self, seconds):
        """One byte there and back, by TCP."""
        return self.packets("pingpong", count(ROUND_TRIPS, seconds))[0] / 1e3

    def latency(self, seconds):
        """One byte there and back, by TCP: the median and the 99th percentile, in microseconds."""
        return [ns / 1e3 for ns in self.packets("pingpong", count(ROUND_TRIPS, seconds))[1:]]

    def connections(self, seconds):
        """New connections in a second, one after the other."""
        return 1e9 / self.packets("connections", count(CONNECTIONS_A_SECOND, seconds))[0]


MEASURE = {ONE_STREAM: lambda ends, seconds: ends.gbit(1, seconds),
           STREAMS: lambda ends, seconds: ends.gbit(8, seconds),
           DATAGRAMS: Ends.kpps, CONNECTIONS: Ends.connections,
           ONE_BYTE: Ends.microseconds, LATENCY: Ends.latency}


def in_turn(ways, names, rounds, measure, begin=lambda: None):
    """What is measured -> way -> its values, one of each round, in which the ways take turns.
    measure(name, way) gives a value. begin(): is called before each round."""
    found, order = {name: {title: [] for title in ways} for name in names}, random.Random(1)
    for _ in range(rounds):
        begin()
        for name in names:
            for title in order.sample(list(ways), len(ways)):
                found[name][title].append(measure(name, ways[title]))
    return found
