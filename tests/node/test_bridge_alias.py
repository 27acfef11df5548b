# SPDX-License-Identifier: GPL-2.0-or-later
"""The bridge's alias says what an ADD would have to look for at all ports."""
import re

import pytest

from harness import former, plugin
from harness.command import cleanup, command, lines_of, repair, written
from harness.node import network

BRIDGED, OTHERS = "bridge-cni: bridged", "bridge-cni: bridged, other ports"
NOBODYS = {
    "a macvlan": "link add lan0 link uplink0 master cni0 type macvlan mode bridge",
    "a VXLAN": "link add lan0 master cni0 type vxlan id 7 dstport 4789 local 192.0.2.2",
    "a tap": "tuntap add lan0 mode tap\nlink set lan0 master cni0",
    "a veth with both ends here": "link add lan0 master cni0 type veth peer name lan1",
}


def alias(node, bridge="cni0"):
    return node.links()[bridge].get("ifalias")


def alias_remove(node):
    node.run("ip", "link", "set", "cni0", "alias", "")


def dumps_of_links(node, conf, pod, tmp_path):
    """How often an ADD asks for a list of interfaces."""
    trace = tmp_path / "trace"
    node.add(pod, conf, env=plugin.TRACED, wrapper=plugin.strace(trace, "sendto"))
    wanted = r"nlmsg_type=(?:RTM_GETLINK|0x12)\b.*?NLM_F_REQUEST\|(?:NLM_F_DUMP|0x300)\b"
    return len(re.findall(wanted, trace.read_text()))


def gc(node, conf, *pods):
    valid = [{"containerID": pod.id, "ifname": "eth0"} for pod in pods]
    conf = {**conf, "cni.dev/valid-attachments": valid}
    plugin.judge("GC", node.invoke("GC", conf), conf["cniVersion"])


def test_a_bridge_that_is_made_says_that_it_is_bridged(node):
    node.add(node.pod(), network())
    assert alias(node) == BRIDGED


@pytest.mark.parametrize("port", NOBODYS)
def test_ports_that_are_no_pods_are_seen(node, port):
    node.ip("link add cni0 type bridge")
    node.ip_batch(NOBODYS[port])
    node.add(node.pod(), network())
    assert alias(node) == OTHERS


def test_pods_of_another_plugin_and_the_gateway_of_a_VLAN_are_no_such_ports(node):
    node.ip("link add cni0 type bridge")
    pod = node.pod()
    node.ip(f"link add veth8a1b master cni0 type veth peer name eth7 netns {pod.name}")
    node.ip("link add veth8a1c master cni0 type veth peer name cni0.100")
    node.add(pod, network())
    assert alias(node) == BRIDGED


def test_an_ADD_on_a_bridge_that_is_known_lists_no_interfaces(node, tmp_path):
    assert dumps_of_links(node, network(), node.pod(), tmp_path) > 0
    node.ip("link add lan0 master cni0 type vxlan id 7 dstport 4789")
    assert dumps_of_links(node, network(), node.pod(), tmp_path) == 0
    second = network(name="second", ipam={"ranges": [[{"subnet": "10.1.2.0/24",
                                                       "rangeStart": "10.1.2.200"}]]})
    assert dumps_of_links(node, second, node.pod(), tmp_path) == 0
    assert alias(node) == BRIDGED


def test_an_earlier_versions_bridge_is_looked_at_once(node, tmp_path):
    conf = network()
    node.add(node.pod(), conf)
    former.age(node, conf["name"])
    node.ip("link add lan0 master cni0 type vxlan id 7 dstport 4789")
    assert alias(node) is None
    assert dumps_of_links(node, conf, node.pod(), tmp_path) > 0
    assert alias(node) == OTHERS
    assert dumps_of_links(node, conf, node.pod(), tmp_path) == 0


def by_gc(node, conf, pod):
    gc(node, conf, pod)


def by_repair(node, conf, pod):
    line, = repair(node, conf)
    assert ": bridge cni0: " in line


@pytest.mark.parametrize("verb", [by_gc, by_repair])
def test_a_port_that_came_or_went_later_is_seen(node, verb):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.ip("link add lan0 master cni0 type vxlan id 7 dstport 4789")
    verb(node, conf, pod)
    assert alias(node) == OTHERS
    node.ip("link del lan0")
    verb(node, conf, pod)
    assert alias(node) == BRIDGED
    alias_remove(node)
    verb(node, conf, pod)
    assert alias(node) == BRIDGED


def test_repair_of_a_bridge_without_pods_puts_it_right_as_well(node):
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    node.ip("link add lan0 master cni0 type vxlan id 7 dstport 4789")
    assert repair(node, conf) == [f'testnet: bridge cni0: its alias is "{OTHERS}"']
    assert repair(node, conf) == ["nothing to mend"]


@pytest.mark.parametrize("words", ["the lab's bridge", BRIDGED + ", it is said"])
def test_somebodys_own_alias_stays_and_each_ADD_looks_at_the_ports(node, tmp_path, words):
    node.ip("link add cni0 type bridge")
    node.run("ip", "link", "set", "cni0", "alias", words)
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    assert dumps_of_links(node, conf, node.pod(), tmp_path) == 1
    node.ip("link add lan0 master cni0 type vxlan id 7 dstport 4789")
    assert repair(node, conf) == ["nothing to mend"]
    gc(node, conf, pod)
    assert lines_of(command(node, "cleanup", "--force", *written(node, conf)))
    assert alias(node) == words


def test_a_bridge_that_cleanup_leaves_has_no_alias_of_ours(node):
    node.ip("link add cni0 type bridge")
    conf, pod = network(), node.pod()
    node.add(pod, conf)
    assert alias(node) == BRIDGED
    node.delete(pod, conf)
    cleanup(node, conf)
    assert alias(node) is None


def test_CHECK_does_not_mind_an_alias_that_is_missing(node):
    conf, pod = network(), node.pod()
    result = node.add(pod, conf)
    alias_remove(node)
    node.check(pod, conf, result)
