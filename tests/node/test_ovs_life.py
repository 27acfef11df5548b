# SPDX-License-Identifier: GPL-2.0-or-later
"""Open vSwitch goes, hangs and comes back; pods and nodes go without a word; and nothing is left."""
import fcntl
import random
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import plugin
from harness.command import begin, repair, written
from harness.node import GATEWAY4, NETWORK, addresses_of, network
from harness.ovs import BRIDGE, host_end, needs_ovs, ovs_network
from harness.reboot import boot, crash
from harness.waiting import wait_for

pytestmark = needs_ovs


def collect(node, conf, *pods):
    """GC with these as the valid attachments."""
    return node._judged("GC", {**conf, "cni.dev/valid-attachments": [
        {"containerID": pod.id, "ifname": "eth0"} for pod in pods]}, None)


def test_a_database_that_is_restarted_is_found_again(node, ovs):
    one, two, conf = node.pod(), node.pod(), ovs_network()
    first = node.add(one, conf)
    ovs.stop_database()
    ovs.start_database()
    second = node.add(two, conf)
    assert one.ping(addresses_of(second)[0])
    node.check(one, conf, first)
    for pod, result in ((one, first), (two, second)):
        node.delete(pod, conf, result)
    assert ovs.ports() == []


def test_without_the_database_an_add_fails_at_once_and_leaves_nothing(node, ovs):
    pod, conf = node.pod(), ovs_network()
    ovs.stop_database()
    node.refused(pod, conf, plugin.TRY_AGAIN, "/var/run/openvswitch/db.sock")
    node.assert_nothing_left(pod)
    node.delete(pod, conf)  # nothing was made, so nothing is waited for


def test_without_the_database_del_takes_the_veth_and_the_next_one_the_port(node, ovs):
    pod, conf = node.pod(), ovs_network()
    result = node.add(pod, conf)
    ovs.stop_database()
    with plugin.refusal(plugin.TRY_AGAIN, host_end(result), "next DEL or GC"):
        node.delete(pod, conf, result)
    assert node.host_veths() == [] and "eth0" not in pod.links()
    assert node.reservations(), "nobody may have the address before the port is gone"
    ovs.start_database()
    node.delete(pod, conf, result)
    assert ovs.ports() == [] and node.reservations() == {}
    node.assert_nothing_left(pod)


def test_without_the_database_del_takes_the_veth_and_gc_the_port(node, ovs):
    if plugin.NEWEST < "1.1.0":
        pytest.skip("no GC")
    pod, conf = node.pod(), ovs_network()
    result = node.add(pod, conf)
    ovs.stop_database()
    with plugin.refusal(plugin.TRY_AGAIN):
        node.delete(pod, conf, result)
    ovs.start_database()
    collect(node, conf)
    assert ovs.ports() == []
    node.assert_nothing_left(pod)


def test_a_database_that_hangs_is_waited_for_so_long(node, ovs):
    pod, conf, trace = node.pod(), ovs_network(), node.directory / "trace"
    ovs.database.send_signal(signal.SIGSTOP)
    try:
        node.refused(pod, conf, plugin.TRY_AGAIN, "does not answer", env=plugin.TRACED,
                     wrapper=plugin.strace(trace, "poll"))
    finally:
        ovs.database.send_signal(signal.SIGCONT)
    [limit] = [limit for limit, reached in plugin.polls(trace) if reached]
    assert limit <= 3000
    node.assert_nothing_left(pod)


def test_a_database_that_hangs_is_waited_for_once_however_many_pods_are_gone(node, ovs):
    if plugin.NEWEST < "1.1.0":
        pytest.skip("no GC")
    with ovs.gate(b"nothing yet") as gate:
        conf = ovs_network(socket_file=gate.socket)
        pods = [node.pod() for _ in range(4)]
        for pod in pods:
            node.add(pod, conf)
        gate.held, before = b"{", gate.connections
        with plugin.refusal(plugin.TRY_AGAIN, "does not answer"):
            collect(node, conf)
        assert gate.connections == before + 1
        assert node.host_veths() == []
        gate.open()
        collect(node, conf)
    assert ovs.ports() == [] and node.reservations() == {}


def test_without_the_daemon_an_add_ends_and_leaves_no_port(node, ovs):
    pod, conf = node.pod(), ovs_network()
    ovs.stop_switch()
    node.refused(pod, conf, plugin.TRY_AGAIN, "ovs-vswitchd", "5 seconds")
    assert ovs.ports() == []
    node.assert_nothing_left(pod)


