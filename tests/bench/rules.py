# SPDX-License-Identifier: GPL-2.0-or-later
"""What the rules of two nodes cost a packet that the agent's VXLAN carries between their pods: tables
and chains are taken away in turn, from one and the same pair of nodes. All of it is on one processor,
so that a packet's time is that of its work, and not of its way from one processor to another."""
import contextlib
import os
import random
import statistics

from ends import DATAGRAMS
from tunnels import FLANNEL, OURS, WAYS, Way

GUARD, SPOOF, PLUGIN = "inet bridge_cni_tunnel", "bridge bridge_cni", "inet bridge_cni"
NO_GUARD, NO_SPOOF = f"delete table {GUARD}\n", f"delete table {SPOOF}\n"
NO_LOCALNET = f"delete chain {PLUGIN} raw\ndelete chain {PLUGIN} answers\n"
# What is taken away from ours -> commands of nft.
WITHOUT = {
    "ours": "",
    "ours, without spoofCheck": NO_SPOOF,
    "ours, without the tunnel's guard": NO_GUARD,
    "ours, without both": NO_SPOOF + NO_GUARD,
    "ours, without both and localnet's chains": NO_SPOOF + NO_GUARD + NO_LOCALNET,
    "ours, without any rule": "flush ruleset\n",
}
COUNT = 60000  # datagrams in a round


@contextlib.contextmanager
def all_on_one_processor():
    """This process and what it starts; what ran before stays where it is."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {max(allowed)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, allowed)


def rules(bench, quick):
    """Which rules -> nanoseconds a datagram of 64 bytes takes (the lower quartile), and how many
    times as many as flannel's."""
    rounds = 2 if quick else 20
    found, order = {}, random.Random(1)
    with all_on_one_processor(), contextlib.ExitStack() as stack:
        def way(title):
            made = Way(bench.memory / f"rules-{title}", WAYS[title], [DATAGRAMS])
            stack.callback(made.close)
            return made

        flannel, ours = way(FLANNEL), way(OURS)
        nodes = ours.cluster.nodes
        for node in nodes:  # else they would mend their rules
            stack.enter_context(node.asleep())
        whole = {node: "flush ruleset\n" + node.run("nft", "list", "ruleset").stdout for node in nodes}
        for _ in range(rounds):
            for title in order.sample([FLANNEL, *WITHOUT], len(WITHOUT) + 1):
                if title != FLANNEL:
                    for node in nodes:
                        node.nft(whole[node] + WITHOUT[title])
                found.setdefault(title, []).append(
                    (flannel if title == FLANNEL else ours).packets("stream", COUNT)[0])
        for node in nodes:
            node.nft(whole[node])
    least = {title: statistics.quantiles(values, n=4)[0] for title, values in found.items()}
    return {title: {"ns": least[title], "ratio": least[title] / least[FLANNEL]}
            for title in (FLANNEL, *WITHOUT)}
