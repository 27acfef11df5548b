# SPDX-License-Identifier: GPL-2.0-or-later
"""DEL, GC and a reclaim of pods on a macvlan: what they take, and whom they leave alone."""
import contextlib
import json
import os
import re
import subprocess

import pytest

from harness import command, netns, plugin
from harness.delegates import Delegate
from harness.node import UPLINK, addresses_of, network
from harness.reboot import reboot
from harness.waiting import wait_for

pytestmark = pytest.mark.must_run
# One address besides the gateway.
TIGHT = {"ranges": [[{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.2",
                      "rangeEnd": "10.1.2.2"}]]}


MASTER = "link add {0} type veth peer name {1}\nlink set {0} up\nlink set {1} up\n"


def macvlan(families="v4", **changes):
    return network(families, **{"type": "macvlan", "bridge": None, "isDefaultGateway": None,
                                "ipMasq": None, **changes})


def delegated(fake):
    return {**macvlan(), "ipam": {"type": fake.name}}


def served(node, conf, pod):
    """An ADD that may have words on stderr, and that waits until the kernel has done with a
    namespace that is gone."""
    done = []

    def serve():
        done.append(node.invoke("ADD", conf, pod))
        return done[-1].returncode == 0

    wait_for(serve)
    return json.loads(done[-1].stdout), done[-1].stderr


def gc(node, conf, *pods):
    valid = [{"containerID": pod.id, "ifname": "eth0"} for pod in pods]
    conf = {**conf, "cni.dev/valid-attachments": valid}
    return plugin.judge("GC", node.invoke("GC", conf), conf["cniVersion"])


class Held:
    """A process holds the pod's namespace, whose path is unmounted."""

    def __init__(self, node, pod):
        self.process = subprocess.Popen(["sleep", "600"], preexec_fn=lambda: netns.setns(
            pod.net_fd, netns.CLONE_NEWNET))
        pod.remove()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()


def test_DEL_deletes_the_link_and_can_be_repeated(node):
    pod, other, conf = node.pod(), node.pod(), macvlan()
    result = node.add(pod, conf)
    kept = node.add(other, conf)
    node.delete(pod, conf, result)
    assert list(pod.links()) == ["lo"]
    assert list(node.reservations()) == addresses_of(kept)
    node.delete(pod, conf, result)
    node.delete(pod, conf)
    node.check(other, conf, kept)
    node.delete(other, conf)
    for gone in (pod, other):
        node.assert_nothing_left(gone)


def test_DEL_has_deleted_the_link_when_it_returns(node):
    pod, conf = node.pod(), macvlan()
    for changes in ({}, {"delWaits": True}):
        node.add(pod, {**conf, **changes})
        node.delete(pod, {**conf, **changes})
        assert "eth0" not in pod.links()


def test_DEL_works_with_the_namespace_gone(node):
    pod, conf = node.pod(), macvlan()
    node.add(pod, conf)
    pod.remove()
    node.delete(pod, conf)
    assert node.reservations() == {}
    node.assert_nothing_left(pod)


def test_DEL_without_a_path_goes_to_the_namespace_of_the_record(node):
    pod, conf = node.pod(), macvlan()
    node.add(pod, conf)
    node.delete(pod, conf, env={"CNI_NETNS": ""})
    node.assert_nothing_left(pod)


def test_DEL_leaves_the_pod_that_has_the_path_by_now(node):
    pod, conf = node.pod("same"), macvlan()
    node.add(pod, conf)
    pod.remove()
    heir = node.pod("same")
    heir.ip_batch("link add eth0 type veth peer name eth1\n")
    node.delete(pod, conf)
    assert "eth0" in heir.links() and node.reservations() == {}
    heir.ip("link", "del", "eth0")
    node.run("ip", "link", "add", "link", UPLINK, "name", "eth0", "netns", heir.path, "type",
             "macvlan")
    node.add(node.pod(), conf)
    # The record tells the namespace, and this is another one.
    node.delete(pod, conf, env={"CNI_NETNS": ""})
    assert "eth0" in heir.links()


def test_DEL_finds_a_link_that_was_renamed(node):
    pod, conf = node.pod(), macvlan()
    node.add(pod, conf)
    pod.ip_batch("link set eth0 down\nlink set eth0 name net7\n")
    node.delete(pod, conf)
    assert list(pod.links()) == ["lo"]


def test_DEL_takes_the_switch_from_the_record(node):
    pod, conf = node.pod(), macvlan()
    node.add(pod, conf)
    node.delete(pod, network())
    assert list(pod.links()) == ["lo"] and node.reservations() == {}
    bridged = node.pod()
    node.add(bridged, network())
    node.delete(bridged, conf)
    node.assert_nothing_left(bridged)


