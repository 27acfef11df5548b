# SPDX-License-Identifier: GPL-2.0-or-later
"""Another CNI takes the cluster over, node by node, by the commands of deploy/README.md. The
reference's bridge, with one file more, stands for it."""
import json

import pytest

from harness.host import CNI_CONF
from harness.pages import commands
from harness.waiting import wait_for

OTHER, BRIDGE = f"{CNI_CONF}/20-other.conflist", "other0"


@pytest.fixture
def other(leaving):
    """The cluster, with another CNI beside bridge-cni on all of its nodes."""
    for node in leaving.nodes:
        cidrs = leaving.get("node", node.name)["spec"]["podCIDRs"]
        node.host.write(OTHER, json.dumps({
            "cniVersion": "1.0.0", "name": "other", "plugins": [{
                "type": "bridge", "bridge": BRIDGE, "isDefaultGateway": True, "ipMasq": True,
                "ipam": {"type": "host-local", "dataDir": "/run/other",
                         "ranges": [[{"subnet": cidr}] for cidr in cidrs]}}]}))
    yield leaving
    leaving.kubectl("delete", "deployment/app", "daemonset/each")
    for node in leaving.nodes:
        wait_for(lambda: node.host_veths() == [])
        node.host.run("rm", OTHER)
        node.node.ip(f"link del {BRIDGE}")


def is_the_others(node):
    """Its pods are, and nothing else is there."""
    ports = [port["ifname"] for port in node.node.ip_json("link", "show", "master", BRIDGE)]
    assert ports and sorted(node.made()) == sorted([BRIDGE, *ports])
    return True


def test_another_CNI_gets_one_node_after_the_other_and_its_new_pods(other, installation):
    cluster = other
    begin, each, end = commands("Switching to another CNI")
    for line in begin:
        installation.run(line)
    for _ in cluster.nodes:
        node = wait_for(cluster.its_turn, 60, step=0.2)
        for line in each:
            installation.run(line, node)
        # The DaemonSet's pod comes back, and others as they like.
        wait_for(lambda: cluster.is_ready(node), 60, step=0.5)
        wait_for(lambda: is_the_others(node), 60, step=0.5)
    for line in end:
        installation.run(line)
    installation.run("kubectl rollout status deployment/app")
    for node in cluster.nodes:
        wait_for(lambda: is_the_others(node), step=0.5)
