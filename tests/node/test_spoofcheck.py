# SPDX-License-Identifier: GPL-2.0-or-later
"""spoofCheck and macspoofchk: what a pod may send, told by what reaches a neighbour."""
import contextlib
import fcntl
import ipaddress
import json
import os
import re
import socket
import struct
import time

import pytest

from harness import plugin
from harness.command import repair
from harness.netns import on_one_processor
from harness.node import network
from harness.waiting import ANSWER, SLOWNESS

SIOCGIFADDR = 0x8915
FOREIGN_MAC = bytes.fromhex("0a58c0ffee01")
BROADCAST = b"\xff" * 6
IP, ARP, IP6, VLAN = 0x0800, 0x0806, 0x86DD, 0x8100
SPOOFED4, SPOOFED6 = "10.1.2.99", "fd00:1:2::99"


def mac_of(pod):
    return bytes.fromhex(pod.links()["eth0"]["address"].replace(":", ""))


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def udp4(source, target, ports=(9, 9), data=b"spoo"):
    head = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 28 + len(data), 7, 0, 64, 17, 0,
                       ipaddress.ip_address(source).packed,
                       ipaddress.ip_address(target).packed)
    head = head[:10] + struct.pack("!H", checksum(head)) + head[12:]
    return head + struct.pack("!HHHH", *ports, 8 + len(data), 0) + data


def packet6(source, target, proto, payload, hops=255):
    return struct.pack("!IHBB", 6 << 28, len(payload), proto, hops) + \
        ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed + payload


def advert(source, target_address, mac):
    target = "ff02::1"
    body = struct.pack("!BBHI", 136, 0, 0, 0x20000000) + \
        ipaddress.ip_address(target_address).packed + b"\x02\x01" + mac
    pseudo = ipaddress.ip_address(source).packed + ipaddress.ip_address(target).packed + \
        struct.pack("!II", len(body), 58)
    body = body[:2] + struct.pack("!H", checksum(pseudo + body)) + body[4:]
    return packet6(source, target, 58, body)


def arp(mac, ip, target):
    return struct.pack("!HHBBH6s4s6s4s", 1, IP, 6, 4, 1, mac, ipaddress.ip_address(ip).packed,
                       b"\0" * 6, ipaddress.ip_address(target).packed)


def allowed_of(pod, mac, data):
    """A frame to all that passes every check: from the pod's own address into its subnet, or where it has
    no address the search for a DHCP server."""
    source, target, ports = "0.0.0.0", "255.255.255.255", (68, 67)
    with pod.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        with contextlib.suppress(OSError):
            shown = fcntl.ioctl(sock, SIOCGIFADDR, struct.pack("16s24x", b"eth0"))
            source, ports = socket.inet_ntoa(shown[20:24]), (9, 9)
            target = source.rpartition(".")[0] + ".255"
    return BROADCAST + mac + struct.pack("!H", IP) + udp4(source, target, ports, data)


def what_came(sender, receiver, mac, frames):
    """Sends the frames by the sender's eth0, and gives all that the receiver's hears. One that is allowed is
    sent last: when it has come, no other one is under way."""
    mark, heard = os.urandom(8), []
    last = allowed_of(sender, mac, mark)
    with receiver.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as ears, \
            sender.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
        ears.bind(("eth0", 3))
        mouth.bind(("eth0", 0))
        with on_one_processor():
            for frame in [*frames, last]:
                mouth.send(frame)
        end = time.monotonic() + ANSWER * SLOWNESS
        with contextlib.suppress(TimeoutError):  # the receiver hears nobody
            while not heard or mark not in heard[-1]:
                ears.settimeout(max(end - time.monotonic(), 0.05))
                heard.append(ears.recv(4096))
    return heard


def arrives(sender, receiver, payload, kind, source=None, target=BROADCAST):
    """Does a frame from the sender's eth0 reach the receiver's?"""
    mac = mac_of(sender)
    frame = target + (source or mac) + struct.pack("!H", kind) + payload
    return any(payload in heard for heard in what_came(sender, receiver, mac, [frame]))


@pytest.fixture
def pods(node):
    """Two pods of a network with the checks that the test names, and one without any."""
    def make(**keys):
        pair = node.pod(), node.pod()
        return [(pod, node.add(pod, network("dual", **keys))) for pod in pair]
    return make


def own(result, family):
    return next(str(ipaddress.ip_interface(ip["address"]).ip) for ip in result["ips"]
                if ipaddress.ip_interface(ip["address"]).version == family)


