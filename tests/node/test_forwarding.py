# SPDX-License-Identifier: GPL-2.0-or-later
"""Forwarding: of the node, of the bridge, of the uplink; and where /proc/sys is read-only."""
import json
import re
import os

import pytest

from harness import plugin, snapshot
from harness.command import command, repair, written
from harness.node import (GATEWAY4, INTERNET4, INTERNET6, UPLINK, addresses_of, network)

LAYER2 = {"isDefaultGateway": None, "ipMasq": None, "ipam": None}
FORCE = os.path.exists("/proc/sys/net/ipv6/conf/all/force_forwarding")
needs_force = pytest.mark.skipif(not FORCE, reason="this kernel has no force_forwarding")


def off_by_default(node):
    """The node forwards, but no interface that is made from now on."""
    node.sysctl("ipv4.ip_forward", 1)
    node.sysctl("ipv4.conf.default.forwarding", 0)


# -- the bridge


def test_a_bridge_that_is_made_forwards_though_interfaces_do_not_by_default(node):
    off_by_default(node)
    pod, conf = node.pod(), network("dual")
    result = node.add(pod, conf)
    assert node.sysctl("ipv4.conf.cni0.forwarding") == "1"
    assert node.sysctl("ipv4.conf.default.forwarding") == "0"
    assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
    node.check(pod, conf, result)


def test_a_bridge_whose_forwarding_was_turned_off_is_named_and_mended(node):
    pod, conf = node.pod(), network()
    result = node.add(pod, conf)
    for mend in (lambda: node.add(node.pod(), conf), lambda: repair(node, conf)):
        node.sysctl("ipv4.conf.cni0.forwarding", 0)
        with plugin.refusal(plugin.CHECK, "/proc/sys/net/ipv4/conf/cni0/forwarding 1, found 0"):
            node.check(pod, conf, result)
        mended = mend()
        assert pod.ping(INTERNET4)
        node.check(pod, conf, result)
    assert "ipv4/conf/cni0/forwarding" in "\n".join(mended)
    assert repair(node, conf) == ["nothing to mend"]


# -- the uplink


def two_uplinks(node):
    node.ip_batch("""
        link add uplink1 type veth peer name eth1 netns outside
        link set uplink1 up
        addr add 192.0.3.2/24 dev uplink1
        route replace default nexthop via 192.0.2.1 nexthop via 192.0.3.1
        """)
    return "uplink1"


@pytest.mark.parametrize("uplink", [lambda node: UPLINK, two_uplinks])
def test_an_uplink_that_does_not_forward_is_named_and_left_alone(node, uplink):
    pod, conf, name = node.pod(), network(), uplink(node)
    result = node.add(pod, conf)
    node.sysctl(f"ipv4.conf.{name}.forwarding", 0)
    with plugin.refusal(plugin.CHECK, f"ipv4/conf/{name}/forwarding 1, found 0", "dropped"):
        node.check(pod, conf, result)
    node.add(node.pod(), conf)
    done = command(node, "repair", *written(node, conf))
    assert (done.returncode, done.stdout) == (0, "nothing to mend\n")
    [line] = done.stderr.splitlines()  # once, not for each pod
    assert f"ipv4/conf/{name}/forwarding 1, found 0" in line
    assert node.sysctl(f"ipv4.conf.{name}.forwarding") == "0"
    node.sysctl(f"ipv4.conf.{name}.forwarding", 1)
    assert repair(node, conf) == ["nothing to mend"]


def test_a_node_that_forwards_interface_by_interface_is_left_so(node):
    node.sysctl("ipv4.ip_forward", 1)
    node.sysctl("ipv4.ip_forward", 0)
    node.sysctl("ipv4.conf.default.forwarding", 1)
    node.sysctl(f"ipv4.conf.{UPLINK}.forwarding", 1)
    pod, conf = node.pod(), network()
    result = node.add(pod, conf)
    assert node.sysctl("ipv4.ip_forward") == "0"
    assert pod.ping(INTERNET4)
    node.check(pod, conf, result)
    # As soon as one of them doesn't, the switch for all is what helps.
    node.sysctl("ipv4.conf.cni0.forwarding", 0)
    with pytest.raises(plugin.CniError) as error:
        node.check(pod, conf, result)
    error.value.says("ipv4/ip_forward")
    node.add(node.pod(), conf)
    assert node.sysctl("ipv4.ip_forward") == "1"
    node.check(pod, conf, result)


