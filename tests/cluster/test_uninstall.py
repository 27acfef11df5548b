# SPDX-License-Identifier: GPL-2.0-or-later
"""bridge-cni leaves the cluster by the commands of deploy/README.md, in each way that it has."""
import contextlib

import pytest
from harness.pages import commands, inline
from harness.waiting import wait_for

UNINSTALLING = "Uninstalling it"


@pytest.fixture
def leaving(cluster, installation):
    """Agents that settle quickly; a Deployment and a DaemonSet, whose pods run. Afterwards
    nodes can be used again."""
    installation.configure(BRIDGE_CNI_UNINSTALL_LINGER_SECONDS="4")
    cluster.apply(cluster.workload("Deployment", "app", replicas=4),
                  cluster.workload("DaemonSet", "each"))
    for workload in ("deployment/app", "daemonset/each"):
        installation.run(f"kubectl rollout status {workload}")
    installation.installed = False
    yield cluster
    installation.run("kubectl delete --ignore-not-found deployment/app daemonset/each")
    for node in cluster.nodes:
        installation.run("kubectl uncordon NODE", node)
        with contextlib.suppress(AssertionError):  # not all tests have put one there
            installation.run("kubectl taint node NODE bridge-cni-", node)


def pods_of(cluster, node):
    """Names of the pods there that use the network."""
    return [p["metadata"]["name"] for p in cluster.get("pods")["items"]
            if p["spec"].get("nodeName") == node.name and p["status"].get("podIP")]


def nobody_is_left(cluster):
    return not cluster.get("pods")["items"]


def ready(cluster, node):
    return {c["type"]: c["status"] for c in cluster.agents()[node.name]["status"]["conditions"]
            }["Ready"] == "True"


def its_turn(cluster, done):
    """The node that the rollout has come to."""
    for node in cluster.nodes:
        if node not in done and "uninstall" in node.page("/readyz")[1]:
            return node
    return None


def test_drained_nodes_lose_all_of_it_one_after_the_other(leaving, installation):
    cluster, done = leaving, []
    begin, look, drain, end = commands(UNINSTALLING)[:4]
    for line in begin:
        installation.run(line)
    for _ in cluster.nodes:
        node = wait_for(lambda: its_turn(cluster, done), 60, step=0.2)
        assert node.name in installation.run(look[0])
        left = pods_of(cluster, node)
        assert left and any(name in node.page("/readyz")[1] for name in left)
        for line in drain:
            installation.run(line, node)
        wait_for(lambda: node.made() == [], 60, step=0.5)
        wait_for(lambda: ready(cluster, node), 60, step=0.5)
        assert pods_of(cluster, node) == []
        done.append(node)
    for line in end:
        installation.run(line)
    assert not cluster.agents()
    assert [node.made() for node in cluster.nodes] == [[], []]


def test_now_takes_the_network_from_all_pods_at_once_and_waits_for_their_end(
        leaving, installation):
    cluster = leaving
    # Until the kubelet has looked once for sandboxes that have ended.
    installation.configure(BRIDGE_CNI_UNINSTALL_LINGER_SECONDS="75")
    begin, _, _, end = commands(UNINSTALLING)[:4]
    installation.run(begin[0].replace("drain", "now"))
    installation.run(inline(UNINSTALLING, "kubectl -n kube-system delete pods"))
    for node in cluster.nodes:
        wait_for(lambda: "waits for these pods" in node.page("/readyz")[1], 60, step=0.2)
        wait_for(lambda: node.host_veths() == [], 60, step=0.2)
        assert pods_of(cluster, node)
    installation.run("kubectl delete --ignore-not-found deployment/app daemonset/each")
    wait_for(lambda: nobody_is_left(cluster), step=0.5)
    logged = [len(node.log("containerd")) for node in cluster.nodes]
    for node, before in zip(cluster.nodes, logged):
        wait_for(lambda: "uninstalled" in node.page("/readyz")[1], 120, step=0.5)
        assert "failed to destroy network" not in node.log("containerd")[before:]
        assert node.log("containerd")[before:].count("RemovePodSandbox for") >= 3
    for line in end:
        installation.run(line)
    assert [node.made() for node in cluster.nodes] == [[], []]


def test_nodes_whose_DaemonSet_is_gone_serve_pods_and_are_cleaned_up_by_hand(
        leaving, installation):
    cluster = leaving
    *_, end, drain, by_hand = commands(UNINSTALLING)
    installation.run(end[-1])
    wait_for(lambda: not cluster.agents())
    pods = cluster.pods(*(cluster.pod_object(node) for node in cluster.nodes))
    assert pods[0].ping(pods[1].address4) and pods[1].ping(pods[0].address6)
    cluster.delete(*pods)
    for node in cluster.nodes:
        before = node.attachments()
        refused = node.host.run(*by_hand[0].split(), check=False)
        assert refused.returncode == 1 and "left on network pods" in refused.stderr
        assert node.attachments() == before
        for line in drain:
            installation.run(line, node)
        wait_for(lambda: not pods_of(cluster, node), 60, step=0.5)
        for line in by_hand:
            node.host.run(*line.split())
        assert node.made() == []
