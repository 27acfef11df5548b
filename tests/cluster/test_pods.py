# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods on two nodes: whom they reach and who sees which address, and what is left of one that
is deleted."""
import re

import pytest
from installation import documents
from kubernetes import INTERNET4, INTERNET6

from harness.wire import source_seen


@pytest.fixture(scope="module")
def pods(bare, installation):
    """Two on the first node, one on the second."""
    installation.ensure()
    one, two = bare.nodes
    made = bare.pods(*(bare.pod_object(node) for node in (one, one, two)))
    yield made
    bare.delete(*made)


def test_READMEs_commands_make_nodes_Ready_with_the_manifests_image_and_configuration(cluster):
    image = documents()["DaemonSet"]["spec"]["template"]["spec"]["containers"][0]["image"]
    for node in cluster.nodes:
        assert cluster.conditions(node)["Ready"]["status"] == "True"
        assert image in node.ctr("images", "ls", "-q").stdout.split()
        pod = cluster.agents()[node.name]
        assert pod["status"]["containerStatuses"][0]["image"] == image
        cidrs = cluster.get("node", node.name)["spec"]["podCIDRs"]
        assert node.ranges() == cidrs


def test_a_healthy_start_has_no_line_of_level_warn_or_error(cluster, installation):
    for lines in installation.first_output:
        assert lines
        assert [line for line in lines if re.search("level=(error|warn)", line)] == []


def test_pods_see_each_others_own_address_on_whichever_node(pods):
    for sender in pods:
        for receiver in pods:
            if sender is not receiver:
                for of in ("address4", "address6"):
                    seen = source_seen(sender, receiver, getattr(receiver, of))
                    assert seen == getattr(sender, of)


def test_nodes_and_pods_reach_each_other(cluster, pods):
    for node in cluster.nodes:
        for pod in pods:
            for of in ("address4", "address6"):
                assert node.node.ping(getattr(pod, of))
                assert pod.ping(getattr(node, of))


def test_the_outside_sees_the_nodes_address(cluster, pods):
    for pod in pods:
        outside = cluster.plane.node
        assert source_seen(pod, outside, INTERNET4) == pod.node.address4
        assert source_seen(pod, outside, INTERNET6) == pod.node.address6


def test_the_API_server_reads_a_pods_output_by_exec_and_logs(cluster, pods):
    """Which goes to the kubelet of the pod's node, and to the pod's own interface."""
    for pod in pods:
        out = cluster.kubectl("exec", pod.name, "--", "ip", "address", "show", "dev", "eth0")
        assert f"inet {pod.address4}/24" in out and f"inet6 {pod.address6}/64" in out


def test_of_a_deleted_pod_nothing_is_left(cluster):
    node = cluster.nodes[0]
    before = node.attachments()
    pod, = cluster.pods(cluster.pod_object(node))
    assert node.attachments() != before
    assert pod.address4 in node.reservations() and pod.address6 in node.reservations()
    cluster.delete(pod)
    node.wait_for_attachments(before)
    rules = node.node.run("nft", "list", "ruleset").stdout
    assert pod.address4 not in rules and pod.address6 not in rules


def test_many_pods_start_at_once_and_end_at_once(cluster):
    before = [node.attachments() for node in cluster.nodes]
    pods = cluster.pods(*(cluster.pod_object(node) for node in cluster.nodes for _ in range(6)))
    assert len({pod.address4 for pod in pods}) == len({pod.address6 for pod in pods}) == 12
    assert all(pod.ping(pods[0].address4) for pod in pods[1:])
    cluster.delete(*pods)
    for node, its in zip(cluster.nodes, before):
        node.wait_for_attachments(its)
