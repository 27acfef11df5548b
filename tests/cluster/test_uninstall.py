# SPDX-License-Identifier: GPL-2.0-or-later
"""bridge-cni leaves the cluster by the commands of deploy/README.md, in each way that it has."""
from harness.pages import commands, inline
from harness.waiting import wait_for

UNINSTALLING = "Uninstalling it"


def nobody_is_left(cluster):
    return not cluster.get("pods")["items"]


def test_drained_nodes_lose_all_of_it_one_after_the_other(leaving, installation):
    cluster = leaving
    begin, look, drain, end = commands(UNINSTALLING)[:4]
    for line in begin:
        installation.run(line)
    for _ in cluster.nodes:
        node = wait_for(cluster.its_turn, 60, step=0.2)
        assert node.name in installation.run(look[0])
        left = cluster.names_on(node)
        assert left and any(name in node.page("/readyz")[1] for name in left)
        for line in drain:
            installation.run(line, node)
        wait_for(lambda: node.made() == [], 60, step=0.5)
        wait_for(lambda: cluster.agent_is_ready(node), 60, step=0.5)
        assert cluster.names_on(node) == []
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
        assert cluster.names_on(node)
    logged = [len(node.log("containerd")) for node in cluster.nodes]
    installation.run("kubectl delete --ignore-not-found deployment/app daemonset/each")
    wait_for(lambda: nobody_is_left(cluster), step=0.5)
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
    orders = by_hand, [by_hand[1], by_hand[0], *by_hand[2:]]  # the configuration goes first
    for node, lines in zip(cluster.nodes, orders):
        before = node.attachments()
        refused = node.host.run(*by_hand[0].split(), check=False)
        assert refused.returncode == 1 and all(
            f"pod default/{name} eth0" in refused.stderr for name in cluster.names_on(node))
        assert node.attachments() == before
        for line in drain:
            installation.run(line, node)
        wait_for(lambda: not cluster.names_on(node), 60, step=0.5)
        for line in lines:
            node.host.run("sh", "-ec", line)
        assert node.made() == []
