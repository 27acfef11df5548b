# SPDX-License-Identifier: GPL-2.0-or-later
"""What a packet costs on each way that pods' packets take, with each of the plugin's options and
without, by Debian's plugins, and where nothing is between the two ends.

    make bench BENCH=packets [QUICK=1] [PODS=2,250] [ROUNDS=3] [VARIANTS='ours,spoofCheck']

PODS: how many are on the node, tables for each. ROUNDS=0: one round, of as few packets as can be, to see
whether all can be measured. VARIANTS: of VARIANTS, the first of which all are compared with, and LIMITS.
"""
import os
import statistics
import time

import columns as c
import segments
from columns import DEBIAN, MAKE
from ends import (CONNECTIONS, DATAGRAMS, IPERF_PORT, LATENCY, MEASURE, ONE_STREAM, PORT, STREAMS, Ends,
                  in_turn, serve)
from harness import networks, plugin
from harness.cluster import Cluster
from harness.netns import CommandFailed
from harness.nftables import has_flowtables
from harness.node import OUTSIDE4, addresses_of, named
from harness.service import netfilter_on_the_bridge
from harness.waiting import wait_for

ON_A_NODE, BETWEEN_NODES = "pod to pod on a node", "pod to pod of another node"
TO_OUTSIDE, HOST_PORT = "pod to outside, masqueraded", "outside to a host port"
PATHS = ON_A_NODE, BETWEEN_NODES, TO_OUTSIDE, HOST_PORT
NAMES = ONE_STREAM, STREAMS, DATAGRAMS, CONNECTIONS, LATENCY
# Two columns of the table are one measurement.
MEDIAN, P99 = "TCP, one byte there and back: µs, median", "p99"
OURS, VETH, LOOPBACK = "ours", "a veth pair", "loopback"
# No keys: what is set here by hand, and is no option for the reasons in the README. Measured only where
# they are named.
BY_HAND = LARGE, LARGE_OUTSIDE, NOTRACK = "large packets", "large packets at the uplinks too", "notrack"
SIZE = 185000  # bytes of a large packet
UNTRACKED = """table ip untracked {{
    chain prerouting {{
        type filter hook prerouting priority raw
        ip saddr {0} ip daddr {0} notrack
    }}
}}"""
# Title -> the keys that it has more than OURS. One whose keys this build doesn't know is left out.
VARIANTS = {
    OURS: {},
    "bridge-nf off": {},
    "quietBridge": {"quietBridge": True},
    "podLink routed": {"podLink": "routed"},
    "spoofCheck": {"spoofCheck": True},
    "portIsolation": {"portIsolation": True},
    "fastPath": {"fastPath": True},
    LARGE: {},
    LARGE_OUTSIDE: {},
    NOTRACK: {},
    DEBIAN: {},
}
LIMITS = VETH, LOOPBACK
# Nodes where bridge-nf-call-iptables is 0, as routed pods need it. Elsewhere it is 1, as Services of
# bridged pods need it, and the rules see the frames between two pods.
BRIDGE_NF_OFF = {"bridge-nf off", "podLink routed"}
HAS_BRIDGE_NF = os.path.exists("/proc/sys/net/bridge")  # br_netfilter is loaded
# Ways that a variant does not let packets go.
CLOSED = {"portIsolation": {ON_A_NODE}}
SUBNETS = "10.101.0.0/16", "10.102.0.0/16"  # of the two nodes' pods
HOST_PORTS = (IPERF_PORT, "tcp"), (PORT, "tcp"), (PORT, "udp")
SCHEMA = c.TREE / "deploy/bridge-cni.schema.json"
SETTLED = 15  # seconds: by then new pods have asked for routers, which all others hear


def large(namespace, *ifnames):
    """These interfaces take packets of TCP of that size whole."""
    for ifname in ifnames:
        segments.set_size(namespace, ifname, SIZE)


