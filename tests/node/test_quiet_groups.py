# SPDX-License-Identifier: GPL-2.0-or-later
"""quietBridge, IPv6: who looks for a pod is heard by that pod alone, by its multicast groups."""
import contextlib
import socket
import struct

import pytest

from harness import plugin
from harness.command import cleanup, repair
from harness.delegates import Delegate
from harness.node import GATEWAY6, addresses_of, network
from harness.quiet import (asks_at_once, attached, groups, groups_of, hearing, mac_of, link_local_of,
                           neighbours, port_of, querier, quiet)
from harness.waiting import wait_for

IP6 = 0x86dd
SOLICITATION = 135
MDNS = "ff02::fb"


def solicitations(frames):
    return [frame for frame in frames if frame[20] == 58 and frame[54] == SOLICITATION]


def forget(pod):
    pod.ip("-6 neigh flush dev eth0")


def test_each_address_has_its_group_and_the_bridge_asks(node):
    conf = quiet()
    pods, results = attached(node, conf)
    for pod, result in zip(pods, results):
        assert groups(node, port_of(result)) == groups_of(result)
        node.check(pod, conf, result)
    assert querier(node)
    assert repair(node, conf) == ["nothing to mend"]


@pytest.mark.parametrize("conf", [network("dual"), quiet("v4")], ids=["without the key", "IPv4"])
def test_otherwise_there_are_none_and_nobody_asks(node, conf):
    _, (result, _) = attached(node, conf)
    assert groups(node, port_of(result)) == set() and not querier(node)


def test_addresses_with_one_group(node):
    conf = quiet("v6", ipam={"ranges": [
        [{"subnet": subnet, "rangeStart": f"{subnet[:-3]}5"}]
        for subnet in ("fd00:1:2::/64", "fd00:1:3::/64")]})
    pod = node.pod()
    result = node.add(pod, conf)
    assert addresses_of(result) == ["fd00:1:2::5", "fd00:1:3::5"]
    assert groups(node, port_of(result)) == groups_of(result) and len(groups_of(result)) == 2
    node.check(pod, conf, result)


def test_nobody_else_hears_who_looks_for_a_pod(node):
    pods, results = attached(node, quiet(), 3)
    asks_at_once(node)
    address = addresses_of(results[1])[1]
    local = link_local_of(mac_of(results[1])) + "%eth0"
    with hearing(pods[2], IP6) as heard:
        for target in address, local:
            assert pods[0].ping(target), target
    assert solicitations(heard) == []


def test_without_the_key_all_hear_it(node):
    pods, results = attached(node, network("dual"), 3)
    with hearing(pods[2], IP6) as heard:
        assert pods[0].ping(addresses_of(results[1])[1])
    assert solicitations(heard)


def test_pods_are_found_whatever_happened_to_their_ports(node):
    """A bridge that had learned the members by their reports alone would not know them now."""
    pods, results = attached(node, quiet())
    asks_at_once(node)
    port = port_of(results[1])
    node.ip(f"link set {port} down")
    node.ip(f"link set {port} up")
    wait_for(lambda: node.links()[port]["linkinfo"]["info_slave_data"]["state"] == "forwarding")
    forget(pods[0])
    for target in addresses_of(results[1])[1], link_local_of(mac_of(results[1])) + "%eth0":
        assert pods[0].ping(target), target
    # The node has no neighbour of the link-local address.
    assert node.ping(link_local_of(mac_of(results[1])) + "%cni0")
    assert pods[1].ping(GATEWAY6)


def test_a_pod_that_comes_while_the_bridge_asks_is_found_at_once(node):
    conf = quiet()
    pods, _ = attached(node, conf)
    asks_at_once(node)
    for _ in range(3):
        late = node.pod()
        result = node.add(late, conf)
        assert pods[0].ping(addresses_of(result)[1], wait=0.5)


def test_pods_without_the_key_are_found_as_well(node):
    """The bridge asks for all of its pods."""
    other = network("v6", name="other", ipam={"ranges": [[{"subnet": "fd00:1:2::/64",
                                                           "rangeStart": "fd00:1:2::100"}]]})
    pod, late = node.pod(), node.pod()
    node.add(pod, quiet())
    asks_at_once(node)
    result = node.add(late, other)
    assert groups(node, port_of(result)) == groups_of(result)
    assert pod.ping(addresses_of(result)[0], wait=0.5)
    node.check(late, other, result)


def member(pod, group, port):
    sock = pod.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    sock.bind(("", port))
    index = pod.links()["eth0"]["ifindex"]
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                    socket.inet_pton(socket.AF_INET6, group) + struct.pack("@i", index))
    return sock, index


def test_groups_of_applications_work(node):
    """mDNS: who joins a group reports it, and from then on the bridge sends it there."""
    pods, _ = attached(node, quiet())
    asks_at_once(node)
    receiver, _ = member(pods[1], MDNS, 5353)
    sender, index = member(pods[0], MDNS, 5353)
    with receiver, sender:
        sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_IF, index)
        receiver.settimeout(0.05)

        def heard():
            sender.sendto(b"who is there", (MDNS, 5353))
            with contextlib.suppress(TimeoutError):
                return receiver.recv(64) == b"who is there"

        wait_for(heard)


