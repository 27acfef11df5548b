# SPDX-License-Identifier: GPL-2.0-or-later
"""quietBridge: what somebody changes is named and put back, and nothing is left behind."""
import json

import pytest

from harness import plugin
from harness.command import repair
from harness.node import GATEWAY4, NETWORK, addresses_of, network
from harness.portmap import settled
from harness.quiet import (FLAGS, UNKNOWN, UNTOUCHED, assert_connected, assert_quiet, attached, flags,
                           mac_of, neighbours, of_pod, port_of, quiet)
from harness.reboot import reboot
from harness.waiting import wait_for


# -- what somebody changes, and repair


HARM = {
    "learning": ("learning on", "learning off"),
    "flood": ("flood on", "flooding"),
}


@pytest.mark.parametrize("what", HARM)
def test_a_port_that_was_changed_is_named_and_repaired(node, what):
    conf = quiet()
    pods, results = attached(node, conf)
    command_words, word = HARM[what]
    node.run("bridge", "link", "set", "dev", port_of(results[0]), *command_words.split())
    with plugin.refusal(plugin.CHECK, port_of(results[0]), "quietBridge", word):
        node.check(pods[0], conf, results[0])
    assert len(repair(node, conf)) == 1
    assert_quiet(node, pods[0], results[0], conf)
    assert repair(node, conf) == ["nothing to mend"]


def test_a_port_that_the_bridge_does_not_answer_for_is_named_and_repaired(node):
    conf, pod = quiet(), node.pod()
    result = node.add(pod, conf)
    node.ip(f"link set {port_of(result)} type bridge_slave proxy_arp_wifi off")
    with plugin.refusal(plugin.CHECK, port_of(result), "proxy_arp_wifi on"):
        node.check(pod, conf, result)
    repair(node, conf)
    assert_quiet(node, pod, result, conf)


def test_an_entry_that_was_deleted_is_named_and_repaired(node):
    conf = quiet()
    (pod, other), (result, _) = attached(node, conf)
    node.run("bridge", "fdb", "del", mac_of(result), "dev", port_of(result), "master")
    with plugin.refusal(plugin.CHECK, port_of(result), "fixed entry"):
        node.check(pod, conf, result)
    repair(node, conf)
    assert_quiet(node, pod, result, conf)
    assert other.ping(addresses_of(result)[0])


def test_an_entry_that_leads_to_another_port_is_named_and_repaired(node):
    conf = quiet()
    pods, results = attached(node, conf)
    node.run("bridge", "fdb", "replace", mac_of(results[0]), "dev", port_of(results[1]), "master",
             "static", "sticky")
    assert not pods[1].ping(addresses_of(results[0])[0], wait=0.3)
    with plugin.refusal(plugin.CHECK, port_of(results[0]), "fixed entry"):
        node.check(pods[0], conf, results[0])
    assert len(repair(node, conf)) == 1
    for pod, result in zip(pods, results):
        assert_quiet(node, pod, result, conf)
    assert_connected(pods, results)


@pytest.mark.parametrize("family", [4, 6])
def test_neighbours_that_were_flushed_are_named_and_repaired(node, family):
    conf = quiet()
    pods, results = attached(node, conf)
    before = neighbours(node)
    node.ip(f"-{family} neigh flush dev cni0 nud permanent")
    assert neighbours(node) != before
    settled(node)
    assert_connected(pods, results)
    lost = addresses_of(results[0])[family == 6]
    with plugin.refusal(plugin.CHECK, "cni0", "permanent neighbour", lost):
        node.check(pods[0], conf, results[0])
    assert len(repair(node, conf)) == 2
    assert neighbours(node) == before
    assert repair(node, conf) == ["nothing to mend"]


