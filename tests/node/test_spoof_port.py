# SPDX-License-Identifier: GPL-2.0-or-later
"""The port of a pod that is checked for spoofing: when it forwards, and what floods do."""
import contextlib
import fcntl
import json
import re
import socket
import struct
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from harness import plugin
from harness.command import repair
from harness.delegates import Delegate
from harness.node import addresses_of, network
from harness.waiting import wait_for
from test_spoof_frames import (HOPS, ICMP6, IP, IP6, UDP, extension, icmp6, ipv4, link_local,
                               packed, packet6, udp)
from test_spoofcheck import BROADCAST, FOREIGN_MAC, counters, elements, mac_of, udp4, what_came

MARK = b"from somebody else"
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
CHECKED = network("dual", spoofCheck=True)


def port_of(result):
    return result["interfaces"][1]["name"]


def set_up(sock):
    """Sets eth0 up, as a pod may that has the capability."""
    request = fcntl.ioctl(sock, SIOCGIFFLAGS, struct.pack("16sH22x", b"eth0", 0))
    flags = struct.unpack_from("H", request, 16)[0] | IFF_UP
    fcntl.ioctl(sock, SIOCSIFFLAGS, struct.pack("16sH22x", b"eth0", flags))


@contextlib.contextmanager
def spoofing(pod):
    """Sends frames from another's addresses as soon as there is an interface, and goes on.
    Gives a list of which each sent frame makes the first item one more."""
    sent, over = [0], threading.Event()
    frame = b"\xff" * 6 + FOREIGN_MAC + struct.pack("!H", IP) + ipv4(
        "10.1.2.99", "10.1.2.255", UDP, udp(9, 9, MARK))

    def run():
        with pod.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
            while not over.is_set():
                try:
                    set_up(control)
                    with pod.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
                        mouth.bind(("eth0", 0))
                        while not over.is_set():
                            mouth.send(frame)
                            sent[0] += 1
                            if sent[0] % 16 == 0:
                                time.sleep(0.0002)
                except OSError:
                    time.sleep(0.0002)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield sent
    finally:
        over.set()
        thread.join()


@contextlib.contextmanager
def listening(pod):
    """Gives a list of the marked frames that have come when the block is over."""
    heard = []
    with pod.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3)) as ears:
        ears.bind(("eth0", 3))
        ears.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        yield heard
        ears.settimeout(0.3)
        with contextlib.suppress(TimeoutError):
            while True:
                frame = ears.recv(4096)
                if MARK in frame:
                    heard.append(frame)


def come_and_go(node, conf, times=8):
    victim, pod = node.pod(), node.pod()
    node.add(victim, network("dual"))
    with listening(victim) as heard, spoofing(pod) as sent:
        for _ in range(times):
            node.add(pod, conf)
            before = sent[0]
            wait_for(lambda: sent[0] > before)
            node.delete(pod, conf)
    return heard


@pytest.mark.parametrize("key", ["spoofCheck", "macspoofchk"])
def test_nothing_spoofed_passes_while_a_pod_comes_and_goes(node, key):
    assert come_and_go(node, network("dual", **{key: True})) == []


def test_without_a_check_it_does(node):
    """The control: the spoofing pod is quick enough to be heard."""
    assert come_and_go(node, network("dual"))


SLOW = '''
    n = int(os.environ["CNI_CONTAINERID"].split("-")[0][3:])
    if verb == "ADD" and n: hold("add")
    if verb == "DEL" and n: hold("del")
    if verb == "ADD": answer(ips=[{"address": "10.1.2.%d/24" % (n + 5)}])'''


def test_nothing_spoofed_passes_while_another_IPAM_plugin_thinks(node):
    slow, victim, pod = Delegate(node, SLOW), node.pod(), node.pod()
    conf = slow.conf(spoofCheck=True)
    slow.add(victim, conf)
    discover = ipv4("0.0.0.0", "255.255.255.255", UDP, udp(68, 67, b"discover"))
    with ThreadPoolExecutor() as pool:
        for verb in "add", "del":
            pending = pool.submit({"add": slow.add, "del": slow.delete}[verb], pod, conf)
            with slow.held(verb):
                with listening(victim) as heard, spoofing(pod) as sent:
                    wait_for(lambda: sent[0] > 100)
                    # It has its own link, for DHCP, and forwards what others would see.
                    wait_for(lambda: any(discover in frame for frame in what_came(
                        pod, victim, mac_of(pod), [BROADCAST + mac_of(pod) + struct.pack("!H", IP) + discover])))
                    before = sent[0]
                    wait_for(lambda: sent[0] > before + 100)
                assert heard == []
            pending.result()
    slow.delete(victim, conf)
    assert elements(node) == 0