# -- who asks, and who may not


def test_a_bridge_with_other_ports_asks_nobody(node):
    """A router that asks may be behind these."""
    conf, pod = quiet(), node.pod()
    result = node.add(pod, conf)
    node.ip("link add other0 type veth peer name other1")
    node.ip("link set other0 master cni0 up")
    assert any("multicast" in line for line in repair(node, conf))
    assert not querier(node)
    assert repair(node, conf) == ["nothing to mend"]
    node.add(node.pod(), conf)
    assert not querier(node)
    node.check(pod, conf, result)
    node.ip("link del other0")
    repair(node, conf)
    assert querier(node)


def test_somebody_elses_bridge_asks_nobody(node):
    node.ip("link add cni0 type bridge")
    node.ip("link set cni0 up")
    pod, conf = node.pod(), quiet()
    result = node.add(pod, conf)
    assert not querier(node) and groups(node, port_of(result)) == groups_of(result)
    node.check(pod, conf, result)


@pytest.mark.parametrize("changes", [{"portIsolation": True}, {"podLink": "routed"}], ids=str)
def test_isolated_pods_need_nobody_to_ask(node, changes):
    for name in ("iptables", "ip6tables"):
        node.run("sysctl", "-w", f"net.bridge.bridge-nf-call-{name}=0", check=False)
    node.add(node.pod(), quiet(**changes))
    assert not querier(node)


def test_a_bridge_that_does_not_snoop_has_no_groups(node):
    conf, pod, other = quiet(), node.pod(), node.pod()
    node.add(pod, conf)
    node.ip("link set cni0 type bridge mcast_snooping 0")
    result = node.add(other, conf)
    assert pod.ping(addresses_of(result)[1])
    node.check(other, conf, result)
    assert repair(node, conf) == ["nothing to mend"]


def test_a_bridge_without_room_tells_and_sends_to_all(node):
    conf, pod = quiet(), node.pod()
    node.add(pod, conf)
    # A report of the node or of the pod would be refused room before the ADD is.
    for family, hook in ("ip6", "output"), ("bridge", "prerouting"):
        node.nft(f"add table {family} t; "
                 f"add chain {family} t c {{ type filter hook {hook} priority 0; }}; "
                 f"add rule {family} t c icmpv6 type mld2-listener-report drop")
    node.ip("link set cni0 type bridge mcast_hash_max 1")
    other = node.pod()
    done = node.invoke("ADD", conf, other)
    assert done.returncode == 0 and "mcast_hash_max" in done.stderr
    assert pod.ping("fd00:1:2::3")


# -- what somebody changes, and repair


def test_a_group_that_was_deleted_is_named_and_repaired(node):
    conf, pod = quiet(), node.pod()
    result = node.add(pod, conf)
    group = next(iter(groups_of(result)))
    node.run("bridge", "mdb", "del", "dev", "cni0", "port", port_of(result), "grp", group)
    with plugin.refusal(plugin.CHECK, port_of(result), group):
        node.check(pod, conf, result)
    assert len(repair(node, conf)) == 1
    assert groups(node, port_of(result)) == groups_of(result)
    node.check(pod, conf, result)


def test_a_group_that_the_pod_has_reported_meanwhile_is_made_to_stay(node):
    conf, pod = quiet(), node.pod()
    result = node.add(pod, conf)
    node.run("bridge", "mdb", "flush", "dev", "cni0", check=False)
    for group in groups(node, port_of(result)):
        node.run("bridge", "mdb", "del", "dev", "cni0", "port", port_of(result), "grp", group)
    pod.ip("link set eth0 down")
    pod.ip("link set eth0 up")
    wait_for(lambda: groups(node, port_of(result), "temp") & groups_of(result))
    repair(node, conf)
    assert groups(node, port_of(result)) == groups_of(result)


def test_a_querier_that_was_turned_off_and_a_bridge_that_was_deleted_come_back(node):
    conf = quiet()
    pods, results = attached(node, conf)
    node.ip("link set cni0 type bridge mcast_querier 0")
    repair(node, conf)
    assert querier(node)
    node.ip("link del cni0")
    repair(node, conf)
    assert querier(node)
    for pod, result in zip(pods, results):
        assert groups(node, port_of(result)) == groups_of(result)
        node.check(pod, conf, result)


def test_another_IPAM_plugins_pod_has_its_groups(node):
    delegate = Delegate(node, """
        if verb == "ADD":
            answer(ips=[{"address": "fd00:77::5/64", "gateway": "fd00:77::1"}])""")
    conf, pod = delegate.conf(quietBridge=True), node.pod()
    result = delegate.add(pod, conf)
    assert groups(node, port_of(result)) == groups_of(result)
    assert querier(node)
    delegate.check(pod, result, conf)
    assert repair(node, conf, env=delegate.env) == ["nothing to mend"]
    delegate.delete(pod, conf)
    assert neighbours(node) == {}


def test_after_a_cleanup_nothing_is_left(node):
    conf, pod = quiet(), node.pod()
    node.add(pod, conf)
    node.delete(pod, conf)
    cleanup(node, conf)
    assert "cni0" not in node.links()
