# SPDX-License-Identifier: GPL-2.0-or-later
"""`bridge-cni doctor` of networks on a bridge of Open vSwitch."""
import time

import pytest

from harness.doctor import findings, one, ours, told_and_mended, write
from harness.ovs import BRIDGE, needs_ovs
from harness.reboot import crash
from harness.waiting import wait_for

pytestmark = needs_ovs

CHECK = "open-vswitch"
NEW = 10.5  # seconds in which an ADD may be at work still


@pytest.fixture
def conf(node):
    conf = ours("v4", switch="ovs", bridge=BRIDGE)
    write(node, conf)
    return conf


def test_nothing_is_said_of_one_that_serves(node, ovs, conf):
    assert findings(node, CHECK) == []
    pod = node.pod()
    node.add(pod, conf)
    assert findings(node, CHECK) == [] and findings(node, "bridge") == []


def test_nobody_is_asked_where_no_network_is_on_it(node):
    write(node, ours("v4"))
    assert findings(node, CHECK) == []


def test_a_database_that_does_not_answer(node, ovs, conf):
    ovs.stop_database()
    found = one(node, CHECK, "problem", "/var/run/openvswitch/db.sock")
    assert "start Open vSwitch" in found["advice"]


def test_a_daemon_that_does_not_answer(node, ovs, conf):
    node.add(node.pod(), conf)
    ovs.stop_switch()
    found = one(node, CHECK, "problem", "ovs-vswitchd does not answer")
    assert "start Open vSwitch" in found["advice"]
    ovs.start_switch()
    wait_for(lambda: findings(node, CHECK) == [])
    assert findings(node, "bridge") == []


def test_a_bridge_that_is_missing(node, ovs, conf):
    ovs.vsctl("del-br", BRIDGE)
    found = one(node, CHECK, "problem", BRIDGE, "every ADD fails")
    assert found["command"] == f"ovs-vsctl add-br {BRIDGE}"
    ovs.bridge()
    assert findings(node, CHECK) == []


def test_a_secure_bridge_without_a_controller(node, ovs, conf):
    ovs.vsctl("set-fail-mode", BRIDGE, "secure")
    told_and_mended(node, CHECK, "warning", BRIDGE, 'fail_mode "secure"')
    ovs.vsctl("set-fail-mode", BRIDGE, "secure")
    ovs.vsctl("set-controller", BRIDGE, "tcp:127.0.0.1:6653")
    assert findings(node, CHECK) == []


def test_ports_of_pods_that_are_gone(node, ovs, conf):
    pods = [node.pod() for _ in range(3)]
    results = [node.add(pod, conf) for pod in pods]
    crash(*pods[:2])
    told_and_mended(node, CHECK, "warning", "2 ports of pods that are gone")
    assert ovs.ports() == [results[2]["interfaces"][0]["name"]]


def test_a_pod_that_lost_its_port(node, ovs, conf):
    pod = node.pod()
    name = node.add(pod, conf)["interfaces"][0]["name"]
    ovs.vsctl("del-port", name)
    assert findings(node, CHECK) == [], "an ADD at work has as much of a pod"
    time.sleep(NEW)
    told_and_mended(node, CHECK, "problem", name, pod.id, "no port of Open vSwitch")
    assert ovs.ports() == [name]


def test_the_socket_of_the_network_is_asked(node, ovs, conf):
    node.run("mv", "/run/openvswitch/db.sock", "/run/other.sock")
    one(node, CHECK, "problem", "/var/run/openvswitch/db.sock")
    write(node, {**conf, "socket_file": "unix:/run/other.sock"})
    assert findings(node, CHECK) == []
    ovs.socket = "/run/other.sock"
    ovs.vsctl("set-fail-mode", BRIDGE, "secure")
    found = one(node, CHECK, "warning", "secure")
    assert found["command"] == f"ovs-vsctl --db=unix:/run/other.sock set-fail-mode {BRIDGE} standalone"