def test_a_bridge_that_went_down_and_up_is_named_and_repaired(node):
    """The kernel forgets the neighbours; pods are found by asking meanwhile."""
    conf = quiet()
    pods, results = attached(node, conf)
    before = neighbours(node)
    node.ip("link set cni0 down")
    node.ip("link set cni0 up")
    assert neighbours(node) == {}
    settled(node)
    wait_for(lambda: all(pod.ping(GATEWAY4) for pod in pods))  # the ports forward again
    assert_connected(pods, results)
    with plugin.refusal(plugin.CHECK, "cni0", "permanent neighbour"):
        node.check(pods[0], conf, results[0])
    assert len(repair(node, conf)) == 2
    assert neighbours(node) == before
    for pod, result in zip(pods, results):
        assert_quiet(node, pod, result, conf)


def test_a_bridge_that_was_deleted_comes_back_quiet(node):
    conf = quiet()
    pods, results = attached(node, conf)
    known = neighbours(pods[0], "eth0")
    node.ip("link del cni0")
    repair(node, conf)
    settled(node)
    assert neighbours(pods[0], "eth0") == known
    assert_connected(pods, results)
    for pod, result in zip(pods, results):
        assert_quiet(node, pod, result, conf)
    assert repair(node, conf) == ["nothing to mend"]


def test_pods_keep_what_their_ADD_gave_them_when_the_key_changes(node):
    before, after = node.pod(), node.pod()
    conf, none = quiet(), network("dual")
    result = node.add(before, none)
    other = node.add(after, conf)
    node.check(before, conf, result)  # it was made without the key
    node.check(after, none, other)
    # The bridge asks for members of groups by now.
    assert repair(node, conf) == [f"{NETWORK} {before.id} eth0: its multicast groups on cni0"]
    assert repair(node, conf) == ["nothing to mend"]
    node.run("bridge", "link", "set", "dev", port_of(other), "learning", "on")
    repair(node, none)
    assert flags(node, port_of(other)) == FLAGS and flags(node, port_of(result)) == UNTOUCHED
    node.delete(after, none)
    assert neighbours(node) == {}


# -- what is left


def test_a_failed_ADD_leaves_nothing(node):
    conf, pod = quiet(), node.pod()
    done = node.invoke("ADD", conf, pod, wrapper=["sh", "-c", 'exec "$@" >/dev/full', "sh"])
    assert done.returncode != 0
    assert neighbours(node) == {}
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("interface", ["there", "gone"])
def test_DEL_leaves_a_neighbour_that_is_anothers_by_now(node, interface):
    conf, pod = quiet(), node.pod()
    four, six = addresses_of(node.add(pod, conf))
    node.ip(f"neigh replace {four} dev cni0 lladdr {UNKNOWN} nud permanent")
    if interface == "gone":
        pod.ip("link del eth0")
    node.delete(pod, conf)
    assert neighbours(node) == {four: UNKNOWN}
    node.assert_nothing_left(pod)


@pytest.mark.parametrize("which", [0, 1])
def test_DEL_deletes_all_where_a_neighbour_is_gone(node, which):
    conf, pod = quiet(), node.pod()
    address = addresses_of(node.add(pod, conf))[which]
    node.ip(f"neigh del {address} dev cni0")
    node.delete(pod, conf)
    assert neighbours(node) == {}
    node.assert_nothing_left(pod)


def test_what_an_ADD_has_told_the_kernel_goes_where_it_fails_later(node):
    """The route's gateway is nobody's: a late stage refuses it."""
    conf, pod = quiet(ipam={"routes": [{"dst": "198.18.0.0/15", "gw": "203.0.113.1"}]}), node.pod()
    assert node.invoke("ADD", conf, pod).returncode != 0
    assert neighbours(node) == {}
    node.assert_nothing_left(pod)