def test_an_ADD_that_another_IPAM_plugin_fails_leaves_nothing(node):
    fails = Delegate(node, 'if verb == "ADD": sys.exit(1)')
    pod = node.pod()
    with pytest.raises(plugin.CniError):
        fails.add(pod, fails.conf(spoofCheck=True))
    assert elements(node) == 0
    node.assert_nothing_left(pod)


def test_rules_that_somebody_flushes_while_another_IPAM_plugin_thinks_come_back(node):
    slow, pod = Delegate(node, SLOW), [node.pod(), node.pod()][1]
    conf = slow.conf(spoofCheck=True)
    with ThreadPoolExecutor() as pool:
        pending = pool.submit(slow.add, pod, conf)
        with slow.held("add"):
            node.nft("flush ruleset")
        result = pending.result()
    slow.check(pod, result, conf)


# -- what the bridge remembers


def port(node, name):
    found = json.loads(node.run("ip", "-j", "-d", "link", "show", "dev", name).stdout)[0]
    data = {k: v for k, v in found["linkinfo"]["info_slave_data"].items()
            if not k.endswith("_timer")}
    return data | {"up": "UP" in found["flags"]}


def entries(node):
    """Those of the bridge. Interfaces have filters of their own ("self"), which change by
    themselves."""
    shown = json.loads(node.run("bridge", "-j", "fdb", "show", "br", "cni0").stdout)
    return [entry for entry in shown if "self" not in entry["flags"]]


def fixed(node):
    """Those that the bridge hasn't learned: any frame may be the first of its sender."""
    return [entry for entry in entries(node) if entry["state"]]


def entry_of(node, mac):
    """There is one for each VLAN of the port, on a kernel that has them."""
    [found] = {(e["ifname"], e["state"], "sticky" in e["flags"])
               for e in entries(node) if e["mac"] == mac.hex(":")}
    return found


@pytest.mark.parametrize("key", ["spoofCheck", "macspoofchk"])
def test_a_checked_port_learns_nothing_and_the_pods_own_address_is_fixed(node, key):
    conf, pod = network(**{key: True}), node.pod()
    result = node.add(pod, conf)
    name = port_of(result)
    found = port(node, name)
    assert (found["up"], found["learning"], found["guard"]) == (True, False, True)
    assert entry_of(node, mac_of(pod)) == (name, "static", True)
    node.delete(pod, conf)
    assert not any(e["mac"] == mac_of_result(result) for e in entries(node))


def mac_of_result(result):
    return result["interfaces"][2]["mac"]


def test_a_port_without_checks_is_as_before(node):
    name = port_of(node.add(node.pod(), network()))
    found = port(node, name)
    assert (found["up"], found["learning"], found["guard"]) == (True, True, False)


HARM = {
    "learning": lambda node, name, mac: node.run("bridge", "link", "set", "dev", name,
                                                 "learning", "on"),
    "spanning tree": lambda node, name, mac: node.run("bridge", "link", "set", "dev", name,
                                                      "guard", "off"),
    "entry": lambda node, name, mac: node.run("bridge", "fdb", "del", mac, "dev", name,
                                              "master"),
}


@pytest.mark.parametrize("harm", HARM)
def test_CHECK_names_what_the_port_lacks_and_repair_puts_it_back(node, harm):
    pod = node.pod()
    result = node.add(pod, CHECKED)
    name = port_of(result)
    before = port(node, name), fixed(node)
    HARM[harm](node, name, mac_of_result(result))
    with plugin.refusal(plugin.CHECK, name, harm, "spoofCheck"):
        node.check(pod, CHECKED, result)
    [line] = repair(node, CHECKED)
    assert harm in line and name in line
    assert (port(node, name), fixed(node)) == before
    node.check(pod, CHECKED, result)
    assert repair(node, CHECKED) == ["nothing to mend"]


