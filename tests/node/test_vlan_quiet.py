# SPDX-License-Identifier: GPL-2.0-or-later
"""quietBridge on a bridge that filters VLANs."""
import json

from harness.command import repair
from harness.node import named, network
from harness.vlan import access, address_of, port_of, subnet
from harness.quiet import ARP, FLAGS, UNKNOWN, flags, hearing, mac_of, neighbours
from harness.wire import listening, send_frame


def gateway(vlan, third, **changes):
    return network(vlan=vlan, quietBridge=True, ipam=subnet(third), **changes)


def vlans_of_entry(node, result):
    """VLANs of the fixed entries of the pod's MAC address; None: the one without."""
    found = json.loads(node.run("bridge", "-j", "fdb", "show", "br", "cni0").stdout)
    return {entry.get("vlan") for entry in found
            if entry["mac"] == mac_of(result) and entry["ifname"] == port_of(result) and
            entry.get("state") == "static" and "sticky" in entry["flags"]}


def test_a_VLANs_pods_are_known_to_the_bridge_and_to_its_gateway(vlans):
    conf, pods = gateway(100, 5), [vlans.pod(), vlans.pod()]
    results = [vlans.add(pod, conf) for pod in pods]
    mac = vlans.links()["cni0.100"]["address"]
    for pod, result in zip(pods, results):
        assert flags(vlans, port_of(result)) == FLAGS
        assert vlans_of_entry(vlans, result) == {None, 100}
        assert neighbours(pod, "eth0") == {"10.1.5.1": mac}
        assert pod.ping("10.1.5.1")
        vlans.check(pod, conf, result)
    assert neighbours(vlans, "cni0.100") == {address_of(r): mac_of(r) for r in results}
    assert neighbours(vlans) == {}
    assert pods[0].ping(address_of(results[1]))
    assert repair(vlans, conf) == ["nothing to mend"]
    vlans.delete(pods[0], conf)
    assert neighbours(vlans, "cni0.100") == {address_of(results[1]): mac_of(results[1])}
    vlans.delete(pods[1], conf)
    assert neighbours(vlans, "cni0.100") == {}
    vlans.assert_nothing_left(pods[1], others=2)  # the gateway's


def test_ARP_requests_still_go_to_all_pods_of_the_VLAN(vlans):
    """The kernel would look for the neighbour on a VLAN device of the bridge."""
    conf, pods = gateway(100, 5), [vlans.pod() for _ in range(3)]
    results = [vlans.add(pod, conf) for pod in pods]
    with hearing(pods[2], ARP) as heard:
        assert pods[0].ping(address_of(results[1]))
    assert heard
    with listening(pods[2], "eth0") as flooded:
        send_frame(pods[0], "eth0", UNKNOWN, b"whose")
    assert flooded == []


def test_with_a_VLAN_device_as_gateway_nobody_else_hears_who_asks(vlans):
    """Somebody has made it: there the kernel finds the neighbour."""
    vlans.ip("link add cni0 type bridge vlan_filtering 1")
    vlans.ip("link set cni0 up")
    vlans.run("bridge", "vlan", "add", "dev", "cni0", "vid", "100", "self")
    vlans.ip("link add link cni0 name cni0.100 type vlan id 100")
    vlans.ip("link set cni0.100 up")
    conf, pods = gateway(100, 5), [vlans.pod() for _ in range(3)]
    results = [vlans.add(pod, conf) for pod in pods]
    assert neighbours(vlans, "cni0.100") == {address_of(r): mac_of(r) for r in results}
    with hearing(pods[2], ARP) as heard:
        assert pods[0].ping(address_of(results[1]))
    assert heard == []
    assert pods[0].ping("10.1.5.1")


def test_without_a_gateway_the_node_knows_nobody_of_the_VLAN(vlans):
    conf, pods = access(100, quietBridge=True, ipam=subnet(5)), [vlans.pod(), vlans.pod()]
    results = [vlans.add(pod, conf) for pod in pods]
    assert neighbours(vlans) == {} and neighbours(pods[0], "eth0") == {}
    assert pods[0].ping(address_of(results[1]))
    vlans.check(pods[0], conf, results[0])
    assert repair(vlans, conf) == ["nothing to mend"]
    for pod in pods:
        vlans.delete(pod, conf)
    vlans.assert_nothing_left(pods[0])


def test_filtering_that_is_turned_on_later_cuts_nobody_off(vlans):
    conf, pods = network(quietBridge=True), [vlans.pod(), vlans.pod()]
    results = [vlans.add(pod, conf) for pod in pods]
    vlans.add(vlans.pod(), access(100, name="second", ipam=subnet(9)))
    assert vlans.links()["cni0"]["linkinfo"]["info_data"]["vlan_filtering"] == 1
    for pod in pods:
        assert pod.ping("10.1.2.1")
    assert pods[0].ping(address_of(results[1])) and vlans.ping(address_of(results[0]))
    assert vlans_of_entry(vlans, results[0]) >= {None, 1}
    vlans.check(pods[0], conf, results[0])


def test_what_is_changed_comes_back(vlans):
    conf, pod = gateway(100, 5), vlans.pod()
    result = vlans.add(pod, conf)
    known = neighbours(vlans, "cni0.100")
    vlans.ip("link set cni0.100 down")
    vlans.ip("link set cni0.100 up")
    vlans.run("bridge", "fdb", "del", mac_of(result), "dev", port_of(result), "master", "vlan", "100")
    assert neighbours(vlans, "cni0.100") == {}
    repair(vlans, conf)
    assert neighbours(vlans, "cni0.100") == known
    assert vlans_of_entry(vlans, result) == {None, 100}
    vlans.check(pod, conf, result)
    # An earlier version's DEL leaves a VLAN's as well.
    vlans.ip(f"neigh add 10.1.5.9 dev cni0.100 lladdr {UNKNOWN} nud permanent protocol 98")
    assert len(repair(vlans, conf)) == 1
    assert neighbours(vlans, "cni0.100") == known
    assert named(result, sandbox=True)