def test_others_need_not_wait_while_an_add_or_a_check_waits_for_the_daemon(node, ovs):
    """The GC of another network wants the node lock alone."""
    if plugin.NEWEST < "1.1.0":
        pytest.skip("no GC")
    pod, conf = node.pod(), ovs_network()
    result = node.add(pod, conf)
    ovs.stop_switch()
    for verb, one in (("ADD", node.pod()), ("CHECK", pod)):
        finish = node.start(verb, {**conf, "prevResult": result} if verb == "CHECK" else conf, one)
        wait_for(lambda: ovs.waiting() == 1)
        collect(node, network(name="side", bridge="cni7"))
        assert ovs.waiting() == 1, verb  # it waits still
        with plugin.refusal(plugin.TRY_AGAIN, "ovs-vswitchd"):
            plugin.judge(verb, finish(), conf["cniVersion"])


def test_others_need_not_wait_while_a_repair_waits_for_the_daemon(node, ovs):
    conf = ovs_network()
    node.add(node.pod(), conf)
    ovs.stop_switch()
    finish = begin(node, "repair", *written(node, conf))
    wait_for(lambda: ovs.waiting() == 1)
    node.add(node.pod(), network(name="side", bridge="cni7", isDefaultGateway=None, ipMasq=None))
    assert ovs.waiting() == 1  # it waits still
    done = finish()
    assert done.returncode == 1 and "ovs-vswitchd does not answer within 5 seconds" in done.stderr, done


def test_the_time_that_an_add_waits_for_the_node_lock_is_not_the_daemons(node, ovs):
    """It waits for a removal, then for the lock, and then for its port."""
    pod, conf = node.pod(), ovs_network()
    node.add(pod, conf)
    [path] = (node.run_dir / "bridge-cni").glob("*.lock")
    with open(path, "rb") as lock:
        with ovs.standstill():
            node.delete(pod, conf)
            finish = node.start("ADD", conf, pod)
            wait_for(lambda: ovs.waiting() == 1)
            fcntl.flock(lock, fcntl.LOCK_EX)  # which is free while the ADD waits for the daemon
        time.sleep(5.5)
        with ovs.standstill():
            fcntl.flock(lock, fcntl.LOCK_UN)
            wait_for(lambda: ovs.waiting() == 1)
    result = plugin.judge("ADD", finish(), conf["cniVersion"])
    node.check(pod, conf, result)


def test_check_asks_whether_the_daemon_answers(node, ovs):
    pod, conf = node.pod(), ovs_network()
    result = node.add(pod, conf)
    node.check(pod, conf, result)
    ovs.stop_switch()
    with plugin.refusal(plugin.TRY_AGAIN, "ovs-vswitchd"):
        node.check(pod, conf, result)
    node.delete(pod, conf, result)
    assert ovs.ports() == [], "the database alone is asked to remove a port"


def test_a_port_that_the_daemon_cannot_make_fails_the_add_in_its_words(node, ovs):
    """The daemon doesn't find the interface: somebody renames each host end as it comes."""
    pod, conf = node.pod(), ovs_network()
    with ovs.standstill():
        finish = node.start("ADD", conf, pod)
        wait_for(lambda: ovs.waiting() == 1)
        [name] = ovs.ports()
        node.ip_batch(f"""
            link set {name} down
            link set {name} name other0
            """)
    with plugin.refusal(plugin.KERNEL, name, "could not open network device"):
        plugin.judge("ADD", finish(), conf["cniVersion"])
    assert ovs.ports() == []


def test_a_port_that_a_killed_add_left_gives_way(node, ovs):
    pod, conf = node.pod(), ovs_network()
    result = node.add(pod, conf)
    node.delete(pod, conf, result)
    name = host_end(result)
    ids = {"owner": "bridge-cni", "network": NETWORK, "container": pod.id, "contIface": "eth0"}
    ovs.vsctl("--no-wait", "add-port", BRIDGE, name, "--", "set", "port", name,
              *(f"external_ids:{key}={value}" for key, value in ids.items()))
    again = node.add(pod, conf)
    assert host_end(again) == name and pod.ping(GATEWAY4)
    node.delete(pod, conf, again)
    assert ovs.ports() == []


def test_anothers_port_of_that_name_is_refused_and_stays(node, ovs):
    pod, conf = node.pod(), ovs_network()
    result = node.add(pod, conf)
    node.delete(pod, conf, result)
    name = host_end(result)
    ovs.vsctl("--no-wait", "add-port", BRIDGE, name)
    node.refused(pod, conf, plugin.EXISTS, name, "del-port")
    assert ovs.ports() == [name]
    node.delete(pod, conf)
    assert ovs.ports() == [name]