def frames(sender, result):
    """name: (arguments of arrives(), may it pass with spoofCheck, with macspoofchk)"""
    four, six, mac = own(result, 4), own(result, 6), mac_of(sender)
    return {
        "own IPv4": ((udp4(four, "10.1.2.255"), IP), True, True),
        "own IPv6": ((packet6(six, "ff02::1", 17, struct.pack("!HHHH", 9, 9, 8, 0)), IP6),
                     True, True),
        "own ARP": ((arp(mac, four, "10.1.2.250"), ARP), True, True),
        "own advertisement": ((advert(six, six, mac), IP6), True, True),
        "foreign MAC": ((udp4(four, "10.1.2.254"), IP, FOREIGN_MAC), False, False),
        "foreign IPv4": ((udp4(SPOOFED4, "10.1.2.255"), IP), False, True),
        "foreign IPv6": ((packet6(SPOOFED6, "ff02::1", 17,
                                  struct.pack("!HHHH", 7, 9, 8, 0)), IP6), False, True),
        "foreign address in ARP": ((arp(mac, SPOOFED4, "10.1.2.250"), ARP), False, True),
        "foreign MAC in ARP": ((arp(FOREIGN_MAC, four, "10.1.2.249"), ARP), False, True),
        "advertisement of a foreign address": ((advert(six, SPOOFED6, mac), IP6),
                                               False, True),
        "unspecified source, not for detection": (
            (packet6("::", "ff02::1", 17, struct.pack("!HHHH", 8, 9, 8, 0)), IP6),
            False, True),
    }


@pytest.mark.parametrize("keys, allowed", [({"spoofCheck": True}, 1),
                                           ({"macspoofchk": True}, 2)])
def test_only_what_is_the_pods_own_passes(pods, keys, allowed):
    (sender, result), (receiver, _) = pods(**keys)
    for name, (arguments, *may) in frames(sender, result).items():
        assert arrives(sender, receiver, *arguments) == may[allowed - 1], name


def test_without_a_check_all_of_it_passes(pods):
    """The control: frames are right, and only the checks stop them."""
    (sender, result), (receiver, _) = pods()
    for name, (arguments, *_) in frames(sender, result).items():
        assert arrives(sender, receiver, *arguments), name


def test_tagged_frames_carry_nothing_past_the_checks(pods):
    (sender, _), (receiver, _) = pods(spoofCheck=True)
    payload = struct.pack("!HH", 5, IP) + udp4(SPOOFED4, "10.1.2.255")
    assert not arrives(sender, receiver, payload, VLAN)


def test_pods_work_with_all_checks(node, pods):
    (first, result), (second, other) = pods(spoofCheck=True, hairpinMode=True)
    for ip in (own(other, 4), own(other, 6), "10.1.2.1", "fd00:1:2::1"):
        assert first.ping(ip), ip
    assert second.ping(own(result, 4)) and second.ping(own(result, 6))


def rules(node):
    return [entry["rule"] for entry in table(node) if "rule" in entry]


def test_rules_are_as_many_for_many_pods_and_count_attempts(node, pods):
    (sender, result), (receiver, _) = pods(spoofCheck=True)
    before = len(rules(node))
    pods(spoofCheck=True)
    assert len(rules(node)) == before
    arrives(sender, receiver, udp4(SPOOFED4, "10.1.2.255"), IP)
    assert {k: n for k, n in counters(node).items() if n} == {"spoof_ip4": 1}
    assert dropped_ports(node) == [result["interfaces"][1]["name"]]


def table(node):
    return json.loads(node.run("nft", "-j", "list", "table", "bridge",
                               "bridge_cni").stdout)["nftables"]


def counters(node):
    """What was dropped, by kind."""
    return {entry["counter"]["name"]: entry["counter"]["packets"]
            for entry in table(node) if "counter" in entry}


def dropped_ports(node):
    """The ports whose frames were dropped lately."""
    [entry] = [entry["set"] for entry in table(node)
               if entry.get("set", {}).get("name") == "dropped_ports"]
    return [element["elem"]["val"] for element in entry.get("elem", [])]


def sets(node):
    """The owners' sets."""
    return {entry["set"]["name"]: entry["set"].get("elem", [])
            for entry in table(node)
            if "set" in entry and "timeout" not in entry["set"]}


def elements(node):
    """How many elements all sets of the table have together, but for the sentinels."""
    return sum('"/"' not in json.dumps(elem) for elems in sets(node).values()
               for elem in elems)


@pytest.mark.parametrize("keys", [{"spoofCheck": True}, {"macspoofchk": True}])
def test_elements_go_with_the_pod_whatever_the_configuration_says_by_then(node, keys):
    conf, pod, other = network("dual", **keys), node.pod(), node.pod()
    node.add(other, conf)
    before = elements(node)
    node.add(pod, conf)
    assert elements(node) > before
    node.delete(pod, network("dual"))
    assert elements(node) == before
    node.delete(other, conf)
    assert elements(node) == 0


def test_a_failed_ADD_leaves_no_element(node):
    conf = network(spoofCheck=True)
    node.add(node.pod(), conf)
    before = elements(node)
    conf["ipam"]["routes"] = [{"dst": "192.0.2.0/24", "gw": "203.0.113.1"}]
    with pytest.raises(plugin.CniError):
        node.add(node.pod(), conf)
    assert elements(node) == before