class Variant:
    """Two nodes on a link of their own. On the first are a client and a server with host ports, and as
    many idle pods as are wanted; on the second is a server; one more is outside, on the link."""

    def __init__(self, directory, title):
        self.title, self.keys = title, VARIANTS[title]
        self.cluster = Cluster(directory, families="v4")
        self.nodes = [self.cluster.node(join=False) for _ in SUBNETS]
        self.outside = self.cluster.link
        for node, other, subnet in zip(self.nodes, reversed(self.nodes), reversed(SUBNETS)):
            node.ip(f"route add {subnet} via {other.address4}")
            netfilter_on_the_bridge(node, HAS_BRIDGE_NF and title not in BRIDGE_NF_OFF)
            # Many connections between the same two ends, which are over.
            node.sysctl("netfilter.nf_conntrack_tcp_timeout_close", 1)
        if title == NOTRACK:
            for node, subnet in zip(self.nodes, SUBNETS):
                node.nft(UNTRACKED.format(subnet))
        if title == LARGE_OUTSIDE:
            for namespace in (*self.nodes, self.outside):
                large(namespace, *(name for name in namespace.links() if name != "lo"))
        self.client = self.attach(0)
        self.servers = self.attach(0, HOST_PORTS), self.attach(1)
        for namespace in (*self.servers, self.outside):
            serve(namespace)

    def attach(self, number, host_ports=()):
        node = self.nodes[number]
        pod = node.pod()
        conf = c.configuration(DEBIAN if self.title == DEBIAN else MAKE, "pods", **self.keys, ipam={
            "type": "host-local", "ranges": [[{"subnet": SUBNETS[number]}]]})
        ports = {"capabilities": {"portMappings": True}, "runtimeConfig": {"portMappings": [
            {"hostPort": port, "containerPort": port, "protocol": protocol}
            for port, protocol in host_ports]}} if host_ports else {}
        if self.title == DEBIAN:
            result = node.add(pod, conf, executable=str(c.EXECUTABLES[DEBIAN]))
            if ports:
                plugin.judge("ADD", node.invoke(
                    "ADD", {**conf, **ports, "type": "portmap", "prevResult": result}, pod,
                    executable=str(c.REFERENCE / "portmap")), conf["cniVersion"])
        else:
            result = node.add(pod, {**conf, **ports}, executable=str(c.EXECUTABLES[MAKE]))
        if self.title in (LARGE, LARGE_OUTSIDE):
            large(pod, "eth0")
            # The bridge last: the kernel lets it have no more than its ports can.
            large(node, *(link["name"] for link in reversed(named(result, sandbox=False))))
        pod.address4, = addresses_of(result)
        return pod

    def grow(self, pods):
        while len(self.nodes[0].pods) < pods:
            self.attach(0)

    def ends(self):
        """Way -> its ends."""
        found = {ON_A_NODE: Ends(self.client, self.servers[0].address4),
                 BETWEEN_NODES: Ends(self.client, self.servers[1].address4),
                 TO_OUTSIDE: Ends(self.client, OUTSIDE4),
                 HOST_PORT: Ends(self.outside, self.nodes[0].address4)}
        return {path: found[path] for path in PATHS if path not in CLOSED.get(self.title, ())}

    def close(self):
        self.cluster.close()


class Limit:
    """Two ends with nothing between them; the same on each way."""

    def __init__(self, title):
        self.namespaces = [networks.new_namespace(title) for _ in range(1 if title == LOOPBACK else 2)]
        self.address = "127.0.0.1"
        if title == VETH:
            client, server = self.namespaces
            self.address = "10.103.0.1"
            client.ip(f"link add eth0 type veth peer name eth0 netns {server.path}")
            for number, namespace in enumerate((server, client), 1):
                namespace.ip_batch(f"addr add 10.103.0.{number}/24 dev eth0\nlink set eth0 up\n")
        serve(self.namespaces[-1])

    def grow(self, pods):
        """No pods are on the way."""

    def ends(self):
        return dict.fromkeys(PATHS, Ends(self.namespaces[0], self.address))

    def close(self):
        for namespace in self.namespaces:
            networks.close(namespace)


def known(title):
    """Has this build the keys?"""
    text = SCHEMA.read_text()
    return all(f'"{key}"' in text for key in VARIANTS.get(title, ()))


def served(title):
    """Has the kernel what the keys need?"""
    if "fastPath" not in VARIANTS.get(title, ()):
        return True
    namespace = networks.new_namespace("flowtables")
    try:
        return has_flowtables(namespace)
    finally:
        networks.close(namespace)


