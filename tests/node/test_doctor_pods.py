# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of pods that are cut off, while the node's side is right."""
import time

import pytest

from harness import plugin, snapshot
from harness.doctor import findings, one, ours, write
from harness.quiet import inner
from harness.waiting import wait_for

pytestmark = pytest.mark.must_run

NEW = 10.5  # seconds in which an ADD may be at work still


def test_pods_that_are_cut_off_in_the_pod(healthy):
    pods = [healthy.pod() for _ in range(4)]
    for pod in pods:
        healthy.add(pod, ours("dual"))
    pods[0].ip("link del eth0")
    pods[1].ip("link set eth0 down")
    wait_for(lambda: len(healthy.host_veths()) == 3)
    # An ADD at work has as much of a pod.
    assert findings(healthy, "pods") == []
    time.sleep(NEW)
    gone, down = findings(healthy, "pods")
    assert (gone["level"], down["level"]) == ("problem", "problem")
    assert pods[0].id in gone["message"] and "lost its interface" in gone["message"]
    assert pods[1].id in down["message"] and "its end of its interface down" in down["message"]
    assert "delete it" in down["advice"]
    healthy.delete(pods[0], ours("dual"))
    pods[2].ip("link set eth0 down")
    one(healthy, "pods", "problem", "2 pods")
    for pod in pods[1:3]:
        pod.ip("link set eth0 up")
    assert findings(healthy, "pods") == []


def test_pods_whose_interface_is_to_be_down(healthy):
    conf = ours("v4", disableContainerInterface=True, ipMasq=False, isDefaultGateway=False)
    conf.pop("ipam")
    write(healthy, conf)
    healthy.add(healthy.pod(), conf)
    [port] = healthy.host_veths()
    assert "LOWER_UP" not in healthy.links()[port]["flags"]
    time.sleep(NEW)
    assert findings(healthy, "pods") == []


STRANGER = "02:00:00:00:00:55"


def macvlan(pod):
    inner(pod, STRANGER)


def bridge(pod):
    pod.ip(f"link add vrrp address {STRANGER} type bridge")
    pod.ip("link set eth0 master vrrp")


def tap(pod):
    """As in KubeVirt: the bridge has the interface's address, the machine's tap another one."""
    pod.ip(f"link add inside address {pod.links()['eth0']['address']} type bridge")
    pod.ip("link set eth0 master inside")
    pod.ip(f"link add vrrp address {STRANGER} type veth peer name machine")
    pod.ip("link set vrrp master inside")


@pytest.mark.parametrize("kind", [macvlan, bridge, tap])
def test_quiet_pods_that_send_from_several_MAC_addresses(healthy, kind):
    conf = ours("dual", quietBridge=True)
    write(healthy, conf)
    pods = [healthy.pod() for _ in range(3)]
    for pod in pods:
        healthy.add(pod, conf)
    pods[2].ip("link add other type veth peer name far")  # send nothing by eth0
    assert findings(healthy, "quiet-pods") == []
    kind(pods[0])
    before = snapshot.take(healthy)
    finding = one(healthy, "quiet-pods", "problem", pods[0].id, "vrrp", STRANGER, "eth0", "quietBridge")
    assert "others" not in finding["message"] and "QUIET BRIDGE" in finding["advice"]
    snapshot.assert_same(before, snapshot.take(healthy))
    kind(pods[1])
    one(healthy, "quiet-pods", "problem", "and others")
    for pod in pods[:2]:
        pod.ip("link del vrrp")
        pod.ip("link set eth0 nomaster")
    assert findings(healthy, "quiet-pods") == []


@pytest.mark.parametrize("by_bridge", [False, True], ids=["of the interface", "of a bridge in the pod"])
def test_a_quiet_pods_macvlan_that_is_in_another_namespace(healthy, by_bridge):
    """As a container in the pod has one."""
    conf, pod, container = ours("dual", quietBridge=True), healthy.pod(), healthy.pod()
    write(healthy, conf)
    result = healthy.add(pod, conf)
    if by_bridge:
        pod.ip(f"link add inside address {pod.links()['eth0']['address']} type bridge")
        pod.ip("link set eth0 master inside")
        pod.ip("link set inside up")
    assert findings(healthy, "quiet-pods") == []
    healthy.check(pod, conf, result)
    pod.ip(f"link add link {'inside' if by_bridge else 'eth0'} name vrrp netns {container.path} "
           f"address {STRANGER} type macvlan mode bridge")
    container.ip("link set vrrp up")
    one(healthy, "quiet-pods", "problem", pod.id, STRANGER, "another namespace", "eth0")
    with plugin.refusal(plugin.CHECK, STRANGER, "another namespace"):
        healthy.check(pod, conf, result)
    container.ip("link del vrrp")
    assert findings(healthy, "quiet-pods") == []
    healthy.check(pod, conf, result)


def test_such_pods_are_right_without_quietBridge(healthy):
    conf, pod = ours("dual"), healthy.pod()
    healthy.add(pod, conf)
    macvlan(pod)
    assert findings(healthy, "quiet-pods") == []
