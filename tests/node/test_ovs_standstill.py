# SPDX-License-Identifier: GPL-2.0-or-later
"""A pod goes and comes again, with the same names, while ovs-vswitchd doesn't look. To the daemon its
port is the old one, unless it has seen that go; so ADD waits for that. With both datapaths; the kernel's
is in the virtual machine."""
import pytest
from test_ovs_life import collect

from harness import plugin
from harness.node import GATEWAY4
from harness.ovs import DATAPATHS, host_end, needs_ovs, ovs_network, switch_of
from harness.reboot import crash
from harness.waiting import wait_for

pytestmark = needs_ovs


@pytest.fixture(params=DATAPATHS)
def ovs(node, request):
    return switch_of(node, request.param)


def by_del(node, ovs, pod, conf):
    node.delete(pod, conf)
    return pod


def by_gc(node, ovs, pod, conf):
    if plugin.NEWEST < "1.1.0":
        pytest.skip("no GC")
    collect(node, conf)
    return pod


def by_another(node, ovs, pod, conf):
    """Somebody removes the port, and doesn't wait for the daemon; then comes the DEL."""
    ovs.vsctl("--no-wait", "del-port", *ovs.ports())
    return by_del(node, ovs, pod, conf)


def by_crash(node, ovs, pod, conf):
    """There is no DEL: the next ADD finds the port."""
    crash(pod)
    again = node.pod()
    again.id = pod.id
    return again


def by_refused_add(node, ovs, pod, conf):
    """The ADD after the DEL waits in vain, too."""
    node.delete(pod, conf)
    node.refused(pod, conf, plugin.TRY_AGAIN, "ovs-vswitchd")
    return pod


def begin(node, ovs, conf, *pods):
    """ADDs that have come to wait for the daemon; each may tell that it took a dead pod's part away."""
    finishes = [node.start("ADD", conf, pod) for pod in pods]
    wait_for(lambda: ovs.waiting() == len(pods))

    def results():
        ended = [finish() for finish in finishes]
        assert all(done.returncode == 0 for done in ended), ended
        return [plugin.one_document(done.stdout) for done in ended]
    return results


@pytest.mark.parametrize("goes", [by_del, by_gc, by_another, by_crash, by_refused_add])
def test_a_pod_that_comes_again_meanwhile_is_reached(node, ovs, goes):
    pod, conf = node.pod(), ovs_network()
    name = host_end(node.add(pod, conf))
    with ovs.standstill():
        pod = goes(node, ovs, pod, conf)
        finish = begin(node, ovs, conf, pod)
    [result] = finish()
    assert host_end(result) == name and pod.ping(GATEWAY4)
    node.check(pod, conf, result)
    node.delete(pod, conf, result)
    assert ovs.ports() == []


def test_a_pod_that_comes_again_before_another_daemon_has_seen_the_database_is_reached(node, ovs):
    pod, conf = node.pod(), ovs_network()
    node.add(pod, conf)
    ovs.stop_switch()
    with ovs.gate(b"{") as gate:  # its start takes nothing of the ADD's five seconds
        ovs.start_switch(gate.socket)
        gate.await_request()
        node.delete(pod, conf)
        finish = begin(node, ovs, conf, pod)
        gate.open()
        [result] = finish()
    assert pod.ping(GATEWAY4)
    node.check(pod, conf, result)


def test_others_that_come_meanwhile_are_reached(node, ovs):
    pods, conf = [node.pod() for _ in range(3)], ovs_network()
    for pod in pods:
        node.add(pod, conf)
    pods.append(node.pod())
    with ovs.standstill():
        for pod in pods[:2]:
            node.delete(pod, conf)
        finish = begin(node, ovs, conf, *pods[:2], pods[-1])
    finish()
    assert all(pod.ping(GATEWAY4) for pod in pods) and len(ovs.ports()) == 4


def test_an_add_ends_while_the_daemon_stands_still_and_leaves_nothing(node, ovs):
    pod, conf, trace = node.pod(), ovs_network(), node.directory / "trace"
    node.add(pod, conf)
    with ovs.standstill():
        node.delete(pod, conf)
        node.refused(pod, conf, plugin.TRY_AGAIN, "ovs-vswitchd does not answer within 5 seconds",
                     env=plugin.TRACED, wrapper=plugin.strace(trace, "poll"))
        # The database answers after the daemon's five seconds. That is waited for once.
        assert len([limit for limit, _ in plugin.polls(trace) if limit > 5000]) == 1
        assert ovs.ports() == []
        node.assert_nothing_left(pod)
    node.add(pod, conf)
    assert pod.ping(GATEWAY4)


def test_one_that_has_seen_all_is_not_waited_for_before_its_port(node, ovs):
    """An ADD waits for the daemon once where nothing was removed that it hasn't seen."""
    pod, conf = node.pod(), ovs_network()
    node.add(pod, conf)
    node.delete(pod, conf)
    ovs.settle()
    with ovs.standstill():
        finish = node.start("ADD", conf, pod)
        wait_for(lambda: ovs.waiting() == 1)
        assert len(ovs.ports()) == 1
    plugin.judge("ADD", finish(), conf["cniVersion"])
    assert pod.ping(GATEWAY4)
