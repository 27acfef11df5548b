# SPDX-License-Identifier: GPL-2.0-or-later
"""A Node is deleted and comes again with another podCIDR while its pods run, as when somebody
deletes a Node and its kubelet is started again."""
import ipaddress

import pytest
from kubernetes import INTERNET4, INTERNET6

from harness.waiting import wait_for
from harness.wire import source_seen

OUTSIDE = "pods have addresses outside of this node's podCIDR"


@pytest.fixture
def pods(cluster, installation):
    """One on the first node, two on the second one; agents look at everything quickly."""
    installation.configure(BRIDGE_CNI_RESYNC_SECONDS="2")
    one, two = cluster.nodes
    made = cluster.pods(*(cluster.pod_object(node) for node in (one, two, two)))
    yield made
    cluster.clear()
    installation.configure(BRIDGE_CNI_RESYNC_SECONDS=None)


def cidrs_of(cluster, node):
    return cluster.get("node", node.name)["spec"].get("podCIDRs")


def come_again(cluster, node):
    """Gives the Node's new podCIDRs."""
    former = cidrs_of(cluster, node)
    cluster.kubectl("delete", "node", node.name)
    node.stop("kubelet")
    node.start_kubelet()
    return node.wait_for(lambda: cidrs_of(cluster, node) not in (None, former) and
                         cidrs_of(cluster, node))


def outside(node):
    return node.metrics().get("bridge_cni_pods_outside_podcidr")


def test_pods_of_the_former_podCIDR_stay_connected_and_are_named_until_they_are_gone(
        cluster, pods):
    near, *olds = pods
    node = cluster.nodes[1]
    before = node.agent_lines()
    cidrs = come_again(cluster, node)
    wait_for(lambda: node.ranges() == cidrs)
    wait_for(lambda: cluster.is_ready(node))
    new, = cluster.pods(cluster.pod_object(node))
    for address, cidr in zip((new.address4, new.address6), cidrs):
        assert ipaddress.ip_address(address) in ipaddress.ip_network(cidr)
    wait_for(lambda: near.ping(new.address4, wait=1) and near.ping(new.address6, wait=1))
    assert source_seen(near, new, new.address4) == near.address4

    assert outside(node) == len(olds)
    told, = node.agent_says(OUTSIDE, before)
    for pod in olds:
        assert f"default/{pod.name}" in told and pod.name in node.page("/readyz")[1]
        # The API server reaches it as ever.
        assert pod.address4 in cluster.kubectl("exec", pod.name, "--", "ip", "address")
        for other in (near, new, *olds):
            if other is not pod:
                wait_for(lambda: pod.ping(other.address4, wait=1))
                assert source_seen(pod, other, other.address6) == pod.address6
                assert source_seen(other, pod, pod.address4) == other.address4
        assert source_seen(pod, cluster.plane.node, INTERNET4) == node.address4
        assert source_seen(pod, cluster.plane.node, INTERNET6) == node.address6

    cluster.delete(*olds)
    wait_for(lambda: outside(node) == 0)
    former = [str(ipaddress.ip_interface(f"{pod.address4}/24").network[1]) for pod in olds]
    addresses = [a for pod in olds for a in (pod.address4, pod.address6)] + former

    def still_known():
        text = "\n".join([node.node.run("nft", "list", "ruleset").stdout, node.node.ip("route"),
                          node.node.ip("-6 route"), node.node.ip("address show dev cni0")])
        return [a for a in addresses if f"{a} " in text or f"{a}/" in text]

    # Neither rules nor routes know them after the next resync, which comes once a minute.
    wait_for(lambda: not still_known(), 90)
    assert near.ping(new.address4) and new.ping(near.address6) and new.ping(INTERNET4)
    cluster.delete(near, new)
