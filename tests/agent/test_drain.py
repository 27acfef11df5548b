# SPDX-License-Identifier: GPL-2.0-or-later
"""A node is drained under a Service's traffic. A PodDisruptionBudget holds the drain back while the
node agent is restarted and updated; a pod that may not be evicted stays connected meanwhile."""
import contextlib
import os
import shutil

from harness import snapshot
from harness.probes import Connection, ask_once, echo, echoing, nothing_lost
from harness.service import service
from harness.waiting import wait_for


class Deployment:
    """Three pods behind a Service, of which the budget lets one be away at a time. Evictions go as
    the API server and the kubelet have them: not below the budget; first the pod leaves the
    Service, then it ends, then its interface is deleted."""

    REPLICAS, MAX_UNAVAILABLE = 3, 1

    def __init__(self, nodes, client):
        self.nodes, self.client, self.pods = nodes, client, []
        self.servers = {}
        self.vip = None

    def start(self, node):
        pod = node.attach()
        self.servers[pod] = contextlib.ExitStack()
        self.servers[pod].enter_context(echoing(pod, 80, pod.name + node.name))
        self.pods.append(pod)
        self.lead_to(self.pods)
        return pod

    def lead_to(self, pods):
        for node in self.nodes:
            self.vip = service(node, [pod.address4 for pod in pods])

    def available(self):
        """Those that answer."""
        found = []
        for pod in self.pods:
            with contextlib.suppress(OSError):
                found += [pod] if ask_once(self.client, pod.address4, 80) else []
        return found

    def evict(self, pod, settle, delete):
        """False where the budget refuses it."""
        if len(self.available()) <= self.REPLICAS - self.MAX_UNAVAILABLE:
            return False
        self.pods.remove(pod)
        self.lead_to(self.pods)
        settle()  # connections of before have ended
        self.servers.pop(pod).close()
        delete(pod)
        return True

    def close(self):
        for server in self.servers.values():
            server.close()


def to(deployment, client, pod):
    """A connection by the Service that has come to this pod."""
    while True:
        connection = Connection(client, deployment.vip, 80)
        if connection.word == pod.name + pod.node.name:
            return connection
        connection.close()


def pod_deleted(pod):
    pod.node.detach(pod)


def namespace_gone_first(pod):
    """As some runtimes do."""
    pod.remove()
    pod.node.detach(pod)


def what_is_held(node):
    """The kernel's state, addresses in the store, and MAC addresses that are known for ports."""
    ports = [line for line in node.run("bridge", "fdb", "show", "br", "cni0").stdout.splitlines()
             if "dev veth" in line]
    return snapshot.kernel(node), node.reservations(node.conf()["name"]), ports


def restarted(node, *options):
    node.stop_agent()
    node.start_agent(*options)
    wait_for(node.ready)


def newer_bundle(node):
    directory = node.directory / "newer"
    shutil.copytree(node.cluster.bundle, directory)
    with open(directory / "bridge-cni", "ab") as file:
        file.write(b"\0")
    return directory


def cordon(node):
    def change(found):
        found["spec"]["unschedulable"] = True
        found["spec"]["taints"] = [{"key": "node.kubernetes.io/unschedulable",
                                    "effect": "NoSchedule"}]

    node.cluster.api.change(node.name, change)


def test_a_drain_that_a_budget_holds_back_keeps_the_pod_connected_and_ends_with_nothing_left(cluster):
    stays, leaves = nodes = cluster.ready(2)
    client, daemon = stays.attach(), leaves.attach()
    wait_for(lambda: daemon.ping(client.address6, wait=1))
    empty = what_is_held(leaves)
    deployment = Deployment(nodes, client)
    with contextlib.closing(deployment), contextlib.ExitStack() as connections:
        remaining, first, last = [deployment.start(node) for node in (stays, leaves, leaves)]
        lasting = [connections.enter_context(contextlib.closing(to(deployment, sender, remaining)))
                   for sender in (client, daemon, leaves)]
        held = connections.enter_context(contextlib.closing(to(deployment, client, last)))
        with nothing_lost(
                from_a_pod=lasting[0].ask, from_the_drained_nodes_pod=lasting[1].ask,
                from_the_drained_node=lasting[2].ask,
                new_ones=lambda: ask_once(client, deployment.vip, 80),
                new_ones_of_the_drained_nodes_pod=lambda: ask_once(daemon, deployment.vip, 80),
                packets=lambda: echo(daemon, client.address6)) as settle:
            cordon(leaves)
            assert deployment.evict(first, settle, pod_deleted)
            # The budget is used up now.
            with nothing_lost(connection=held.ask,
                              new_one=lambda: ask_once(client, last.address4, 80)):
                former = os.readlink(leaves.bin_dir / "bridge-cni")
                for options in ((), ("--bundle", str(newer_bundle(leaves)))):
                    assert not deployment.evict(last, settle, namespace_gone_first)
                    restarted(leaves, *options)
                assert os.readlink(leaves.bin_dir / "bridge-cni") != former
                assert not deployment.evict(last, settle, namespace_gone_first)
                # A cordoned node's pods are reached as before.
                assert stays.own_routes() == {leaves.cidrs[0]: leaves.address4,
                                              leaves.cidrs[1]: leaves.address6}
                deployment.start(stays)
            assert deployment.evict(last, settle, namespace_gone_first)
        assert {pod.node for pod in deployment.available()} == {stays}
    leaves.nft("delete table ip proxy")
    assert what_is_held(leaves) == empty
    leaves.detach(daemon)
    assert what_is_held(leaves)[1:] == ({}, [])
    for pod in (first, last, daemon):
        leaves.assert_nothing_left(pod)