@needs_force
def test_IPv6_that_forwards_interface_by_interface_is_left_so(node):
    node.sysctl("ipv6.conf.default.force_forwarding", 1)
    node.sysctl(f"ipv6.conf.{UPLINK}.force_forwarding", 1)
    pod, conf = node.pod(), network("v6")
    result = node.add(pod, conf)
    assert node.sysctl("ipv6.conf.all.forwarding") == "0"
    assert pod.ping(INTERNET6)
    node.check(pod, conf, result)
    node.sysctl(f"ipv6.conf.{UPLINK}.force_forwarding", 0)
    with pytest.raises(plugin.CniError) as error:
        node.check(pod, conf, result)
    error.value.says("ipv6/conf/all/forwarding")
    node.add(node.pod(), conf)
    assert node.sysctl("ipv6.conf.all.forwarding") == "1"
    node.check(pod, conf, result)


# -- /proc/sys that is read-only, as in a container


def read_only(node):
    node.run("mount", "--bind", "/proc/sys", "/proc/sys")
    node.run("mount", "-o", "remount,bind,ro", "/proc/sys")


@pytest.fixture
def forwarding(node):
    """A node that forwards, whose parameters can't be written."""
    for key in ("ipv4.ip_forward", "ipv6.conf.all.forwarding"):
        node.sysctl(key, 1)
    read_only(node)
    return node


def connected(node, conf):
    """A pod, of which nothing is said but what can't be written in it."""
    pod = node.pod()
    done = node.invoke("ADD", conf, pod)
    assert done.returncode == 0, done
    for line in done.stderr.splitlines():
        assert re.search("ipv6/conf/eth0/(keep_addr_on_down|accept_ra): Read-only file system",
                         line)
    return pod, json.loads(done.stdout)


@pytest.mark.parametrize("keys", [LAYER2, {}], ids=["layer 2", "gateway"])
def test_what_is_right_already_need_not_be_written(forwarding, keys):
    node, conf = forwarding, network("dual", **keys)
    (first, result), (_, other) = connected(node, conf), connected(node, conf)
    assert "UP" in node.links()["cni0"]["flags"]
    for address in addresses_of(other) if other.get("ips") else []:
        assert first.ping(address)
    if conf.get("isDefaultGateway"):
        assert first.ping(INTERNET4) and first.ping(INTERNET6)
    node.check(first, conf, result)
    assert repair(node, conf) == ["nothing to mend"]
    node.delete(first, conf, result)
    node.assert_nothing_left(first, others=1)


def test_an_interface_that_would_take_router_advertisements_is_refused(node):
    read_only(node)
    pod, conf = node.pod(), network(**LAYER2)
    before = node.state()
    with plugin.refusal(plugin.IO, "ipv6/conf/cni0/accept_ra", "Read-only",
                        "BRIDGE_CNI_SYSCTL_ROOT", "net.ipv6.conf.default.accept_ra", "forwarding"):
        node.add(pod, conf)
    after = node.state()
    snapshot.assert_same(before["node"], after["node"])
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("key, value", [("ipv6.conf.default.accept_ra", 0),
                                        ("ipv6.conf.all.forwarding", 1)])
def test_what_the_message_names_helps_and_STATUS_tells_before(node, key, value):
    node.sysctl("ipv4.ip_forward", 1)
    read_only(node)
    conf = network()
    with plugin.refusal(plugin.UNAVAILABLE, "router advertisements",
                        "net.ipv6.conf." + key.split(".", 2)[2]):
        node._judged("STATUS", conf, None)
    node.run("umount", "/proc/sys")
    node.sysctl(key, value)
    read_only(node)
    node._judged("STATUS", conf, None)
    pod, _ = connected(node, conf)
    assert pod.ping(GATEWAY4) and pod.ping(INTERNET4)


def test_forwarding_that_is_off_and_can_not_be_turned_on_is_named(node):
    node.sysctl("ipv6.conf.all.forwarding", 1)
    read_only(node)
    pod, conf = node.pod(), network()
    with plugin.refusal(plugin.IO, "writing 1 to", "ipv4/ip_forward", "BRIDGE_CNI_SYSCTL_ROOT"):
        node.add(pod, conf)
    node.assert_nothing_left(pod)
    node.sysctl("ipv4.ip_forward", 1)
    pod, _ = connected(node, conf)
    assert pod.ping(GATEWAY4)


def test_another_mount_of_proc_sys_is_written_to(node):
    other = node.run_dir / "sysctl"
    other.mkdir()
    node.run("mount", "--bind", "/proc/sys/net", "/run/sysctl")
    read_only(node)
    pod = node.pod()
    node.add(pod, network("dual"), env={"BRIDGE_CNI_SYSCTL_ROOT": "/run/sysctl"})
    assert pod.ping(INTERNET4) and pod.ping(INTERNET6)
    assert node.sysctl("ipv6.conf.cni0.accept_ra") == "0"
    assert pod.sysctl("ipv6.conf.eth0.accept_ra") == "0"