def test_DEL_deletes_what_the_reference_made(node):
    pod, conf = node.pod(), macvlan()
    node.run("ip", "link", "add", "link", UPLINK, "name", "eth0", "netns", pod.path, "type",
             "macvlan", "mode", "bridge")
    node.delete(pod, conf)
    assert list(pod.links()) == ["lo"]


def test_DEL_leaves_a_link_of_another_kind_and_of_another_attachment(node):
    pod, conf = node.pod(), macvlan()
    pod.ip_batch("link add eth0 type veth peer name eth1\n")
    node.delete(pod, conf)
    assert "eth0" in pod.links()
    node.add(pod, conf, ifname="net1")
    node.delete(pod, {**conf, "name": "another"}, ifname="net1")
    assert "net1" in pod.links()


def test_what_a_killed_ADD_left_goes_with_the_next_DEL(node):
    pod, conf, seen = node.pod(), macvlan(), set()
    for number in range(1, 9):
        done = node.invoke("ADD", conf, pod, wrapper=(
            "strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto,sendmsg",
            "-e", f"inject=sendto,sendmsg:signal=KILL:when={number}"))
        link = pod.links().get("eth0", {})
        seen.add((bool(link), "ifalias" in link, done.returncode != 0))
        node.delete(pod, conf)
        node.assert_nothing_left(pod)
    # Killed before the link was made, once it was made, and with its alias.
    assert {(False, False, True), (True, False, True), (True, True, True)} <= seen
    result = node.add(pod, conf)
    node.check(pod, conf, result)


def test_GC_deletes_whom_the_runtime_doesnt_name(node):
    pods, conf = [node.pod() for _ in range(3)], macvlan()
    results = [node.add(pod, conf) for pod in pods]
    pods[1].remove()
    gc(node, conf, pods[2])
    assert list(pods[0].links()) == ["lo"]
    assert list(node.reservations()) == addresses_of(results[2])
    node.check(pods[2], conf, results[2])


def test_an_address_of_a_pod_that_is_gone_is_given_to_the_next(node):
    conf, pod = macvlan(ipam=TIGHT), node.pod()
    node.add(pod, conf)
    node.refused(node.pod(), conf, plugin.EXHAUSTED)
    pod.remove()
    result, words = served(node, conf, node.pod())
    assert addresses_of(result) == ["10.1.2.2"] and pod.id in words


def test_a_pod_whose_path_is_unmounted_keeps_its_address_as_long_as_it_is_up(node):
    """The pod's master takes frames for it: somebody holds the namespace."""
    conf, pod = macvlan(ipam=TIGHT), node.pod()
    node.add(pod, conf)
    with Held(node, pod):
        node.refused(node.pod(), conf, plugin.EXHAUSTED)
    served(node, conf, node.pod())


DOWN = "link set eth0 down\n"
ANOTHER_MAC = "link set eth0 address 02:00:00:00:00:77\n"


@pytest.mark.parametrize("change", [DOWN, ANOTHER_MAC])
def test_a_pod_that_its_master_doesnt_know_is_alive_while_a_process_is_in_it(node, change):
    conf, pod = macvlan(ipam=TIGHT), node.pod()
    node.add(pod, conf)
    pod.ip_batch(change)
    with Held(node, pod):
        node.refused(node.pod(), conf, plugin.EXHAUSTED)
        with plugin.refusal(plugin.UNAVAILABLE):
            plugin.judge("STATUS", node.invoke("STATUS", conf), conf["cniVersion"])
    result, words = served(node, conf, node.pod())
    assert addresses_of(result) == ["10.1.2.2"] and pod.id in words


@contextlib.contextmanager
def by_a_descriptor(_node, pod):
    fd = os.dup(pod.net_fd)
    pod.remove()
    try:
        yield
    finally:
        os.close(fd)


@contextlib.contextmanager
def by_a_mount(node, pod):
    node.run("sh", "-c", f"touch /run/aside; mount --bind {pod.netns} /run/aside")
    pod.remove()
    try:
        yield
    finally:
        node.run("umount", "/run/aside")


@pytest.mark.parametrize("held", [by_a_descriptor, by_a_mount])
@pytest.mark.parametrize("change", [DOWN, ANOTHER_MAC])
def test_a_pod_is_alive_while_anything_holds_its_namespace(node, held, change):
    """No process is in it, and its path is unmounted."""
    conf, pod = macvlan(ipam=TIGHT), node.pod()
    node.add(pod, conf)
    pod.ip_batch(change)
    with held(node, pod):
        node.refused(node.pod(), conf, plugin.EXHAUSTED)
        with plugin.refusal(plugin.UNAVAILABLE):
            plugin.judge("STATUS", node.invoke("STATUS", conf), conf["cniVersion"])
    result, words = served(node, conf, node.pod())
    assert addresses_of(result) == ["10.1.2.2"] and pod.id in words