def test_a_port_of_a_deleted_bridge_has_its_guards_again(node):
    pod = node.pod()
    result = node.add(pod, CHECKED)
    node.ip("link del cni0")
    repair(node, CHECKED)
    node.check(pod, CHECKED, result)
    assert entry_of(node, mac_of(pod))[2] and not port(node, port_of(result))["learning"]


def test_no_other_port_takes_a_checked_pods_MAC_address(node):
    victim, other = node.pod(), node.pod()
    result = node.add(victim, CHECKED)
    node.add(other, network("dual"))
    mac = mac_of(victim)
    with other.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
        mouth.bind(("eth0", 0))
        for _ in range(5):
            mouth.send(b"\xff" * 6 + mac + struct.pack("!H", IP) +
                       udp4("10.1.2.2", "10.1.2.255"))
    assert entry_of(node, mac) == (port_of(result), "static", True)
    assert victim.ping("10.1.2.1")


def asking_for(mac, **keys):
    return network("dual", capabilities={"mac": True}, runtimeConfig={"mac": mac},
                   **(keys or {"spoofCheck": True}))


OWNERS = {"bridge": 0, "port": 1, "checked pod": 2}


@pytest.mark.parametrize("key", ["spoofCheck", "macspoofchk"])
@pytest.mark.parametrize("whose", OWNERS)
def test_an_address_that_is_fixed_elsewhere_is_not_to_be_had_by_asking_for_it(node, whose,
                                                                              key):
    """Else all that is sent to the gateway, or to that pod, would come here."""
    victim, other, pod = node.pod(), node.pod(), node.pod()
    result = node.add(victim, CHECKED)
    node.add(other, network("dual"))
    mac = result["interfaces"][OWNERS[whose]]["mac"]
    holder = "cni0" if whose == "bridge" else port_of(result)
    before = fixed(node)
    node.refused(pod, asking_for(mac, **{key: True}), plugin.EXISTS, mac, holder)
    node.assert_nothing_left(pod, others=2)
    assert fixed(node) == before
    assert other.ping("10.1.2.1") and other.ping(addresses_of(result)[0])
    node.check(victim, CHECKED, result)


def test_the_same_holds_while_another_IPAM_plugin_is_to_run(node):
    fake, victim, pod = Delegate(node), node.pod(), node.pod()
    result = node.add(victim, CHECKED)
    mac, before = mac_of_result(result), elements(node)
    with plugin.refusal(plugin.EXISTS, mac, port_of(result)):
        fake.add(pod, fake.conf(spoofCheck=True, name="second", capabilities={"mac": True},
                                isDefaultGateway=False, runtimeConfig={"mac": mac}))
    assert elements(node) == before and "ADD" not in fake.verbs()
    node.assert_nothing_left(pod, others=1)


def test_an_address_that_the_bridge_has_learned_elsewhere_is(node):
    other, pod, mac = node.pod(), node.pod(), "02:00:00:00:00:42"
    name = port_of(node.add(other, network("dual")))
    node.run("bridge", "fdb", "add", mac, "dev", name, "master", "dynamic")
    result = node.add(pod, asking_for(mac))
    assert entry_of(node, mac_of(pod)) == (port_of(result), "static", True)
    assert other.ping(addresses_of(result)[0])


def flood(pod, n):
    """Sends from @n MAC addresses that nobody has."""
    with pod.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
        mouth.bind(("eth0", 0))
        payload = struct.pack("!H", IP) + udp4("10.1.2.2", "10.1.2.255")
        for i in range(n):
            mouth.send(b"\xff" * 6 + b"\x02\x66" + struct.pack("!I", i) + payload)


def test_a_flood_of_MAC_addresses_reaches_no_memory(node):
    pod = node.pod()
    node.add(pod, CHECKED)
    before = len(entries(node))
    flood(pod, 20000)
    assert len(entries(node)) == before
    assert counters(node)["spoof_mac"] == 20000


