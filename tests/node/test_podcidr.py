# SPDX-License-Identifier: GPL-2.0-or-later
"""A node whose podCIDR has changed: an idle bridge of the network's own follows."""
import pytest

from harness import plugin
from harness.command import repair
from harness.node import INTERNET4, INTERNET6, network


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


# -- gateways that stand alone, as the node agent leaves those of former pods


ALONE = ["10.1.2.1/32", "fd00:1:2::1/128"]
DUAL = {"ipam": {"ranges": [[{"subnet": "10.7.0.0/24"}], [{"subnet": "fd00:7::/64"}]]}}


def stand_alone(node, result):
    """The gateways of the pod with this result keep no subnet, but a route to the pod."""
    for gateway in ("10.1.2.1/24", "fd00:1:2::1/64"):
        node.ip(f"addr del {gateway} dev cni0")
    for gateway, ip in zip(ALONE, result["ips"]):
        node.ip(f"addr add {gateway} dev cni0 nodad")
        node.ip(f"route add {ip['address'].split('/')[0]} dev cni0")
    node.uses(ALONE[1].split("/")[0])


def test_a_gateway_that_stands_alone_is_not_displaced_and_serves_its_pod(node):
    old, new = node.pod(), node.pod()
    conf, later = network("dual", forceAddress=True), network(forceAddress=True, **DUAL)
    result = node.add(old, conf)
    stand_alone(node, result)
    for _ in range(2):
        done = node.invoke("ADD", later, new)
        assert done.returncode == 0 and done.stderr == ""
        assert gateways(node) == [ALONE[0], "10.7.0.1/24", ALONE[1], "fd00:7::1/64"]
        for pod in (old, new):
            assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
        node.delete(new, later)
    # Back to the former subnets: the whole gateways come again.
    node.add(new, conf)
    assert {"10.1.2.1/24", "fd00:1:2::1/64"} < {*gateways(node)}
    assert old.ping(INTERNET4) and new.ping(INTERNET6)


def test_CHECK_wants_a_route_to_the_pod_of_a_gateway_that_stands_alone(node):
    pod, conf = node.pod(), network("dual")
    result = node.add(pod, conf)
    stand_alone(node, result)
    node.check(pod, conf, result)
    node.ip("route del 10.1.2.2")
    with plugin.refusal(plugin.CHECK, "10.1.2.0/24", "route"):
        node.check(pod, conf, result)


def test_repair_with_forceAddress_leaves_former_gateways_away_and_puts_back_the_others(node):
    pod = node.pod()
    node.add(pod, network("dual", forceAddress=True))
    later = network(forceAddress=True, ipam={"ranges": [
        [{"subnet": "10.7.0.0/24"}], [{"subnet": "fd00:1:2::/64"}]]})
    for harm in ("addr flush dev cni0 scope global", "link del cni0"):
        node.ip(harm)
        repair(node, later)
        assert gateways(node) == ["fd00:1:2::1/64"]