@pytest.mark.parametrize("path_is", ["unmounted", "another pod's"])
def test_DEL_deletes_the_link_in_a_namespace_that_something_still_holds(node, path_is):
    """It would answer for the address, which the next pod has."""
    conf, pod, other = macvlan(ipam=TIGHT), node.pod("same"), node.pod()
    node.add(pod, conf)
    with by_a_mount(node, pod):
        inside = ("nsenter", "--net=/run/aside", "ip", "-o", "link")
        if path_is != "unmounted":
            heir = node.pod("same")
            heir.ip_batch("link add eth0 type veth peer name eth1\n")
        assert "eth0" in node.run(*inside).stdout
        node.add(other, macvlan(name="another", ipam={"ranges": [[{"subnet": "10.1.9.0/24"}]]}))
        node.delete(pod, conf)
        assert "eth0" not in node.run(*inside).stdout
        if path_is != "unmounted":
            assert "eth0" in heir.links()
        assert "eth0" in other.links()
        node.delete(pod, conf)
        served(node, conf, node.pod())


def test_a_pod_is_alive_where_other_namespaces_cant_be_listed(node, tmp_path):
    conf, pod, trace = macvlan(ipam=TIGHT), node.pod(), tmp_path / "trace"

    def status(*inject):
        return node.invoke("STATUS", conf, env=plugin.TRACED,
                           wrapper=plugin.strace(trace, "sendto", *inject)).returncode

    node.add(pod, conf)
    pod.ip_batch(DOWN)
    pod.remove()
    wait_for(lambda: status() == 0)
    number = next(i for i, call in enumerate(trace.read_text().splitlines(), 1)
                  if re.search(r"nlmsg_type=(?:RTM_GETNSID|0x5a)\b", call))
    assert status("-e", f"inject=sendto:error=ENOBUFS:when={number}") != 0
    assert status() == 0


def test_a_pod_is_alive_where_processes_cant_be_looked_at(node, tmp_path):
    conf, pod, trace = macvlan(ipam=TIGHT), node.pod(), tmp_path / "trace"
    node.add(pod, conf)
    pod.ip_batch(DOWN)
    pod.remove()
    calls = "stat,newfstatat,statx"

    def are_looked_at():
        node.refused(node.pod(), conf, plugin.EXHAUSTED, env=plugin.TRACED, wrapper=plugin.strace(
            trace, calls, "-P", "/proc/2/ns/net", "-e", f"inject={calls}:error=EACCES"))
        return "/proc/2/ns/net" in trace.read_text()

    # Until the kernel has taken the namespace down, the link in it is a sign of life, too.
    wait_for(are_looked_at)
    served(node, conf, node.pod())


def dumps_of_status(node, conf, trace):
    done = node.invoke("STATUS", conf, wrapper=plugin.strace(trace, "sendto,sendmsg"),
                       env=plugin.TRACED)
    assert done.returncode != 0, done.stdout
    wanted = r"nlmsg_type=(?:RTM_GETNEIGH|0x1e)\b.*?NLM_F_REQUEST\|(?:NLM_F_DUMP|0x300)\b"
    return len(re.findall(wanted, trace.read_text()))


def test_STATUS_of_a_full_network_lists_the_masters_addresses_once(node, tmp_path):
    dumps = []
    for last in (2, 9):
        conf = macvlan(name=f"up-to-{last}", master=UPLINK, ipam={"ranges": [[{
            "subnet": f"10.1.{last}.0/24", "rangeStart": f"10.1.{last}.2",
            "rangeEnd": f"10.1.{last}.{last}"}]]})
        for _ in range(last - 1):
            node.add(node.pod(), conf)
        dumps.append(dumps_of_status(node, conf, tmp_path / "trace"))
    assert dumps == [1, 1]


def test_a_renamed_master_is_looked_at_as_well(node):
    conf, pod = macvlan(ipam=TIGHT), node.pod()
    node.add(pod, conf)
    node.ip_batch(f"link set {UPLINK} down\nlink set {UPLINK} name card7\nlink set card7 up\n"
                  "route add default via 192.0.2.1\n")
    with Held(node, pod):
        node.refused(node.pod(), conf, plugin.EXHAUSTED)


@pytest.mark.parametrize("hidden", [{"mode": "passthru"},
                                    {"linkInContainer": True, "master": "net1"}])