def test_CHECK_names_what_is_missing(node):
    conf, pod = network(spoofCheck=True), node.pod()
    result = node.add(pod, conf)
    node.check(pod, conf, result)
    node.run("nft", "flush", "chain", "bridge", "bridge_cni", "prerouting")
    with plugin.refusal(plugin.CHECK, "spoofcheck", "prerouting"):
        node.check(pod, conf, result)


@pytest.mark.parametrize("key, of_set", [("spoofCheck", "src4"), ("macspoofchk", "macs")])
def test_CHECK_names_a_missing_element(node, key, of_set):
    conf, pod = network(**{key: True}), node.pod()
    result = node.add(pod, conf)
    name = next(line.split()[1] for line in
                node.run("nft", "list", "sets", "bridge").stdout.splitlines()
                if line.split()[:1] == ["set"] and of_set in line)
    node.run("nft", "flush", "set", "bridge", "bridge_cni", name)
    with pytest.raises(plugin.CniError) as error:
        node.check(pod, conf, result)
    error.value.says(key + ":", name, "`bridge-cni repair` adds it")
    repair(node, conf)
    node.check(pod, conf, result)


def test_flushed_rules_come_back_for_all_pods_with_the_next_ADD(node):
    conf = network("dual", spoofCheck=True)
    first, second, third = node.pod(), node.pod(), node.pod()
    results = [node.add(pod, conf) for pod in (first, second)]
    node.run("nft", "flush", "ruleset")
    assert arrives(first, second, udp4(SPOOFED4, "10.1.2.255"), IP)
    node.add(third, conf)
    for pod, result in zip((first, second), results):
        node.check(pod, conf, result)
    assert not arrives(first, second, udp4(SPOOFED4, "10.1.2.255"), IP)
    assert first.ping(own(results[1], 4)) and first.ping(own(results[1], 6))


def test_a_set_that_somebody_emptied_is_filled_for_all_pods_with_the_next_ADD(node):
    conf = network("dual", spoofCheck=True)
    pods = [node.pod() for _ in range(3)]
    results = [node.add(pod, conf) for pod in pods[:2]]
    whole = sets(node)
    assert len(whole) == 7 and all(whole.values())
    for name in whole:
        node.run("nft", "flush", "set", "bridge", "bridge_cni", name)
        with pytest.raises(plugin.CniError) as error:
            node.check(pods[0], conf, results[0])
        error.value.says(name)
        node.add(pods[2], conf)
        node.delete(pods[2], conf)
        for pod, result in zip(pods, results):
            node.check(pod, conf, result)
        assert elements(node) == sum(map(len, whole.values())) - len(whole)


def test_an_ADD_whose_sets_are_as_they_should_be_loads_no_libnftables(node):
    """Nor does it ask for their sentinels in more than the one send that reads the rules."""
    conf, pod = network(spoofCheck=True), node.pod()
    node.add(node.pod(), conf)
    trace = node.directory / "trace"
    done = node.invoke("ADD", conf, pod, env=plugin.TRACED,
                       wrapper=plugin.strace(trace, "openat,socket,sendto"))
    assert done.returncode == 0, done.stdout
    text = trace.read_text()
    netfilter = re.search(r"socket\(AF_NETLINK.*NETFILTER\) = (\d+)", text)[1]
    # The rules of both tables, for three stages, and the pod's elements.
    assert text.count(f"sendto({netfilter}, ") == 4, text
    assert "libnftables" not in text


def test_two_networks_on_one_bridge_are_checked_each_for_itself(node):
    strict, free = network(spoofCheck=True), network(name="free", ipam={
        "ranges": [[{"subnet": "10.1.2.0/24", "rangeStart": "10.1.2.128"}]]})
    checked, unchecked = node.pod(), node.pod()
    node.add(checked, strict)
    node.add(unchecked, free)
    assert arrives(unchecked, checked, udp4(SPOOFED4, "10.1.2.255"), IP)
    assert not arrives(checked, unchecked, udp4(SPOOFED4, "10.1.2.255"), IP)


def test_a_requested_MAC_address_is_the_one_that_may_send(node):
    conf = network(macspoofchk=True, runtimeConfig={"mac": "0a:00:00:00:00:07"})
    sender, receiver = node.pod(), node.pod()
    result = node.add(sender, conf)
    node.add(receiver, network(macspoofchk=True))
    assert arrives(sender, receiver, udp4(own(result, 4), "10.1.2.255"), IP)
    node.delete(sender, conf)
    assert elements(node) == 2  # the receiver's: port, and port and MAC address


def test_a_network_without_addresses_can_be_checked_for_MAC_addresses(node):
    conf = network(macspoofchk=True, ipam=None, isDefaultGateway=None, ipMasq=None)
    sender, receiver = node.pod(), node.pod()
    for pod in (sender, receiver):
        node.add(pod, conf)
    frame = udp4("10.9.9.9", "10.9.9.255")
    assert arrives(sender, receiver, frame, IP)
    assert not arrives(sender, receiver, frame, IP, FOREIGN_MAC)
    for pod in (sender, receiver):
        node.delete(pod, conf)
    assert elements(node) == 0
