# SPDX-License-Identifier: GPL-2.0-or-later
"""Pod to pod over the bridge: one queue an end, as bridge-cni makes it, or the default."""
import json
import statistics
import time


def pair(node, queues, number, servers):
    """Two pods on the bridge, their veths made by ip."""
    pods = [node.pod(), node.pod()]
    for i, pod in enumerate(pods):
        name = f"t{number}{i}"
        node.ip(f"link add {name} {queues} type veth peer name eth0 {queues} "
                f"netns {pod.netns}")
        node.ip(f"link set {name} master t0 up")
        pod.ip(f"addr add 10.2.{number}.{i + 1}/24 dev eth0")
        pod.ip("link set eth0 up")
    servers.append(pods[0].popen(["iperf3", "-s"], stdout=-3))
    return pods[1], f"10.2.{number}.1"


def gbit(client, server, streams, seconds):
    """With no seconds 16 MB go, just enough to see that it passes."""
    until = ("-t", str(seconds)) if seconds else ("-n", "16M")
    out = client.run("iperf3", "-J", "-c", server, "-P", str(streams), *until, check=True).stdout
    return json.loads(out)["end"]["sum_received"]["bits_per_second"] / 1e9


def throughput(bench, quick):
    """Gbit/s, one stream and eight."""
    rounds, seconds = (1, 1) if quick else (7, 3)
    node = bench.node()
    node.ip("link add t0 type bridge")
    node.ip("link set t0 up")
    servers = []
    ways = {"one queue": pair(node, "numtxqueues 1 numrxqueues 1", 1, servers),
            "default": pair(node, "", 2, servers)}
    time.sleep(1)
    found = {}
    for _ in range(rounds):
        for streams in (1, 8):
            for way, (client, server) in ways.items():
                found.setdefault((streams, way), []).append(
                    gbit(client, server, streams, seconds))
    for server in servers:
        server.kill()
        server.wait()
    return {f"{streams} stream{'s' * (streams > 1)}":
            {way: statistics.median(found[streams, way]) for way in ways}
            for streams in (1, 8)}