def test_what_the_node_cant_see_is_alive_until_GC_or_the_boot_ends(node, hidden):
    conf, pod, other = macvlan(ipam=TIGHT, **hidden), node.pod(), node.pod()
    for one in (pod, other):
        one.ip_batch(MASTER.format("net1", "net2"))
    node.add(pod, conf)
    pod.remove()
    node.refused(other, conf, plugin.EXHAUSTED)
    gc(node, conf)
    served(node, conf, other)
    reboot(node)
    one = node.pod()
    one.ip_batch(MASTER.format("net1", "net2"))
    served(node, conf, one)


def test_the_master_deleted_takes_the_links_along_and_a_new_one_gets_new_ones(node):
    conf, pod = macvlan(master="lan1"), node.pod()
    node.ip_batch(MASTER.format("lan1", "lan2"))
    result = node.add(pod, conf)
    node.ip("link", "del", "lan1")
    assert list(pod.links()) == ["lo"]
    with plugin.refusal(plugin.CHECK, "eth0"):
        node.check(pod, conf, result)
    node.refused(node.pod(), conf, plugin.TRY_AGAIN, "lan1")
    node.ip_batch(MASTER.format("lan1", "lan2"))
    other = node.pod()
    node.check(other, conf, node.add(other, conf))
    node.delete(pod, conf, result)
    node.delete(other, conf)
    assert node.reservations() == {}


def test_another_ipam_plugin_gets_the_link_and_its_DEL(node):
    fake, pod = Delegate(node), node.pod()
    conf = delegated(fake)
    result = fake.add(pod, conf)
    assert [len(result["interfaces"]), result["ips"][0]["interface"]] == [1, 0]
    fake.check(pod, result, conf)
    fake.delete(pod, conf, result)
    assert fake.verbs() == ["ADD", "CHECK", "DEL"]
    node.assert_nothing_left(pod)


def test_a_link_that_went_while_another_ipam_plugin_ran_fails_the_ADD(node):
    fake, pod = Delegate(node, """
        if verb == "ADD":
            hold()
            answer()
        """), node.pod()
    finish = node.start("ADD", delegated(fake), pod, env=fake.env)
    with fake.held():
        pod.ip("link", "del", "eth0")
    with plugin.refusal(plugin.TRY_AGAIN, "eth0", "fake ran", UPLINK):
        plugin.judge("ADD", finish(), plugin.NEWEST)
    assert fake.verbs() == ["ADD", "DEL"]
    node.assert_nothing_left(pod)


OURS = {"type": "bridge-cni", "switch": "macvlan"}


def test_repair_has_nothing_to_mend_and_cleanup_leaves_nothing(node):
    conf, pod = macvlan(**OURS), node.pod()
    node.add(pod, conf)
    assert command.repair(node, conf) == ["nothing to mend"]
    node.delete(pod, conf)
    command.cleanup(node, conf)
    assert not node.store.exists() or list(node.store.iterdir()) == []


def test_show_tells_of_the_pod(node):
    conf, pod = macvlan(**OURS), node.pod()
    result = node.add(pod, conf)
    done = command.command(node, "show", "--json", *command.written(node, conf))
    text = json.dumps(json.loads(done.stdout))
    assert addresses_of(result)[0] in text and pod.id in text and ":macvlan" not in text
    done = command.command(node, "show", *command.written(node, conf))
    assert "macvlan" in done.stdout and ":macvlan" not in done.stdout


def test_doctor_says_nothing_of_a_bridge(node):
    conf, pod = macvlan(**OURS), node.pod()
    node.add(pod, conf)
    done = command.command(node, "doctor", *command.written(node, conf))
    assert ":macvlan" not in done.stdout and "cni0" not in done.stdout, done.stdout


def test_doctor_says_that_the_master_is_missing(node):
    done = command.command(node, "doctor", *command.written(node, macvlan(**OURS)))
    assert "ok: master: " in done.stdout, done.stdout
    done = command.command(node, "doctor",
                           *command.written(node, macvlan(**{**OURS, "master": "eth7"})))
    assert "problem: master: " in done.stdout and "no interface eth7 on the node" in done.stdout


def test_STATUS_says_that_the_master_is_missing(node):
    def status(conf):
        return plugin.judge("STATUS", node.invoke("STATUS", conf), conf["cniVersion"])

    status(macvlan())
    status(macvlan(master=UPLINK))
    status(macvlan(master="eth7", linkInContainer=True))
    with plugin.refusal(plugin.UNAVAILABLE, "master", "eth7"):
        status(macvlan(master="eth7"))
    for family in ("-4", "-6"):
        node.ip(family, "route", "del", "default")
    with plugin.refusal(plugin.UNAVAILABLE, "master", "default route"):
        status(macvlan())