def chosen(lacking):
    """Titles of what can be measured, and is asked for. lacking: of EXECUTABLES."""
    wanted = os.environ.get("VARIANTS")
    wanted = ([OURS, *wanted.split(",")] if wanted else
              [title for title in (*VARIANTS, *LIMITS) if title not in BY_HAND])
    if not set(wanted) <= {*VARIANTS, *LIMITS}:
        raise SystemExit(f"VARIANTS: these there are: {','.join((*VARIANTS, *LIMITS))}")
    for title in wanted:
        if not known(title):
            print(f"left out: {title}: this build has no such key", flush=True)
        elif not served(title):
            print(f"left out: {title}: this kernel has no flowtables", flush=True)
    return [title for title in (*VARIANTS, *LIMITS)
            if title in wanted and known(title) and served(title) and title not in lacking]


def measured(name, ends, seconds):
    """The value; None where the packets did not arrive, which is a result, too."""
    try:
        return MEASURE[name](ends, seconds)
    except CommandFailed as error:
        print(f"  failed: {name}: {(error.done.stderr or error.done.stdout)[-200:].strip()}", flush=True)
        return None


def quartiles(values):
    return (statistics.quantiles(values, n=4, method="inclusive") if len(values) > 1
            else values * 3)


def summary(row):
    """Variant -> its median; the quartiles of its ratio to OURS of the same round; rounds that failed.
    row: variant -> values."""
    found = {}
    for title, values in row.items():
        good = [value for value in values if value is not None]
        ratios = [value / of for value, of in zip(values, row.get(OURS, ()))
                  if value is not None and of is not None]
        found[title] = {"median": statistics.median(good) if good else None,
                        "ratio": quartiles(ratios) if ratios else None,
                        "failed": len(values) - len(good)}
    return found


def split(found):
    """Of a pair of values two rows."""
    rows = {name: row for name, row in found.items() if name != LATENCY}
    for which, name in enumerate((MEDIAN, P99)):
        rows[name] = {title: [value and value[which] for value in values]
                      for title, values in found[LATENCY].items()}
    return rows


class Progress:
    """Says how long it will take, once that is known from the first round."""

    def __init__(self, tables, rounds):
        self.left, self.rounds, self.began, self.said = tables * rounds, rounds, None, False

    def round_begins(self):
        if self.began is not None and not self.said:
            seconds = time.monotonic() - self.began
            end = time.strftime("%H:%M", time.localtime(time.time() + seconds * self.left))
            print(f"  one of {self.left + 1} rounds took {seconds:.0f} s: all are over at about {end}, "
                  "and some minutes later where many pods are to be made", flush=True)
            self.said = True
        if self.began is None:
            self.began = time.monotonic()
        self.left -= 1


def one_table(ends, rounds, seconds, progress):
    """What is measured -> variant -> summary(), of one way. ends: variant -> its ends there."""
    # Else the first round would measure servers that start, and neighbours that nobody knows.
    for one in ends.values():
        wait_for(lambda: all(MEASURE[name](one, 0) for name in NAMES))
    found = in_turn(ends, NAMES, rounds, lambda *what: measured(*what, seconds), progress.round_begins)
    return {name: summary(row) for name, row in split(found).items()}


def matrix(quick):
    """How many pods, how many rounds, how many seconds each stream."""
    pods, rounds = ((2,), 2) if quick else ((2, 250, 800), 7)
    if "PODS" in os.environ:
        pods = sorted(max(2, int(word)) for word in os.environ["PODS"].split(","))
    rounds = int(os.environ.get("ROUNDS", rounds))
    return pods, max(rounds, 1), 1 if rounds else 0


def packets(bench, quick):
    """Pods on the node -> way -> what is measured -> variant -> summary()."""
    sizes, rounds, seconds = matrix(quick)
    lacking = {DEBIAN} if DEBIAN not in bench.titles else set()
    if not segments.has_ipv4():
        lacking |= {LARGE, LARGE_OUTSIDE}
    progress, found, made = Progress(len(sizes) * len(PATHS), rounds), {}, {}
    try:
        for title in chosen(lacking):
            made[title] = Limit(title) if title in LIMITS else Variant(
                bench.memory / f"packets-{title.replace(' ', '-')}", title)
        for pods in sizes:
            for one in made.values():
                one.grow(pods)
            if pods > 2:
                time.sleep(SETTLED)
            for path in PATHS:
                print(f"  {path}, {pods} pods", flush=True)
                ends = {title: one.ends() for title, one in made.items()}
                found.setdefault(pods, {})[path] = one_table(
                    {title: ways[path] for title, ways in ends.items() if path in ways},
                    rounds, seconds, progress)
    finally:
        for one in made.values():
            one.close()
    return found