def test_after_a_reboot_ports_of_dead_pods_go_with_the_first_add(node, ovs):
    conf = ovs_network()
    pods = [node.pod() for _ in range(3)]
    for pod in pods:
        node.add(pod, conf)
    ovs.vsctl("add-port", BRIDGE, "mine0", "--", "set", "interface", "mine0", "type=internal")
    ovs.stop_switch()
    crash(*pods)
    boot(node)
    ovs.start_switch()
    wait_for(lambda: len([i for i in ovs.table("Interface", "error") if i["error"] != ["set", []]]) == 3)
    done = node.invoke("ADD", conf, node.pod())  # which tells of reservations that it gave back
    assert ovs.ports() == sorted([host_end(plugin.one_document(done.stdout)), "mine0"])


def test_a_dead_port_that_cannot_be_removed_keeps_no_other_pod_away(node, ovs):
    """Somebody has given the row that comes with a limit to a port of their own."""
    conf = ovs_network(capabilities={"bandwidth": True}, runtimeConfig={
        "bandwidth": {"ingressRate": 8000000, "ingressBurst": 80000}})
    pod, other = node.pod(), node.pod()
    name = host_end(node.add(pod, conf))
    ovs.vsctl("set", "port", BRIDGE, "qos=" + ovs.vsctl("get", "port", name, "qos"))
    node.ip("link", "del", name)
    wait_for(lambda: ovs.port(name)["ifindex"] == "0" or ovs.port(name)["error"] != "[]")
    done = node.invoke("ADD", ovs_network(), other)
    assert "ports of pods that are gone are left" in done.stderr, done
    node.check(other, ovs_network(), plugin.one_document(done.stdout))
    ovs.vsctl("clear", "port", BRIDGE, "qos")
    node.delete(pod, conf)
    assert name not in ovs.ports() and ovs.table("QoS", "type") == []


def test_pods_that_are_gone_leave_no_port_behind_gc_and_repair(node, ovs):
    conf = ovs_network()
    pods = [node.pod() for _ in range(3)]
    results = [node.add(pod, conf) for pod in pods]
    crash(*pods[:2])
    assert any("1 removed" in line or "2 removed" in line for line in repair(node, conf))
    assert ovs.ports() == [host_end(results[2])]
    if plugin.NEWEST >= "1.1.0":
        crash(pods[2])
        collect(node, conf)
        assert ovs.ports() == [] and node.reservations() == {}


def test_gc_leaves_the_ports_of_valid_pods_and_of_others(node, ovs):
    if plugin.NEWEST < "1.1.0":
        pytest.skip("no GC")
    conf = ovs_network()
    one, two = node.pod(), node.pod()
    first = node.add(one, conf)
    node.add(two, conf)
    ovs.vsctl("add-port", BRIDGE, "mine0", "--", "set", "interface", "mine0", "type=internal")
    collect(node, conf, one)
    assert ovs.ports() == sorted([host_end(first), "mine0"])
    node.check(one, conf, first)


def test_a_port_that_is_made_anew_meanwhile_is_not_taken_for_the_dead_one(node, ovs):
    """An ADD has read that the port's interface is gone. Before it goes on, the interface is
    there again, and its port."""
    node.add(node.pod(), ovs_network())
    pod, conf = node.pod(), ovs_network()
    name = host_end(node.add(pod, conf))
    node.ip("link", "del", name)
    wait_for(lambda: ovs.port(name)["ifindex"] == "0" or ovs.port(name)["error"] != "[]")
    with ovs.gate(b'"Port"') as gate:
        finish = node.start("ADD", ovs_network(socket_file=gate.socket), node.pod())
        gate.await_request()
        node.delete(pod, conf)
        result = node.add(pod, conf)
        assert host_end(result) == name
        gate.open()
        plugin.judge("ADD", finish(), conf["cniVersion"])
    node.check(pod, conf, result)


def test_many_pods_come_and_go_at_once(node, ovs):
    conf = ovs_network("dual")
    pods = [node.pod() for _ in range(12)]
    with ThreadPoolExecutor(6) as pool:
        results = list(pool.map(lambda pod: node.add(pod, conf), pods))
        assert len(ovs.ports()) == 12
        for _ in range(4):
            one, two = random.sample(range(12), 2)
            assert pods[one].ping(addresses_of(results[two])[0])
        list(pool.map(lambda n: node.delete(pods[n], conf, results[n]), range(12)))
    assert ovs.ports() == []
    for pod in pods:
        node.assert_nothing_left(pod)
