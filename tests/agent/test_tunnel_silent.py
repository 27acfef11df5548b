# SPDX-License-Identifier: GPL-2.0-or-later
"""A node to which packets go by the tunnel, and from which none come, is named."""
import pytest

from harness.tunnels import start
from harness.waiting import wait_for

OPTIONS = ["--tunnel-always", "true", "--resync-seconds", "1"]
FIREWALL = """
    table inet firewall {{
        chain input {{
            type filter hook input priority filter - 20
            {saddr} udp dport 8472 drop
        }}
    }}
"""


def silent(node):
    """The names that the metrics have, and whether their number agrees."""
    metrics = node.metrics()
    names = {name.split('"')[1] for name in metrics
             if name.startswith("bridge_cni_tunnel_peer_silent{")}
    assert metrics["bridge_cni_tunnel_peers_silent"] == len(names)
    return names


@pytest.mark.parametrize("underlay", ["v4", "v6"])
def test_a_node_that_does_not_answer_is_named_until_it_does(cluster, underlay):
    nodes = one, two, _ = [cluster.node(underlay=underlay) for _ in range(3)]
    start(*nodes, options=OPTIONS)
    here, there, other = [node.attach() for node in nodes]
    # Whoever answers isn't silent, and neither is a node to which nothing is sent.
    wait_for(lambda: here.ping(there.address4) and here.ping(other.address4))
    for node in nodes:
        node.wait_for_resyncs()
        assert silent(node) == set()
    two.nft(FIREWALL.format(saddr=f"ip6 saddr {one.address6}" if underlay == "v6" else
                            f"ip saddr {one.address4}"))
    one.wait_for_resyncs()
    assert silent(one) == set()
    assert not here.ping(there.address4, wait=1)

    def unheard():
        here.ping(there.address4, wait=1)
        return silent(one)

    wait_for(lambda: unheard() == {two.name}, 20)
    assert "a node doesn't answer by the tunnel" in one.log() and f"node={two.name}" in one.log()
    # It stays named, though nothing is sent any more.
    one.wait_for_resyncs()
    assert silent(one) == {two.name}
    two.run("nft", "delete table inet firewall")
    wait_for(lambda: here.ping(there.address4) and silent(one) == set(), 20)
    assert "a node answers by the tunnel" in one.log()
    assert silent(two) == set()
