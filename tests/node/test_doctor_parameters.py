# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of kernel parameters: forwarding, filters, and the sizes of tables."""
import contextlib
import os

import pytest

from harness import distribution
from harness.doctor import all_mended, findings, mended, one, ours, told_and_mended, write
from harness.shown import NOBODY
from harness.node import UPLINK

pytestmark = pytest.mark.must_run


@pytest.mark.parametrize("key", ["ipv4.ip_forward", "ipv6.conf.all.forwarding"])
def test_forwarding_that_was_turned_off(healthy, key):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.sysctl(key, 0)
    found = findings(healthy, "forwarding")
    assert found and found[0]["level"] == "problem" and key.replace(".", "/") in found[0]["message"]
    for finding in found:
        healthy.run("sh", "-c", finding["command"])
    assert findings(healthy, "forwarding") == []


@pytest.mark.parametrize("ifname", ["cni0", UPLINK])
def test_forwarding_of_one_interface(healthy, ifname):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.sysctl(f"ipv4.conf.{ifname}.forwarding", 0)
    told_and_mended(healthy, "forwarding", "problem", ifname)


def test_proc_sys_is_read_only(healthy):
    healthy.run("mount", "--bind", "/proc/sys", "/proc/sys")
    healthy.run("mount", "-o", "remount,bind,ro", "/proc/sys")
    finding = one(healthy, "proc-sys", "problem", "read-only")
    assert {f["check"] for f in findings(healthy)} >= {"proc-sys", "forwarding"}
    mended(healthy, finding)


def test_strict_rp_filter_with_two_uplinks(healthy):
    healthy.ip("link add second type bridge")
    healthy.ip("addr add 203.0.113.2/24 dev second")
    healthy.ip("link set second up")
    healthy.ip("route add default via 203.0.113.1 metric 100")
    for name in ("all", UPLINK, "second"):
        healthy.sysctl(f"ipv4.conf.{name}.rp_filter", 0)
    assert findings(healthy, "rp-filter") == []
    healthy.sysctl("ipv4.conf.second.rp_filter", 1)
    told_and_mended(healthy, "rp-filter", "warning", "second")


def test_the_uplink_that_answers_leave_by_may_filter(healthy):
    healthy.ip("link add second type bridge")
    healthy.ip("addr add 203.0.113.2/24 dev second")
    healthy.ip("link set second up")
    healthy.ip("route add default via 203.0.113.1 metric 100")
    for name, value in {"all": 0, UPLINK: 1, "second": 2}.items():
        healthy.sysctl(f"ipv4.conf.{name}.rp_filter", value)
    assert findings(healthy, "rp-filter") == []


@pytest.mark.parametrize("where, named", [("cni0", "cni0"), ("all", "all interfaces")])
def test_the_node_takes_packets_with_its_own_addresses(healthy, where, named):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.sysctl(f"ipv4.conf.{where}.accept_local", 1)
    told_and_mended(healthy, "accept-local", "warning", f"accept_local of {named} is 1")


@pytest.mark.parametrize("where", ["cni0", "all"])
def test_the_node_answers_no_arp(healthy, where):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.sysctl(f"ipv4.conf.{where}.arp_ignore", 8)
    told_and_mended(healthy, "arp-ignore", "problem", "cni0")


def test_a_bridge_takes_router_advertisements(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.sysctl("ipv6.conf.cni0.accept_ra", 2)
    told_and_mended(healthy, "accept-ra", "warning", "cni0")


@pytest.mark.parametrize("pod_link, wrong, level", [("routed", 1, "problem"), ("bridged", 0, "warning")])
def test_bridge_nf(healthy, pod_link, wrong, level):
    if not healthy.call(os.path.exists, "/proc/sys/net/bridge"):
        raise distribution.Lacks("br_netfilter is not loaded")
    write(healthy, ours("v4", podLink=pod_link))
    healthy.sysctl("bridge.bridge-nf-call-iptables", wrong)
    told_and_mended(healthy, "bridge-nf", level, "bridge-nf-call-iptables")


def test_each_uplink_that_does_not_forward_is_told(healthy):
    healthy.add(healthy.pod(), ours("dual"))
    healthy.ip_batch(f"""
        link add uplink1 type bridge
        link set uplink1 up
        addr add 203.0.113.66/28 dev uplink1
        route replace default nexthop via 192.0.2.1 dev {UPLINK} nexthop via 203.0.113.65 dev uplink1
        """)
    for ifname in (UPLINK, "uplink1"):
        healthy.sysctl(f"ipv4.conf.{ifname}.forwarding", 0)
    assert len(findings(healthy, "forwarding")) == 2
    all_mended(healthy, "forwarding", "problem")


@contextlib.contextmanager
def stand_ins(node, **values):
    """Files in the place of kernel parameters that are the machine's, seen from the node alone."""
    for number, (key, value) in enumerate(values.items()):
        path = node.run_dir / f"parameter{number}"
        target = "/proc/sys/net/" + key.replace("__", "/")
        if not node.call(os.path.exists, target):
            directory = os.path.dirname(target)
            above = directory
            while not node.call(os.path.exists, above):
                above = os.path.dirname(above)
            node.run("mount", "-t", "tmpfs", "none", above)
            node.run("mkdir", "-p", directory)
            node.run("touch", target)
        path.write_text(f"{value}\n")
        node.run("mount", "--bind", f"/run/parameter{number}", target)
    yield


def test_the_connection_table_is_nearly_full(healthy):
    with stand_ins(healthy, netfilter__nf_conntrack_count=950, netfilter__nf_conntrack_max=1000):
        told_and_mended(healthy, "limits", "warning", "950 of 1000")


@pytest.mark.parametrize("key", ["ipv4__neigh__default__gc_thresh3", "core__netdev_max_backlog"])
def test_a_table_is_too_small_for_the_pods(healthy, key):
    for _ in range(3):
        healthy.add(healthy.pod(), ours("dual"))
    with stand_ins(healthy, **{key: 2}):
        told_and_mended(healthy, "limits", "warning", "3 pods")


def test_that_an_ordinary_user_writes_no_parameter_is_no_finding(healthy):
    healthy.sysctl("ipv6.conf.default.accept_ra", 1)
    healthy.run("chmod", "a+rx", "/run", "/run/net.d", "/run/bin")
    assert findings(healthy, "accept-ra", wrapper=NOBODY) == []


def test_a_default_route_that_ends_with_its_router_advertisement(healthy):
    healthy.sysctl("ipv6.conf.all.forwarding", 1)
    healthy.ip(f"-6 route add default via fe80::1 dev {UPLINK} proto ra metric 50")
    healthy.sysctl(f"ipv6.conf.{UPLINK}.accept_ra", 2)
    assert findings(healthy, "accept-ra") == []
    healthy.sysctl(f"ipv6.conf.{UPLINK}.accept_ra", 1)
    told_and_mended(healthy, "accept-ra", "warning", f"accept_ra of {UPLINK} is 1")


def test_a_bridge_would_take_router_advertisements(healthy):
    """Where parameters can be written, the first ADD sees to it."""
    healthy.sysctl("ipv6.conf.default.accept_ra", 1)
    healthy.sysctl("ipv6.conf.default.forwarding", 0)
    assert findings(healthy, "accept-ra") == []
    healthy.run("mount", "--bind", "-o", "ro", "/proc/sys", "/proc/sys")
    one(healthy, "accept-ra", "problem", "router advertisements of pods", "can't be written")
    healthy.run("umount", "/proc/sys")
    assert findings(healthy, "accept-ra") == []
