# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults on a cluster, in their real form: the agent is killed or replaced while pods
are busy, the API server is not reached, somebody flushes the rules."""
import time

import pytest
from kubernetes import API4, INTERNET4, NAMESPACE
from traffic import TCP, UDP, Ping, ask, serving

from harness.waiting import wait_for
from harness.wire import source_seen

DAEMONSET = f"kubectl -n {NAMESPACE} rollout {{}} daemonset/bridge-cni"


@pytest.fixture(scope="module")
def pods(bare, installation):
    """One on each node; the second one serves."""
    installation.ensure()
    one, two = made = bare.pods(*(bare.pod_object(node) for node in bare.nodes))
    with serving(two, 8080, 5353):
        yield one, two
    bare.delete(one, two)


@pytest.fixture
def busy(cluster, pods):
    """Meanwhile echo requests between the pods and to the outside are answered, all of them."""
    one, two = pods
    pings = [Ping(one, two.address4), Ping(one, two.address6), Ping(one, INTERNET4)]
    yield one, two
    time.sleep(1)
    for sent, lost in [ping.end() for ping in pings]:
        assert lost == 0 and sent > 15


def test_an_update_of_the_DaemonSet_costs_pods_no_packet(cluster, installation, busy):
    before = cluster.agents()
    installation.run(DAEMONSET.format("restart"))
    new, = cluster.pods(cluster.pod_object(cluster.nodes[0]))  # pods start meanwhile
    installation.run(DAEMONSET.format("status"))
    after = cluster.agents()
    assert all(after[name]["metadata"]["uid"] != before[name]["metadata"]["uid"]
               for name in before)
    assert new.ping(busy[1].address4)
    cluster.delete(new)


def test_an_agent_that_is_killed_is_started_again_and_costs_pods_no_packet(cluster, busy):
    node = cluster.nodes[0]
    count = node.agent_restarts()
    node.kill_agent()
    new, = cluster.pods(cluster.pod_object(node))  # nothing waits for the agent
    assert new.ping(busy[1].address4)
    wait_for(lambda: node.agent_restarts() > count and node.page("/readyz")[0] == 200, 90)
    cluster.delete(new)


def test_flushed_rules_and_routes_and_a_changed_kernel_parameter_come_back(cluster, pods):
    node, (one, two) = cluster.nodes[0], pods
    node.node.ip("route flush proto 98")
    node.node.nft("delete table inet bridge_cni")
    for key in ("bridge.bridge-nf-call-iptables", "ipv4.ip_forward"):
        node.node.sysctl(key, 0)
    wait_for(lambda: one.ping(INTERNET4, wait=1) and one.ping(two.address4, wait=1), 10)
    wait_for(lambda: node.node.sysctl("bridge.bridge-nf-call-iptables") == "1", 5)
    assert source_seen(one, two, two.address4) == one.address4


def test_metrics_and_pages_are_on_the_nodes_loopback_alone(cluster):
    for node in cluster.nodes:
        assert node.page("/healthz") == (200, "ok\n")
        assert node.page("/readyz") == (200, "ok\n")
        assert node.metrics()["bridge_cni_api_watching"] == 1
        for ns in (cluster.plane.node, node.node):
            with pytest.raises(OSError):
                ask(ns, node.address4, 9810, TCP)


def test_an_API_server_whose_packets_are_dropped_is_told_in_log_and_metrics(cluster, pods):
    """The node's own firewall drops what goes to it; pods and their Services go on."""
    node, (one, two) = cluster.nodes[0], pods
    before = node.agent_lines()
    node.node.nft("""
        table inet silence {
            chain output {
                type filter hook output priority 300
                tcp dport 6443 drop
            }
        }""")
    try:
        node.kill_agent()  # the next one begins with a list
        wait_for(lambda: node.agent_says("msg=bridge-cni-agent", before), 60)
        wait_for(lambda: node.metrics()["bridge_cni_api_failures_total"] >= 2, 60)
        told = node.agent_says("listing Nodes has failed", before)
        assert any("level=error" in line and API4 in line for line in told)
        assert node.metrics()["bridge_cni_api_watching"] == 0
        assert one.ping(two.address4) and one.ping(INTERNET4)
        assert ask(one, two.address4, 5353, UDP) == one.address4
    finally:
        node.node.nft("delete table inet silence")
    wait_for(lambda: node.metrics()["bridge_cni_api_watching"] == 1, 60)
    assert len(node.agent_says("the API server answers again", before)) == 1
    node.wait_for(lambda: cluster.is_ready(node))
