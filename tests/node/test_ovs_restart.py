# SPDX-License-Identifier: GPL-2.0-or-later
"""Open vSwitch is started again, or its database is a new one: what CHECK, repair, DEL and GC
say, and do. With both datapaths; the kernel's is in the virtual machine."""
import pytest

from harness import plugin
from harness.command import command, repair, written
from harness.former import redirect_as_before
from harness.node import GATEWAY4, addresses_of, network
from harness.ovs import BRIDGE, DATAPATHS, host_end, needs_ovs, ovs_network, switch_of
from harness.waiting import wait_for
from test_ovs_life import collect

pytestmark = needs_ovs


@pytest.fixture(params=DATAPATHS)
def ovs(node, request):
    return switch_of(node, request.param)


def rates(**limits):
    return ovs_network(capabilities={"bandwidth": True}, runtimeConfig={"bandwidth": limits})


RECEIVED = {"ingressRate": 8000000, "ingressBurst": 80000}
SENT = {"egressRate": 8000000, "egressBurst": 80000}


def test_a_daemon_that_is_started_again_has_the_pods_again(node, ovs):
    one, two, conf = node.pod(), node.pod(), ovs_network()
    first, second = node.add(one, conf), node.add(two, conf)
    ovs.restart_switch()
    wait_for(lambda: one.ping(addresses_of(second)[0]))
    assert repair(node, conf) == ["nothing to mend"]
    for pod, result in ((one, first), (two, second)):
        wait_for(lambda: pod.ping(GATEWAY4))
        node.check(pod, conf, result)
        node.delete(pod, conf, result)
    assert ovs.ports() == []


def test_an_emergency_reset_leaves_pods_as_they_are(node, ovs):
    pod, conf = node.pod(), ovs_network()
    result = node.add(pod, conf)
    ovs.vsctl("emer-reset")
    node.check(pod, conf, result)
    assert pod.ping(GATEWAY4)
    assert repair(node, conf) == ["nothing to mend"]
    node.delete(pod, conf, result)
    assert ovs.ports() == []


def test_with_a_new_database_each_verb_says_that_there_is_no_bridge(node, ovs):
    one, two, conf = node.pod(), node.pod(), ovs_network()
    first = node.add(one, conf)
    node.add(two, conf)
    ovs.empty_database()
    with plugin.refusal(plugin.CHECK, BRIDGE, "ovs-vsctl add-br"):
        node.check(one, conf, first)
    node.refused(node.pod(), conf, plugin.TRY_AGAIN, BRIDGE, "ovs-vsctl add-br")
    done = command(node, "repair", *written(node, conf))
    assert done.returncode == 1 and "ovs-vsctl add-br" in done.stderr, done
    node.delete(one, conf, first)  # nothing is there to be taken from it
    node.assert_nothing_left(one, others=1)
    if plugin.NEWEST >= "1.1.0":
        collect(node, conf)
        node.assert_nothing_left(two)
        assert node.reservations() == {}


def test_repair_makes_the_ports_anew_in_a_new_database(node, ovs):
    one, two, conf = node.pod(), node.pod(), ovs_network()
    results = [node.add(pod, conf) for pod in (one, two)]
    ovs.empty_database()
    ovs.bridge()
    with plugin.refusal(plugin.CHECK, BRIDGE):
        node.check(one, conf, results[0])
    lines = repair(node, conf)
    assert len([line for line in lines if "again" in line]) == 2, lines
    assert ovs.ports() == sorted(map(host_end, results))
    ovs.settle()
    for pod, result in zip((one, two), results):
        wait_for(lambda: pod.ping(GATEWAY4))
        node.check(pod, conf, result)
    assert repair(node, conf) == ["nothing to mend"]
    for pod, result in zip((one, two), results):
        node.delete(pod, conf, result)
    assert ovs.ports() == []


def test_a_limit_on_what_the_pod_receives_survives_a_restart(node, ovs):
    pod, conf = node.pod(), rates(**RECEIVED)
    result = node.add(pod, conf)
    ovs.restart_switch()
    repair(node, conf)
    node.check(pod, conf, result)
    assert "tbf" in node.run("tc", "qdisc", "show", "dev", host_end(result)).stdout
    ovs.empty_database()
    ovs.bridge()
    repair(node, conf)
    ovs.settle()
    repair(node, conf)
    node.check(pod, conf, result)
    assert "tbf" in node.run("tc", "qdisc", "show", "dev", host_end(result)).stdout
    node.delete(pod, conf, result)
    assert ovs.table("QoS", "type") == []


@pytest.mark.parametrize("ovs", ["netdev"], indirect=True)
def test_a_daemon_leaves_the_redirection_of_what_a_pod_sends_alone(node, ovs):
    """The pod is one of a Linux bridge, as its limit is refused in user space. When a daemon is started
    it deletes the qdisc of kind ingress of each of its ports, with both datapaths."""
    pod = node.pod()
    node.add(pod, network(capabilities={"bandwidth": True}, runtimeConfig={"bandwidth": SENT}))
    [name] = node.host_veths()
    node.ip(f"link set {name} nomaster")
    ovs.vsctl("add-port", BRIDGE, name)
    ovs.restart_switch()
    assert "Egress Redirect" in node.run("tc", "filter", "show", "dev", name, "ingress").stdout


@pytest.mark.parametrize("ovs", ["system"], indirect=True)  # it is refused in user space
def test_a_limit_on_what_the_pod_sends_survives_a_restart(node, ovs):
    """A daemon that is started deletes the qdisc of kind ingress of each of its ports."""
    pod, conf = node.pod(), rates(**RECEIVED, **SENT)
    result = node.add(pod, conf)
    ovs.restart_switch()
    wait_for(lambda: pod.ping(GATEWAY4))
    node.check(pod, conf, result)
    assert repair(node, conf) == ["nothing to mend"]
    ovs.empty_database()
    ovs.bridge()
    repair(node, conf)  # which makes the port
    ovs.settle()
    node.check(pod, conf, result)
    assert repair(node, conf) == ["nothing to mend"]
    wait_for(lambda: pod.ping(GATEWAY4))
    node.delete(pod, conf, result)
    assert ovs.table("QoS", "type") == []


@pytest.mark.parametrize("ovs", ["system"], indirect=True)
def test_a_limit_of_an_earlier_version_is_lost_and_repair_makes_one_that_stays(node, ovs):
    pod, conf = node.pod(), rates(**SENT)
    result = node.add(pod, conf)
    redirect_as_before(node, *ovs.ports())
    node.check(pod, conf, result)
    ovs.restart_switch()
    with plugin.refusal(plugin.CHECK, "egressRate"):
        node.check(pod, conf, result)
    assert any("rates are limited again" in line for line in repair(node, conf))
    ovs.restart_switch()
    node.check(pod, conf, result)
    wait_for(lambda: pod.ping(GATEWAY4))
