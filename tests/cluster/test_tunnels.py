# SPDX-License-Identifier: GPL-2.0-or-later
"""Nodes in different subnets, between which whatever isn't sent from a node's InternalIP is
dropped: pods, nodes, Services and the API server reach what they are to reach by VXLAN."""
import contextlib
import ipaddress
import json
import os
import subprocess

import programs
import pytest
import webhook
from kubernetes import API4, INTERNET4, PROXIES, api_server
from services import HOST_PORTS, PORTS, TARGETS, own, servers_on_nodes
from subnets import Subnets
from traffic import TCP, UDP, answered, listening

from harness.node import OUTSIDE4, OUTSIDE6
from harness.waiting import wait_for
from harness.wire import source_seen

DEVICE, GUARD = "bcni-vxlan", "inet bridge_cni_tunnel"
KINDS = pytest.mark.parametrize("kind", [TCP, UDP], ids=["TCP", "UDP"])
FAMILIES = pytest.mark.parametrize("family", [4, 6])


@pytest.fixture(scope="module")
def subnets(bare, installation):
    """The second node in another subnet than the first one."""
    installation.ensure()
    bare.clear()
    made = Subnets(bare)
    try:
        made.move(bare.nodes[1])
        made.fabric.check_sources(routers=True, links=True)
        yield made
        bare.clear()
        made.move_back(bare.nodes[1])
    finally:
        made.close()


@pytest.fixture(scope="module")
def pods(bare, subnets):
    """One on each node, with a Service and host ports; they serve."""
    with servers_on_nodes(bare) as made:
        one, two = made.values()
        for address in (two.address4, two.address6):
            wait_for(lambda: one.ping(address, wait=1), 30)
        yield one, two


@pytest.fixture(scope="module", params=[0, 1, 2], ids="rp_filter={}".format)
def filtered(request, bare, pods):
    """The nodes' reverse path filter, of all interfaces; pods by node's number."""
    former = {}
    for node in bare.nodes:
        for name in ("all", "default", *node.node.links()):
            key = f"ipv4.conf.{name}.rp_filter"
            former[node, key] = node.node.sysctl(key)
            node.node.sysctl(key, request.param)
    yield dict(zip(PROXIES, pods))
    for (node, key), value in former.items():
        with contextlib.suppress(OSError):  # an interface may be gone
            node.node.sysctl(key, value)


def network_address(cluster, node, family):
    """Of the node's podCIDR, which its tunnel's device has."""
    cidrs = cluster.get("node", node.name)["spec"]["podCIDRs"]
    return next(c.split("/")[0] for c in cidrs if (":" in c) == (family == 6))


def of(thing, family):
    return getattr(thing, f"address{family}")


def test_the_network_between_the_nodes_drops_what_a_pod_sends_as_it_is(bare, subnets, pods):
    one, two = pods
    route = f"{two.address4}/32 via {OUTSIDE4} dev eth0"
    before = subnets.fabric.dropped()
    one.node.node.ip("route add", route)
    try:
        assert not one.ping(two.address4, wait=1)
    finally:
        one.node.node.ip("route del", route)
    assert subnets.fabric.dropped() > before


@FAMILIES
def test_pods_see_each_others_own_address(subnets, filtered, family):
    one, two = filtered.values()
    before = subnets.fabric.dropped()
    for sender, receiver in ((one, two), (two, one)):
        assert source_seen(sender, receiver, of(receiver, family)) == of(sender, family)
        assert answered(sender, of(receiver, family), TARGETS[TCP], TCP) == of(sender, family)
    assert subnets.fabric.dropped() == before


@FAMILIES
@pytest.mark.parametrize("number", PROXIES)
def test_a_node_reaches_a_remote_pod_with_its_devices_address(bare, filtered, number, family):
    node, remote = bare.nodes[number - 1], filtered[3 - number]
    wanted = network_address(bare, node, family)
    for kind in (TCP, UDP):
        assert answered(node.node, of(remote, family), TARGETS[kind], kind) == wanted


@KINDS
@FAMILIES
@pytest.mark.parametrize("number", PROXIES, ids=PROXIES.values())
def test_a_node_port_leads_a_client_outside_to_the_other_nodes_pod(
        bare, filtered, number, family, kind):
    """By the proxy of that node, which masquerades it."""
    node, remote = bare.nodes[number - 1], filtered[3 - number]
    assert answered(bare.plane.node, of(node, family), remote.node_ports[kind], kind) == (
        network_address(bare, node, family))


@KINDS
@pytest.mark.parametrize("number", PROXIES, ids=PROXIES.values())
def test_a_Service_leads_pods_and_nodes_to_the_other_nodes_pod(bare, filtered, number, kind):
    """UDP 53 is as a cluster's DNS."""
    client, remote = filtered[number], filtered[3 - number]
    for address in remote.service:
        assert answered(client, address, PORTS[kind], kind) == own(client, address)
        assert answered(client.node.node, address, PORTS[kind], kind) == (
            network_address(bare, client.node, 6 if ":" in address else 4))


@KINDS
@FAMILIES
def test_a_host_port_of_the_other_node_is_reached(bare, filtered, family, kind):
    for number, client in filtered.items():
        remote = filtered[3 - number]
        address = of(remote.node, family)
        # As everywhere outside of podCIDRs, the client's node is seen.
        assert answered(client, address, HOST_PORTS[kind], kind) == of(client.node, family)
        assert answered(client.node.node, address, HOST_PORTS[kind], kind) == (
            of(client.node, family))
        assert answered(bare.plane.node, address, HOST_PORTS[kind], kind) == (
            OUTSIDE6 if family == 6 else OUTSIDE4)


