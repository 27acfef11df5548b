# SPDX-License-Identifier: GPL-2.0-or-later
"""quietBridge in the agent's configuration, and the agent's repair of what it needs."""
import pytest

from harness.quiet import groups, groups_of, mac_of, neighbours, port_of, querier
from harness.waiting import wait_for
from test_guards import restarted, started, strip_guards
from test_template import Volume, first


@pytest.fixture
def volume(tmp_path):
    return Volume(tmp_path / "template")


def test_it_comes_with_the_check_of_MAC_addresses(cluster):
    """Elsewhere a pod may have other ones, and would be cut off."""
    node = cluster.node()
    assert started(node)["quietBridge"] is True
    assert "quietBridge" not in restarted(node, "--spoof-check", "false")
    assert restarted(node, "--mac-spoof-check", "true")["quietBridge"] is True
    assert "quietBridge" not in restarted(node)
    assert restarted(node, "--spoof-check", "true")["quietBridge"] is True


def test_a_node_that_was_there_before_and_checks_nothing_goes_on_without(cluster):
    node = cluster.node()
    started(node)
    node.stop_agent()
    strip_guards(node)
    assert "quietBridge" not in started(node)


def test_a_template_says_otherwise(cluster, volume):
    node = cluster.node()
    with_template = "--conflist-template", str(volume.file)
    volume.put(first(quietBridge=False))
    conf = started(node, *with_template)
    assert (conf["spoofCheck"], conf["quietBridge"]) == (True, False)
    volume.put(first(spoofCheck=False))
    wait_for(lambda: "quietBridge" not in node.conf())
    volume.put(first(spoofCheck=False, quietBridge=True))
    wait_for(lambda: node.conf().get("quietBridge") is True)
    volume.put(first(spoofCheck=True, vlanTrunk=[{"id": 100}]))
    wait_for(lambda: "vlanTrunk" in node.conf())
    assert "quietBridge" not in node.conf() and node.conf()["spoofCheck"] is True


HARM = {"down and up": ["cni0 down", "cni0 up"], "another MAC address": ["cni0 address {other}"]}


@pytest.mark.parametrize("what", HARM)
def test_a_bridge_that_has_lost_its_neighbours_has_them_back(cluster, what):
    """The repair that comes by itself comes once an hour here."""
    node = cluster.node()
    started(node, "--resync-seconds", "3600")
    pods = [node.attach(), node.attach()]
    known = {address: mac_of(pod.result) for pod in pods
             for address in (pod.address4, pod.address6)}
    wait_for(lambda: neighbours(node) == known and querier(node))
    for pod in pods:
        assert groups(node, port_of(pod.result)) == groups_of(pod.result)
    with node.asleep():
        for change in HARM[what]:
            node.ip("link set " + change.format(other="02:00:00:00:00:99"))
        assert neighbours(node) == {}
    for pod in pods:
        assert pod.ping(pods[0].address4) and pod.ping(pods[0].address6)
    wait_for(lambda: neighbours(node) == known)


def ordinary(node):
    """Address -> MAC address of those that the kernel may correct and forget."""
    return {n["dst"]: n.get("lladdr") for n in node.ip_json("neigh show dev cni0")
            if not {"PERMANENT", "NOARP"} & set(n["state"])}


def test_an_agent_that_ends_leaves_what_an_earlier_version_can_work_with(cluster):
    """That version's DEL takes no neighbours away, and its pods have no multicast groups."""
    node = cluster.node()
    started(node)
    pods = [node.attach(), node.attach()]
    known = {address: mac_of(pod.result) for pod in pods
             for address in (pod.address4, pod.address6)}
    node.ip("neigh add 10.244.1.99 dev cni0 lladdr 02:00:00:00:00:99 nud permanent")
    wait_for(lambda: known.items() <= neighbours(node).items() and querier(node))
    assert node.stop_agent() == 0
    assert neighbours(node) == {"10.244.1.99": "02:00:00:00:00:99"}, "another program's went"
    assert known.items() <= ordinary(node).items() and not querier(node)
    for pod in pods:
        for other in pods:
            assert pod.ping(other.address4) and pod.ping(other.address6)
        assert node.ping(pod.address4) and node.ping(pod.address6)
    gone, stays = pods
    node.detach(gone)
    gone.result = node.add(gone, {
        **node.conf(), "quietBridge": False, "capabilities": {"mac": True, "ips": True},
        "runtimeConfig": {"mac": "02:00:00:00:00:98",
                          "ips": [gone.address4 + "/24", gone.address6 + "/64"]}})
    for address in gone.address4, gone.address6:
        wait_for(lambda address=address: node.ping(address) and stays.ping(address))
    started(node)
    wait_for(lambda: querier(node) and neighbours(node) == {
        "10.244.1.99": "02:00:00:00:00:99", stays.address4: mac_of(stays.result),
        stays.address6: mac_of(stays.result)})
