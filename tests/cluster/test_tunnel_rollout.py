# SPDX-License-Identifier: GPL-2.0-or-later
"""The tunnel is taken from a running cluster and given to it by the steps of deploy/README.md,
while pods talk. Both nodes are on one link, which lets any source pass."""
import json
import re
import time

import pytest
from traffic import Ping

from harness.pages import commands, section
from harness.waiting import wait_for

HEADING = "Changing the tunnel of a running cluster"


def settings(change):
    """What README's table has the ConfigMap say for a change, rollout by rollout."""
    row = re.search(rf"^\| {change} \|(.*)\|(.*)\|$", section(HEADING), re.M)
    return [dict(re.findall(r"`(BRIDGE_CNI_\w+): (\w+)`", cell)) for cell in row.groups()]


def patch_of(block):
    """What the first line of a step's commands has the ConfigMap say."""
    return json.loads(re.search(r"--patch '(.*)'$", block[0])[1])["data"]


@pytest.fixture
def pings(cluster):
    """Between pods of both nodes, both ways. Afterwards none is lost."""
    pods = one, two = cluster.pods(*(cluster.pod_object(node) for node in cluster.nodes))
    for pod, other in (pods, pods[::-1]):
        for address in (other.address4, other.address6):
            wait_for(lambda: pod.ping(address, wait=1))
    running = {f"{pod.node.name} to {address}": Ping(pod, address)
               for pod, other in ((one, two), (two, one))
               for address in (other.address4, other.address6)}
    yield
    time.sleep(1)
    counts = {name: ping.end() for name, ping in running.items()}
    cluster.delete(*pods)
    assert {name: lost for name, (_, lost) in counts.items() if lost} == {}
    assert all(sent > 15 for sent, _ in counts.values())


def device_of_routes(node):
    """Of those to the other node's podCIDRs."""
    return {r["dev"] for family in (4, 6)
            for r in node.node.ip_json(f"-{family}", "route", "show", "proto", "98")}


def test_a_cluster_leaves_its_tunnel_and_gets_it_again_without_a_lost_ping(
        cluster, installation, pings):
    _, receive, send = commands(HEADING)  # before them, rp_filter on the nodes
    assert [patch_of(receive), patch_of(send)] == settings("`none` to `vxlan`")
    receive_alone, without = settings("`vxlan` to `none`")
    installation.configure(**receive_alone)
    for node in cluster.nodes:
        wait_for(lambda: device_of_routes(node) == {"eth0"}, 60)
        assert "bcni-vxlan" in node.node.links()
    installation.configure(**without)
    for node in cluster.nodes:
        wait_for(lambda: "bcni-vxlan" not in node.node.links(), 60)
        assert node.node.run("nft", "list", "table", "inet", "bridge_cni_tunnel",
                             check=False).returncode != 0
    for line in receive:
        installation.run(line)
    for node in cluster.nodes:
        wait_for(lambda: "bcni-vxlan" in node.node.links(), 60)
        assert device_of_routes(node) == {"eth0"}
    for line in send:
        installation.run(line)
    for node in cluster.nodes:
        wait_for(lambda: device_of_routes(node) == {"bcni-vxlan"}, 60)
    installation.configure(BRIDGE_CNI_TUNNEL_RECEIVE="none")  # the last step