def test_pods_reach_the_API_server_by_its_Service_and_the_world(bare, filtered):
    for pod in filtered.values():
        done = pod.run("curl", "-sk", "-m", "10", f"https://{API4}/readyz")
        assert done.stdout == "ok"
        assert source_seen(pod, bare.plane.node, INTERNET4) == pod.node.address4


def test_kubectl_exec_logs_and_port_forward_reach_a_pod_of_each_node(bare, pods):
    talkers = [bare.pod_object(node) for node in bare.nodes]
    for pod in talkers:
        pod["spec"]["containers"][0]["command"] = ["sh", "-c", "echo here; exec sleep 36000"]
    made = bare.pods(*talkers)
    for pod in made:
        assert f"inet {pod.address4}/24" in bare.kubectl("exec", pod.name, "--", "ip", "address")
        wait_for(lambda: bare.kubectl("logs", pod.name) == "here\n")
        with listening(pod, "127.0.0.1", 8090), forwarded(bare, pod.name, "18090:8090"):
            assert answered(bare.plane.node, "127.0.0.1", 18090, TCP) == "127.0.0.1"
    bare.delete(*made)


@contextlib.contextmanager
def forwarded(cluster, name, ports):
    process = cluster.plane.host.popen(
        ["kubectl", "--kubeconfig", cluster.plane.kubeconfig, "port-forward", f"pod/{name}", ports],
        stdout=subprocess.DEVNULL, env={**os.environ, "PATH": programs.path()})
    try:
        yield
    finally:
        process.kill()
        process.wait(10)


# -- an API server on the first node's own network


@pytest.fixture(scope="module")
def hook(bare, pods):
    """The addresses from which the webhook is asked, whose pod is on the second node; and a
    function that runs kubectl with the API server of the first node."""
    node, pod = bare.nodes[0], pods[1]
    node.start("kube-apiserver", *api_server(bare.authority, bare.SERVICES, node.address4,
                                             "--endpoint-reconciler-type", "none"))

    def kubectl(*argv, **kw):
        return bare.plane.kubectl("--server", f"https://{node.address4}:6443",
                                  "--tls-server-name", "kubernetes", *argv, **kw)

    node.wait_for(lambda: kubectl("get", "--raw", "/readyz", check=False).returncode == 0, 120)
    made = webhook.objects(bare.authority, pod.object["metadata"]["labels"])
    bare.apply(*made)
    with webhook.answering(pod, bare.authority) as asked:
        yield asked, kubectl
    for one in made:
        bare.kubectl("delete", one["kind"], one["metadata"]["name"])
    node.stop("kube-apiserver")


def test_an_API_server_asks_a_webhook_whose_pod_is_on_the_other_node(bare, filtered, hook):
    asked, kubectl = hook
    asked.clear()

    def create(allowed):
        return kubectl("create", "-f", "-", check=False,
                       input=json.dumps(webhook.config_map("asked", allowed)))

    def is_denied():
        return "the pod says no" in create("no").stderr

    wait_for(is_denied, 30)  # the API server and the proxy may not know of the webhook yet
    done = create("yes")
    bare.kubectl("delete", "configmap", "asked")
    assert done.returncode == 0
    assert {*asked} == {network_address(bare, bare.nodes[0], 4)}


# -- what the agent's container may do, and does


def test_the_agents_may_read_Nodes_and_nothing_else(bare, subnets):
    rules = bare.get("clusterrole", "bridge-cni")["rules"]
    assert rules == [{"apiGroups": [""], "resources": ["nodes"],
                      "verbs": ["get", "list", "watch"]}]
    as_agent = "--as=system:serviceaccount:kube-system:bridge-cni"
    answers = {verb: bare.plane.kubectl("auth", "can-i", verb, "nodes", as_agent,
                                        check=False).stdout.strip()
               for verb in ("list", "patch", "update", "create", "delete")}
    assert answers.pop("list") == "yes" and {*answers.values()} == {"no"}


def is_guarded(node):
    """The guard's table lets the other node send what its pods send."""
    rules = node.node.run("nft", "list", "table", *GUARD.split(), check=False).stdout
    other = node.cluster.nodes[2 - node.number]
    first = ipaddress.ip_address(network_address(node.cluster, other, 4))
    return f"{other.address4} . {int(first):#x}" in rules  # where rules are raw, nft has it so


def test_the_guard_is_there_and_lets_pass_what_a_node_and_its_pods_send(bare, pods):
    for node in bare.nodes:
        wait_for(lambda: is_guarded(node), 10)


def test_a_device_that_is_deleted_comes_again_within_5_seconds(bare, pods):
    one, two = pods
    for node in bare.nodes:
        node.node.ip("link del", DEVICE)
        wait_for(lambda: one.ping(two.address4, wait=1) and one.ping(two.address6, wait=1), 5)
        assert source_seen(two, one, one.address4) == two.address4


def test_rules_that_are_flushed_come_again_within_5_seconds(bare, pods):
    one, two = pods
    for node in bare.nodes:
        try:
            node.node.run("nft", "flush", "ruleset")
            wait_for(lambda: is_guarded(node), 5)
            wait_for(lambda: one.ping(two.address4, wait=1) and one.ping(INTERNET4, wait=1), 5)
        finally:  # kube-proxy's go with them, and it waits longer until it looks
            node.stop("kube-proxy")
            node.start_proxy(PROXIES[node.number])