def test_a_bridge_made_here_learns_a_bounded_number_of_addresses(node):
    pod = node.pod()
    node.add(pod, network())
    data = node.links()["cni0"]["linkinfo"]["info_data"]
    flood(pod, 20000)
    n = len(entries(node))
    # iproute2 shows the limit since 6.8; the kernel has it since 6.7.
    if kernel() < (6, 7):
        pytest.skip("this kernel has no such limit")
    assert data.get("fdb_max_learned", 2048) == 2048
    assert 2000 < n < 2100


def kernel():
    release = open("/proc/sys/kernel/osrelease").read()
    return tuple(int(number) for number in re.match(r"(\d+)\.(\d+)", release).groups())


@pytest.mark.parametrize("at_once", [1, 8, 60, 72])
def test_reports_without_end_leave_the_bridge_its_knowledge_of_groups(node, at_once):
    pod = node.pod()
    name = port_of(node.add(pod, CHECKED))
    mac = mac_of(pod)
    local = link_local(mac)
    with pod.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
        mouth.bind(("eth0", 0))
        for i in range(5000 // at_once + 50):
            records = b"".join(b"\4\0\0\0" + packed(f"ff05::{i:x}:{k:x}")
                               for k in range(1, at_once + 1))
            message = icmp6(143, struct.pack("!HH", 0, at_once) + records, source=local,
                            target="ff02::16")
            # A router alert, without which the bridge takes no report.
            hops = bytes([ICMP6, 0, 5, 2, 0, 0, 1, 0])
            mouth.send(bytes.fromhex("333300000016") + mac + struct.pack("!H", IP6) +
                       packet6(local, "ff02::16", HOPS, hops + message, hops=1))
    assert node.links()["cni0"]["linkinfo"]["info_data"]["mcast_snooping"] == 1
    known = json.loads(node.run("bridge", "-j", "mdb", "show", "dev", "cni0").stdout)
    mine = [e for e in known[0]["mdb"] if e["port"] == name]
    assert len(mine) < 3946 and (len(mine) > 50 or at_once > 64)
    assert counters(node)["spoof_query"] > 50


def test_frames_of_spanning_tree_move_nothing_in_a_bridge_that_has_it(node):
    pod = node.pod()
    name = port_of(node.add(pod, CHECKED))
    node.ip("link set cni0 type bridge stp_state 1 priority 32768")
    root = node.links()["cni0"]["linkinfo"]["info_data"]["root_id"]
    mac = mac_of(pod)
    identity = b"\0\0" + mac
    bpdu = b"\x42\x42\3" + b"\0\0\0\0\1" + identity + bytes(4) + identity + b"\x80\1" + \
        b"\0\0\x14\0\2\0\x0f\0"
    with pod.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
        mouth.bind(("eth0", 0))
        mouth.send(bytes.fromhex("0180c2000000") + mac + struct.pack("!H", len(bpdu)) +
                   bpdu)
    assert node.links()["cni0"]["linkinfo"]["info_data"]["root_id"] == root
    assert port(node, name)["state"] == "disabled"


def solicit(pod, n):
    """Sends solicitations from @n sources of the pod's subnet."""
    with pod.socket(socket.AF_PACKET, socket.SOCK_RAW) as mouth:
        mouth.bind(("eth0", 0))
        mac = mac_of(pod)
        for i in range(n):
            source, target = f"fd00:1:2::7:{i:x}", "fd00:1:2::1"
            message = icmp6(135, bytes(4) + packed(target), b"\1\1" + mac, source, target)
            mouth.send(b"\x33\x33\xff\0\0\1" + mac + struct.pack("!H", IP6) +
                       packet6(source, target, ICMP6, message))


def neighbours(node):
    return len(node.run("ip", "-6", "neigh", "show", "dev", "cni0").stdout.splitlines())


def test_solicitations_from_anybody_fill_no_neighbour_table(node):
    """The table is one for all namespaces; full, new pods get no IPv6 addresses."""
    node.add(free := node.pod(), network("dual"))
    solicit(free, 50)
    wait_for(lambda: neighbours(node) > 40)
    pod = node.pod()
    node.add(pod, CHECKED)
    before = neighbours(node)
    solicit(pod, 3000)
    assert neighbours(node) <= before
    assert counters(node)["spoof_ip6"] == 3000
    for _ in range(8):
        node.add(node.pod(), CHECKED)
