# SPDX-License-Identifier: GPL-2.0-or-later
"""A node whose podCIDR has changed: an idle bridge of the network's own follows."""
import pytest

from harness import plugin
from harness.node import INTERNET4, network


def moved(subnet="10.7.0.0/24", **keys):
    return network(ipam={"ranges": [[{"subnet": subnet}]]}, **keys)


def gateways(node, bridge="cni0"):
    return node.addresses(bridge)


def test_an_idle_bridge_of_this_network_is_readdressed(node):
    pod, conf = node.pod(), network()
    node.add(pod, conf)
    node.delete(pod, conf)
    later = node.pod()
    node.add(later, moved())
    assert gateways(node) == ["10.7.0.1/24"]
    assert later.ping("10.7.0.1") and later.ping(INTERNET4)


def test_it_follows_again_and_back(node):
    for conf in (network(), moved(), moved("10.8.0.0/24"), network()):
        pod = node.pod()
        node.add(pod, conf)
        assert pod.ping(INTERNET4)
        node.delete(pod, conf)
    assert gateways(node) == ["10.1.2.1/24"]


def test_a_bridge_with_pods_is_left_and_the_error_names_both(node):
    pod, conf = node.pod(), network()
    node.add(pod, conf)
    with plugin.refusal(plugin.EXISTS, "10.1.2.1/24", "10.7.0.1/24", "cni0"):
        node.add(node.pod(), moved())
    assert gateways(node) == ["10.1.2.1/24"]
    assert pod.ping(INTERNET4)
    node.delete(pod, moved())
    node.add(node.pod(), moved())
    assert gateways(node) == ["10.7.0.1/24"]


def test_another_networks_idle_bridge_is_not_touched(node):
    pod, conf = node.pod(), network()
    node.add(pod, conf)
    node.delete(pod, conf)
    with plugin.refusal(plugin.EXISTS):
        node.add(node.pod(), moved(name="other"))
    assert gateways(node) == ["10.1.2.1/24"]


def test_an_address_that_somebody_else_gave_the_bridge_is_not_touched(node):
    conf = network()
    node.run("ip", "link", "add", "cni0", "type", "bridge")
    node.run("ip", "addr", "add", "10.1.2.1/24", "dev", "cni0")
    pod = node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    with pytest.raises(plugin.CniError):
        node.add(node.pod(), moved())
    assert gateways(node) == ["10.1.2.1/24"]


def test_DEL_of_a_pod_of_the_earlier_range_works(node):
    pod = node.pod()
    node.add(pod, network())
    node.delete(pod, moved())
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("damage", ["garbage\n\n\0\0", "cni0 10.1.2.1/24", "", "x" * 9000])
def test_a_damaged_list_of_gateways_harms_nothing(node, damage):
    pod, conf = node.pod(), network()
    node.add(pod, conf)
    node.delete(pod, conf)
    path = "/var/lib/cni/networks/.bridge-cni/testnet/gateways"
    node.run("tee", path, input=damage)
    pod = node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
