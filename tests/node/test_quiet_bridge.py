# SPDX-License-Identifier: GPL-2.0-or-later
"""quietBridge: the bridge and the node know where each pod is, so that nobody has to ask all pods."""
import pytest

from harness import plugin
from harness.command import command, repair, written
from harness.delegates import Delegate
from harness.node import GATEWAY4, GATEWAY6, INTERNET4, addresses_of, network
from harness.portmap import settled
from harness.quiet import (ARP, FLAGS, UNKNOWN, UNTOUCHED, assert_connected, assert_quiet, attached,
                           bridge_mac, entries, flags, hearing, mac_of, neighbours, of_pod, port_of,
                           quiet)
from harness.waiting import wait_for
from harness.wire import BROADCAST, listening, send_frame


# -- what a pod gets


@pytest.mark.parametrize("families", ["v4", "v6", "dual"])
def test_bridge_and_node_know_each_pod_until_its_DEL(node, families):
    conf = quiet(families)
    pods, results = attached(node, conf)
    for pod, result in zip(pods, results):
        assert_quiet(node, pod, result, conf)
    assert neighbours(node) == {**of_pod(results[0]), **of_pod(results[1])}
    for pod in pods:
        gateways = {ip["gateway"]: bridge_mac(results[0]) for ip in results[0]["ips"]}
        assert neighbours(pod, "eth0") == gateways
        for gateway in gateways:
            assert pod.ping(gateway)
    for address in addresses_of(results[1]):
        assert pods[0].ping(address)
    node.delete(pods[0], conf)
    assert neighbours(node) == of_pod(results[1])
    node.delete(pods[1], network(families))  # the record says that it was quiet
    assert neighbours(node) == {}
    node.assert_nothing_left(pods[1])


def test_without_the_key_nothing_of_it_is_there(node):
    pods, results = attached(node, network("dual"))
    assert flags(node, port_of(results[0])) == UNTOUCHED
    assert entries(node, port_of(results[0])) == {}
    assert neighbours(node) == {} and neighbours(pods[0], "eth0") == {}


@pytest.mark.parametrize("is_quiet", [True, False])
def test_nobody_else_hears_who_asks_for_a_pods_MAC_address(node, is_quiet):
    pods, results = attached(node, network("v4", quietBridge=is_quiet), 3)
    with hearing(pods[2], ARP) as heard:
        assert pods[0].ping(addresses_of(results[1])[0])
    assert bool(heard) is not is_quiet
    assert pods[0].ip(f"neigh show {addresses_of(results[1])[0]}").split()[4] == mac_of(results[1])


@pytest.mark.parametrize("is_quiet", [True, False])
def test_frames_for_an_address_that_nobody_has_come_to_no_pod(node, is_quiet):
    pods, _ = attached(node, network("v4", quietBridge=is_quiet))
    with listening(pods[1], "eth0") as heard:
        send_frame(pods[0], "eth0", UNKNOWN, b"whose")
    assert heard == ([] if is_quiet else [b"whose"])


def test_a_broadcast_still_comes_to_all(node):
    pods, _ = attached(node, quiet("v4"))
    with listening(pods[1], "eth0") as heard:
        send_frame(pods[0], "eth0", BROADCAST, b"to all")
    assert heard == [b"to all"]


