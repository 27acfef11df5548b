# SPDX-License-Identifier: GPL-2.0-or-later
"""Services by kube-proxy, which uses iptables on the first node and nftables on the second, and
host ports; with bridged pods and with routed ones. bridge-nf-call-iptables was 0 on both nodes
before bridge-cni came."""
import pytest
from kubernetes import PROXIES
from services import HOST_PORTS, PORTS, own, servers_on_nodes
from traffic import TCP, UDP, answered, ask

from harness.waiting import wait_for


@pytest.fixture(scope="module", params=["routed", "bridged"])
def link(request, bare, installation):
    """podLink of both nodes, which have no pods while it changes. The last one is the default."""
    installation.ensure()
    bare.clear()
    installation.configure(BRIDGE_CNI_POD_LINK=request.param)
    for node in bare.nodes:
        wait_for(lambda: node.pod_link() == request.param)
    return request.param


@pytest.fixture(scope="module")
def servers(bare, link):
    with servers_on_nodes(bare) as made:
        yield made


@pytest.fixture(scope="module")
def clients(bare, link):
    made = bare.pods(*(bare.pod_object(node) for node in bare.nodes))
    yield made
    bare.delete(*made)


@pytest.mark.parametrize("kind", [TCP, UDP], ids=["TCP", "UDP"])
@pytest.mark.parametrize("number", PROXIES, ids=PROXIES.values())
def test_a_Service_is_reached_from_its_pods_node_the_other_one_and_the_pod_itself(
        bare, servers, clients, number, kind):
    """By the proxy of the client's node. The pod sees the client's own address, also where
    both are on one node; of itself it sees another one, the gateway's."""
    client = clients[number - 1]
    for server in servers.values():
        for address in server.service:
            assert answered(client, address, PORTS[kind], kind) == own(client, address)
    node = bare.nodes[number - 1]
    for server in servers.values():
        for address in server.service:
            assert answered(node.node, address, PORTS[kind], kind)
    itself = servers[node.name]
    for address in itself.service:
        assert answered(itself, address, PORTS[kind], kind) != own(itself, address)


@pytest.mark.parametrize("kind", [TCP, UDP], ids=["TCP", "UDP"])
def test_a_node_port_of_either_node_leads_to_the_pod(bare, servers, kind):
    for server in servers.values():
        for node in bare.nodes:
            for address in (node.address4, node.address6):
                assert answered(bare.plane.node, address, server.node_ports[kind], kind)


@pytest.mark.parametrize("kind", [TCP, UDP], ids=["TCP", "UDP"])
def test_a_host_port_is_reached_from_outside_from_pods_and_on_the_node_itself(
        bare, servers, clients, kind):
    for server in servers.values():
        node = server.node
        for address in (node.address4, node.address6):
            outside = bare.plane.node
            assert ask(outside, address, HOST_PORTS[kind], kind) == (
                "2001:db8:aaaa::1" if ":" in address else "192.0.2.1")
            for client in clients:
                assert ask(client, address, HOST_PORTS[kind], kind)
            assert ask(node.node, address, HOST_PORTS[kind], kind)
        assert ask(node.node, "127.0.0.1", HOST_PORTS[kind], kind)


def test_a_pod_does_not_get_the_host_port_of_the_kubelet(cluster):
    node = cluster.nodes[0]
    wanted = cluster.pod_object(node, ports=[{"containerPort": 80, "hostPort": 10250}])
    name = wanted["metadata"]["name"]
    cluster.apply(wanted)
    try:
        wait_for(lambda: "tcp port 10250 is taken: kubelet" in cluster.events(name), 60, step=0.5)
    finally:
        cluster.kubectl("delete", "pod", name, "--grace-period=0", "--force")


def test_the_agents_have_set_both_kernel_parameters_as_the_pods_need_them(cluster, link):
    for node in cluster.nodes:
        for key in ("iptables", "ip6tables"):
            assert node.node.sysctl(f"bridge.bridge-nf-call-{key}") == (
                "1" if link == "bridged" else "0")
