# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` on nodes of a cluster, which the agent has set up."""
import pytest

from harness import wireguard
from harness.command import command
from harness.tunnels import start


def findings(node):
    done = command(node, "doctor", str(node.conf_dir), env={"CNI_PATH": str(node.bin_dir)})
    assert done.stderr == ""
    return [line for line in done.stdout.splitlines() if not line.startswith("ok: ")]


@pytest.mark.any_kernel
@pytest.mark.must_run
@pytest.mark.parametrize("underlay", ["v4", "v4 v6"])
def test_of_nodes_with_a_tunnel_there_is_nothing_to_say(cluster, underlay):
    """The tunnel has the first address of the node's podCIDR, and less room than the uplink."""
    cluster.network("b")
    nodes = cluster.node(underlay=underlay), cluster.node(underlay=underlay, network="b")
    start(*nodes)
    for node in nodes:
        assert findings(node) == []
        node.attach()
        assert findings(node) == []


@wireguard.needs_wireguard
def test_of_nodes_with_wireguard_there_is_nothing_to_say(cluster):
    """Once they have talked to each other."""
    cluster.network("b")
    nodes = cluster.node(underlay="v4 v6"), cluster.node(underlay="v4 v6", network="b")
    wireguard.start(*nodes)
    one, other = (node.attach() for node in nodes)
    wireguard.reaches(one, other.address4)
    for node in nodes:
        # The agent looks at the device every few seconds, and when it is asked.
        assert node.metrics()["bridge_cni_wireguard_sessions"] == 1
        assert findings(node) == []


@pytest.mark.any_kernel
@pytest.mark.must_run
def test_of_nodes_with_direct_routes_there_is_nothing_to_say(cluster):
    nodes = cluster.node(underlay="v4 v6"), cluster.node(underlay="v4 v6")
    start(*nodes, mode="none")
    for node in nodes:
        node.attach()
        assert findings(node) == []