def test_beside_pods_without_the_key_on_the_same_bridge(node):
    """Requests for these are flooded, as before."""
    other = network("dual", name="other", ipam={"ranges": [
        [{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.100"}],
        [{"subnet": "fd00:1:2::/64", "rangeStart": "fd00:1:2::100"}]]})
    pods, results = [node.pod(), node.pod()], []
    for pod, conf in zip(pods, (quiet(), other)):
        results.append(node.add(pod, conf))
    settled(node)
    assert_connected(pods, results)
    assert flags(node, port_of(results[1])) == UNTOUCHED


@pytest.mark.parametrize("changes", [
    {"spoofCheck": True}, {"macspoofchk": True}, {"hairpinMode": True}, {"promiscMode": True},
    {"enabledad": True}], ids=str)
def test_beside_other_keys(node, changes):
    conf = quiet(**changes)
    pods, results = attached(node, conf)
    settled(node)
    assert_connected(pods, results)
    for pod, result in zip(pods, results):
        assert_quiet(node, pod, result, conf)
    assert repair(node, conf) == ["nothing to mend"]


@pytest.mark.parametrize("changes", [{"portIsolation": True}, {"podLink": "routed"}], ids=str)
def test_the_bridge_does_not_answer_for_isolated_pods(node, changes):
    """Otherwise a pod that can't reach another would wait for answers, where it is told now that
    nobody has the address."""
    for name in ("iptables", "ip6tables"):
        node.run("sysctl", "-w", f"net.bridge.bridge-nf-call-{name}=0", check=False)
    conf = quiet("v4", **changes)
    pods, results = attached(node, conf)
    for pod, result in zip(pods, results):
        assert flags(node, port_of(result)) == {**FLAGS, "proxyarp_wifi": "0"}
        assert pod.ping(GATEWAY4) and pod.ping(INTERNET4)
        node.check(pod, conf, result)
    assert neighbours(node) == {**of_pod(results[0]), **of_pod(results[1])}
    assert repair(node, conf) == ["nothing to mend"]
    node.delete(pods[0], conf)
    assert neighbours(node) == of_pod(results[1])


def test_a_network_without_a_gateway(node):
    """The bridge answers nevertheless. Pods have no gateway that they could know."""
    conf = quiet(isDefaultGateway=None)
    pods, results = attached(node, conf, 3)
    assert neighbours(node) == {addresses_of(r)[0]: mac_of(r) for r in results}
    assert neighbours(pods[0], "eth0") == {}
    with hearing(pods[2], ARP) as heard:
        for address in addresses_of(results[1]):
            assert pods[0].ping(address)
    assert heard == []
    node.check(pods[0], conf, results[0])
    for pod in pods:
        node.delete(pod, conf)
    assert neighbours(node) == {}


def test_several_subnets_and_a_link_local_gateway(node):
    conf = quiet(ipam={"ranges": [[{"subnet": "10.1.2.0/24"}], [{"subnet": "10.9.0.0/16"}],
                                  [{"subnet": "fd00:1:2::/64", "gateway": "fe80::1"}]]})
    pods, results = attached(node, conf)
    mac = bridge_mac(results[0])
    assert neighbours(pods[0], "eth0") == {GATEWAY4: mac, "10.9.0.1": mac, "fe80::1": mac}
    assert neighbours(node) == {**of_pod(results[0]), **of_pod(results[1])}
    for address in addresses_of(results[1]):
        assert pods[0].ping(address), address
    node.delete(pods[0], conf)
    assert neighbours(node) == of_pod(results[1])


def test_an_interface_that_stays_down(node):
    conf = quiet(disableContainerInterface=True, isDefaultGateway=None, ipMasq=None,
                 ipam={"type": "", "ranges": None})
    pod = node.pod()
    result = node.add(pod, conf)
    assert entries(node, port_of(result)) == {mac_of(result): True} and neighbours(node) == {}
    node.check(pod, conf, result)
    node.delete(pod, conf)
    node.assert_nothing_left(pod)


# -- how the kernel is told


def batches(node, trace, verb, conf, pod):
    """How many times the operation sends the kernel something."""
    plugin.judge(verb, node.invoke(verb, conf, pod, env=plugin.TRACED,
                                   wrapper=plugin.strace(trace, "sendto")), "1.1.0")
    return trace.read_text().count("sendto(")


@pytest.mark.parametrize("changes, more", [({"spoofCheck": True}, 0), ({}, 1)], ids=str)
def test_it_goes_along_with_what_ADD_sends_anyway(node, tmp_path, changes, more):
    """Without a check of sources the fixed entry has a send of its own. DEL asks whose the
    neighbours are."""
    sent = {}
    for is_quiet in False, True:
        conf = network("v4", quietBridge=is_quiet, **changes)
        first, pod = node.pod(), node.pod()
        node.add(first, conf)  # makes what pods share
        # Where the kernel tracks no connection at all, there is nothing to forget, and less is sent.
        wait_for(lambda pod=first: pod.ping(GATEWAY4))
        assert int(node.sysctl("netfilter.nf_conntrack_count")) > 0
        sent[is_quiet] = [batches(node, tmp_path / "trace", verb, conf, pod) for verb in ("ADD", "DEL")]
        node.delete(first, conf)
    assert [on - off for off, on in zip(sent[False], sent[True])] == [more, 1]


# -- the pod's gateway


def test_a_gateway_on_somebody_elses_bridge_is_asked_for(node):
    """Its MAC address may be another one when it is made anew."""
    node.ip("link add cni0 type bridge")
    node.ip("link set cni0 up")
    pods, results = attached(node, quiet())
    settled(node)
    assert neighbours(pods[0], "eth0") == {}
    assert_connected(pods, results)


def test_a_pod_that_sets_its_interface_down_asks_again(node):
    conf = quiet()
    pods, results = attached(node, conf)
    pods[0].ip("link set eth0 down")
    pods[0].ip("link set eth0 up")
    assert neighbours(pods[0], "eth0") == {}
    settled(node)
    for gateway in GATEWAY4, GATEWAY6:
        wait_for(lambda gateway=gateway: pods[0].ping(gateway))
        pods[0].ip(f"route add default via {gateway}")
    assert_connected(pods, results)
    node.check(pods[0], conf, results[0])


def test_a_pod_keeps_its_gateway_when_the_port_goes_down_and_up(node):
    (pod, _), (result, _) = attached(node, quiet())
    known = neighbours(pod, "eth0")
    node.ip(f"link set {port_of(result)} down")
    node.ip(f"link set {port_of(result)} up")
    assert neighbours(pod, "eth0") == known
    assert entries(node, port_of(result)) == {mac_of(result): True}
    wait_for(lambda: pod.ping(GATEWAY4))


def test_CHECK_tells_of_a_gateway_that_the_pod_knows_by_another_MAC_address(node):
    conf, pod = quiet("v4"), node.pod()
    result = node.add(pod, conf)
    before = bridge_mac(result)
    node.ip("link set cni0 address 02:00:00:00:00:42")
    with plugin.refusal(plugin.CHECK, GATEWAY4, before, "02:00:00:00:00:42", "cni0"):
        node.check(pod, conf, result)
    node.ip(f"link set cni0 address {before}")
    repair(node, conf)  # the kernel has forgotten the node's neighbours
    node.check(pod, conf, result)
    assert pod.ping(GATEWAY4)


# -- another IPAM plugin


def test_another_IPAM_plugins_pod(node):
    delegate = Delegate(node)
    conf, pod, other = delegate.conf(quietBridge=True), node.pod(), node.pod()
    result = delegate.add(pod, conf)
    assert entries(node, port_of(result)) == {mac_of(result): True}
    assert neighbours(node) == of_pod(result)
    delegate.check(pod, result, conf)
    delegate.delete(pod, conf)
    assert neighbours(node) == {}
    node.assert_nothing_left(pod)
    del other


def test_the_port_of_a_pod_works_before_another_IPAM_plugin_asks(node):
    """A DHCP server's answer is for the pod's MAC address."""
    delegate = Delegate(node, """
        if verb == "ADD":
            out = subprocess.run(["/usr/sbin/bridge", "fdb", "show", "br", "cni0"],
                                 capture_output=True, text=True).stdout
            open(here + "/fdb", "w").write(out)
            answer()""")
    pod = node.pod()
    result = delegate.add(pod, delegate.conf(quietBridge=True))
    seen = (delegate.directory / "fdb").read_text()
    assert any(line.startswith(mac_of(result)) and "static" in line for line in seen.splitlines())


# -- what can't be


def test_a_trunk_is_refused(node):
    pod, conf = node.pod(), quiet(vlanTrunk=[{"id": 100}])
    with plugin.refusal(plugin.CONFIG, "quietBridge", "vlanTrunk"):
        node.add(pod, conf)
    node.delete(pod, conf)
    done = command(node, "validate", *written(node, conf))
    assert done.returncode == 2 and "quietBridge" in done.stdout + done.stderr
