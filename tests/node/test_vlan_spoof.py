# SPDX-License-Identifier: GPL-2.0-or-later
"""spoofCheck on ports with VLANs: tags pass on trunks alone, and what is in them is checked."""
import json
import struct

from harness import plugin
from harness.vlan import access, address_of, port_of, subnet, trunk
from test_spoof_frames import IP, UDP, arrived, ipv4, udp
from test_spoofcheck import counters, mac_of

DOT1Q = 0x8100


def tag(vlan, kind, payload):
    return DOT1Q, struct.pack("!HH", vlan, kind) + payload


def pair(node, conf):
    pods = node.pod(), node.pod()
    results = [node.add(pod, conf) for pod in pods]
    return *pods, results[0]


def frames(four):
    to = "10.1.5.250"
    return {
        "own": tag(100, IP, ipv4(four, to, UDP, udp(9, 9, b"own"))),
        "foreign": tag(100, IP, ipv4("10.1.5.99", to, UDP, udp(9, 9, b"foreign"))),
        "a DHCP server's": tag(100, IP, ipv4(four, to, UDP, udp(67, 68, b"ack"))),
        "PPPoE": tag(100, 0x8863, b"\x11\x09\0\0\0\4\1\1\0\0"),
    }


def test_what_is_in_the_tags_of_a_trunk_is_checked(vlans):
    sender, receiver, result = pair(vlans, trunk({"id": 100}, spoofCheck=True,
                                                 ipam=subnet(5)))
    assert arrived(sender, receiver, frames(address_of(result))) == {"own"}
    assert {k: n for k, n in counters(vlans).items() if n} == {
        "spoof_ip4": 1, "spoof_dhcp": 1, "spoof_ethertype": 1}


def test_without_spoofCheck_all_of_it_passes_a_trunk(vlans):
    sender, receiver, result = pair(vlans, trunk({"id": 100}, ipam=subnet(5)))
    sent = frames(address_of(result))
    assert arrived(sender, receiver, sent) == set(sent)


def test_an_access_port_takes_no_tags(vlans):
    sender, receiver, result = pair(vlans, access(100, spoofCheck=True, ipam=subnet(5)))
    sent = frames(address_of(result))
    for kind, payload in sent.values():
        assert arrived(sender, receiver, {"": (kind, payload)}) == set()
    assert {k: n for k, n in counters(vlans).items() if n} == {
        "spoof_ethertype": len(sent)}


def test_the_pods_address_is_fixed_in_each_VLAN_of_its_port(vlans):
    sender, _, result = pair(vlans, trunk({"id": 100}, {"minID": 200, "maxID": 202},
                                          macspoofchk=True, ipam=subnet(5)))
    found = json.loads(vlans.run("bridge", "-j", "fdb", "show", "br", "cni0").stdout)
    mine = {e.get("vlan"): "sticky" in e["flags"] for e in found
            if e["mac"] == mac_of(sender).hex(":") and e["ifname"] == port_of(result)}
    assert {1, 100, 200, 201, 202} <= set(mine) and all(mine.values())


def test_pods_of_two_VLANs_may_have_one_MAC_address_those_of_one_may_not(vlans):
    def conf(vlan, third):
        return access(vlan, spoofCheck=True, ipam=subnet(third), name=f"in{vlan}",
                      capabilities={"mac": True}, runtimeConfig={"mac": mac})

    mac = "02:00:00:00:00:42"
    pods = [vlans.pod() for _ in range(3)]
    results = [vlans.add(pods[0], conf(100, 5)), vlans.add(pods[1], conf(200, 6))]
    vlans.refused(pods[2], conf(100, 5), plugin.EXISTS, mac, port_of(results[0]))
    for pod, result, one in zip(pods, results, [conf(100, 5), conf(200, 6)]):
        vlans.check(pod, one, result)


def test_the_bridges_MAC_address_is_none_for_a_pod_of_a_VLAN_either(vlans):
    first, second = vlans.pod(), vlans.pod()
    mac = vlans.add(first, access(100, ipam=subnet(5)))["interfaces"][0]["mac"]
    asking = access(100, spoofCheck=True, ipam=subnet(5), capabilities={"mac": True},
                    runtimeConfig={"mac": mac})
    vlans.refused(second, asking, plugin.EXISTS, mac, "cni0")


def test_nor_is_that_of_the_VLANs_gateway_whose_frames_stay_its_own(vlans):
    conf = access(100, isGateway=True, ipam=subnet(5))
    first, second = vlans.pod(), vlans.pod()
    vlans.add(first, conf)
    mac = vlans.links()["cni0.100"]["address"]
    asking = {**conf, "spoofCheck": True, "capabilities": {"mac": True},
              "runtimeConfig": {"mac": mac}}
    vlans.refused(second, asking, plugin.EXISTS, mac)
    # Without a check it may have it, and learning moves nothing.
    vlans.add(second, {**asking, "spoofCheck": False})
    second.ping("10.1.5.1", wait=1)
    assert first.ping("10.1.5.1")
