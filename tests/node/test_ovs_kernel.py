# SPDX-License-Identifier: GPL-2.0-or-later
"""Open vSwitch with its datapath in the kernel, which few kernels here have; the virtual machine's
has it."""
import pytest

from harness import plugin
from harness.command import command, written
from harness.node import GATEWAY4, INTERNET4, NODE4, addresses_of, named, network
from harness.ovs import BRIDGE, needs_ovs, ovs_network, switch_of
from harness.portmap import ask, served
from harness.transfer import transfer

pytestmark = needs_ovs


@pytest.fixture
def ovs(node):
    return switch_of(node, "system")


def test_pods_have_all_that_pods_on_a_linux_bridge_have(node, ovs):
    one, two = node.pod(), node.pod()
    conf = ovs_network("dual", capabilities={"portMappings": True}, runtimeConfig={
        "portMappings": [{"hostPort": 8080, "containerPort": 80, "protocol": "tcp"}]})
    first = node.add(one, conf)
    second = node.add(two, ovs_network("dual"))
    assert "tx-checksumming: on" in one.run("ethtool", "-k", "eth0").stdout
    for address in addresses_of(second):
        assert one.ping(address)
        transfer(one, two, address, 1 << 20)
    assert one.ping(GATEWAY4) and one.ping(INTERNET4)
    transfer(one, node.outside, INTERNET4, 1 << 20)
    with served(one, 80):
        assert ask(node.outside, NODE4, 8080)
    node.check(one, conf, first)
    node.delete(one, conf, first)
    node.delete(two, ovs_network("dual"), second)
    assert ovs.ports() == []


def test_vlans_keep_pods_apart(node, ovs):
    pods = [node.pod() for _ in range(3)]
    conf = ovs_network(isDefaultGateway=None, ipMasq=None)
    results = [node.add(pod, {**conf, "vlan": vlan}) for pod, vlan in zip(pods, (100, 100, 200))]
    assert pods[0].ping(addresses_of(results[1])[0])
    assert not pods[0].ping(addresses_of(results[2])[0], 0.5)


def test_rates_are_limited_both_ways(node, ovs):
    pod = node.pod()
    conf = ovs_network(capabilities={"bandwidth": True}, runtimeConfig={"bandwidth": {
        "ingressRate": 8000000, "ingressBurst": 80000, "egressRate": 8000000, "egressBurst": 80000}})
    result = node.add(pod, conf)
    node.check(pod, conf, result)
    assert pod.ping(GATEWAY4)
    name = named(result, False)[-1]["name"]
    assert "tbf" in node.run("tc", "qdisc", "show", "dev", name).stdout
    node.delete(pod, conf, result)
    assert ovs.table("QoS", "type") == []


def test_without_the_key_the_bridge_is_refused_with_the_key_to_set(node, ovs):
    node.refused(node.pod(), network(bridge=BRIDGE), plugin.EXISTS, BRIDGE, '"switch": "ovs"')


def test_show_tells_the_bridge_of_the_port(node, ovs):
    """To the kernel it is a port of ovs-system."""
    pod, conf = node.pod(), ovs_network()
    node.add(pod, conf)
    assert node.links()[ovs.ports()[0]]["master"] == "ovs-system"
    text = command(node, "show", pod.id, *written(node, conf)).stdout
    assert "ovs-system" not in text and f"port of {BRIDGE}, OpenFlow port" in text, text