def test_a_failed_ADD_takes_the_interface_away_where_the_kernel_does_not_tell_of_neighbours(node, tmp_path):
    bad, pod = quiet(ipam={"routes": [{"dst": "198.18.0.0/15", "gw": "203.0.113.1"}]}), node.pod()
    node.add(node.pod(), quiet())
    kept = neighbours(node)
    trace = tmp_path / "trace"

    def fails(*options):
        assert node.invoke("ADD", bad, pod, env=plugin.TRACED, wrapper=[
            *plugin.strace(trace, "sendto"), *options]).returncode != 0
        lines = [line.split(None, 1) for line in trace.read_text().splitlines()]
        return [call for pid, call in lines if pid == lines[0][0] and call.startswith("sendto(")]

    fails()  # the first one asks for more
    question = next(n for n, call in enumerate(fails(), 1)
                    if "RTM_GETNEIGH" in call and "ndm_family=AF_INET," in call)
    sent = fails("-e", f"inject=sendto:error=ENOBUFS:when={question}")
    assert "RTM_GETNEIGH" in sent[question - 1] and "(INJECTED)" in sent[question - 1]
    assert len(node.host_veths()) == 1 and "eth0" not in pod.links()
    node.delete(pod, bad)
    assert neighbours(node) == kept


def collect(node, conf, *pods):
    valid = [{"containerID": pod.id, "ifname": "eth0"} for pod in pods]
    plugin.judge("GC", node.invoke("GC", {**conf, "cni.dev/valid-attachments": valid}), "1.1.0")


def test_GC_takes_those_of_a_dead_pod(node):
    conf = quiet()
    (dead, alive), (_, kept) = attached(node, conf)
    dead.remove()
    collect(node, conf, alive)
    assert neighbours(node) == of_pod(kept)


LEFT = {"10.1.2.9": UNKNOWN, "fd00:1:2::9": UNKNOWN}


@pytest.mark.parametrize("sweeper", ["repair", "GC"])
def test_neighbours_of_nobody_are_swept(node, sweeper):
    """An earlier version's DEL leaves them."""
    conf, pod = quiet(), node.pod()
    kept = of_pod(node.add(pod, conf))
    for address, mac in LEFT.items():
        node.ip(f"neigh add {address} dev cni0 lladdr {mac} nud permanent protocol 98")
    # These are another program's.
    node.ip(f"neigh add 10.1.2.10 dev cni0 lladdr {UNKNOWN} nud permanent")
    if sweeper == "repair":
        assert any("permanent neighbours" in line and "2" in line for line in repair(node, conf))
    else:
        collect(node, conf, pod)
    assert neighbours(node) == {**kept, "10.1.2.10": UNKNOWN}


def test_after_a_reboot_nothing_of_the_last_boot_is_there(node):
    """The address goes to a pod with another MAC address, and the dead one's DEL comes late."""
    conf, dead = quiet(), node.pod()
    lost = node.add(dead, conf)
    reboot(node)
    new = node.pod()
    done = node.invoke("ADD", quiet(runtimeConfig={"mac": UNKNOWN, "ips": [
        f"{address}/{length}" for address, length in zip(addresses_of(lost), (24, 64))]}), new)
    assert done.returncode == 0 and "boots that are over" in done.stderr, done
    result = json.loads(done.stdout)
    assert neighbours(node) == of_pod(result) == {a: UNKNOWN for a in addresses_of(lost)}
    node.delete(dead, conf)
    assert neighbours(node) == of_pod(result)
    assert_quiet(node, new, result, conf)
    node.delete(new, conf)
    assert neighbours(node) == {}


def test_neighbours_of_routed_pods_are_not_swept(node):
    """The bridge doesn't know where these are, before they say something."""
    for name in ("iptables", "ip6tables"):
        node.run("sysctl", "-w", f"net.bridge.bridge-nf-call-{name}=0", check=False)
    conf, pod = network("dual", podLink="routed"), node.pod()
    result = node.add(pod, conf)
    node.run("bridge", "fdb", "flush", "dev", "cni0", check=False)
    assert repair(node, conf) == ["nothing to mend"]
    collect(node, conf, pod)
    assert neighbours(node) == of_pod(result)
