# SPDX-License-Identifier: GPL-2.0-or-later
"""What the attacker's frames do, in each mode; what everybody's traffic does beside that; and what
passes while a pod comes and goes."""
import contextlib
import fcntl
import functools
import socket
import struct
import threading
import time

import pytest
from scapy.layers.inet import IP
from scapy.layers.l2 import Ether

import document
from attack import HIGH, MODES, SERVICE, connected, in_all_modes, scene
from effects import EFFECTS, random6
from harness import plugin
from harness.delegates import Delegate
from harness.node import OUTSIDE4, OUTSIDE6, UPLINK
from harness.waiting import ANSWER, SLOWNESS
from maker import ALL4, BROADCAST, DATA, FOREIGN4, FOREIGN_MAC, Maker, final_frame

SIOCSIFFLAGS, IFF_UP = 0x8914, 1
SPOOFED = [mode for mode in MODES if "spoof" in mode.stops]


def by_mode(modes):
    return pytest.mark.parametrize("mode", modes, ids=lambda mode: mode.name)


# -- effects


def wanted(effect, mode):
    ways = {"N"} if mode.isolated else {"N", "P"}
    if mode.quiet and effect.known:
        return False
    return effect.stopped not in mode.stops and effect.way in ways | ({"B"} - {mode.routed and "B"})


def taken(mode, directory):
    """Effect -> is it there?"""
    found = {}
    with scene(directory, mode) as here:
        # A host believes an ARP answer at once, and not after a second.
        here.victim.sysctl("ipv4.neigh.eth0.locktime", 0)
        here.node.sysctl("ipv4.neigh.cni0.locktime", 0)
        # No frame of the bystander's own comes between.
        here.third.sysctl("ipv6.conf.eth0.disable_ipv6", 1)
        for effect in EFFECTS:
            frames = [bytes(frame) for frame in effect.make(Maker(here, 1))]
            here.send_through(frames, final_frame(here))
            found[effect] = bool(effect.took(here, frames))
    return found


@pytest.fixture(scope="module")
def all_modes(tmp_path_factory):
    """Name of the mode -> what taken() gives in it."""
    return in_all_modes(taken, tmp_path_factory)


@by_mode(MODES)
def test_frames_do_what_they_may(all_modes, mode):
    wrong = [f"{effect.name}: {took}, wanted {wanted(effect, mode)}"
             for effect, took in all_modes[mode.name].items() if took != wanted(effect, mode)]
    assert not wrong, "\n".join(wrong)


def test_the_document_has_this_table(all_modes):
    rows = [(effect.name, ["yes" if all_modes[mode.name][effect] else "–" for mode in MODES])
            for effect in EFFECTS]
    document.hold("effects", document.table([mode.name for mode in MODES], [("", rows)]))


@by_mode(SPOOFED)
def test_new_pods_have_IPv6_during_a_flood_of_neighbours(tmp_path, mode):
    """Of more sources than the kernel keeps neighbours, for all of a machine's namespaces."""
    with scene(tmp_path, mode) as here:
        maker = Maker(here, 1)
        flood = [bytes(maker.ns(source, maker.gateway.ip6)) for source in
                 (random6() for _ in range(1200))]
        with repeating(functools.partial(here.send, flood)):
            for _ in range(8):
                assert connected(here.node, here.conf).ping(here.gateway.ip6)


@contextlib.contextmanager
def repeating(function):
    """The function is called again and again, on a thread, while the block runs."""
    stop = threading.Event()

    def repeat():
        while not stop.is_set():
            function()

    thread = threading.Thread(target=repeat)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


# -- everybody's traffic


def echoed(kind, client, server, source, target):
    """Does what a client sends come back from a server in the other namespace?"""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    with server.socket(family, kind) as here, client.socket(family, kind) as there:
        here.bind((target, 0))
        there.bind((source, 0))
        if kind == socket.SOCK_STREAM:
            here.listen()
        there.connect(here.getsockname())
        there.send(b"x" * 5000)
        if kind == socket.SOCK_STREAM:
            with here.accept()[0] as accepted:
                accepted.sendall(accepted.recv(5000, socket.MSG_WAITALL))
        else:
            data, address = here.recvfrom(5000)
            here.sendto(data, address)
        return there.recv(5000, socket.MSG_WAITALL) == b"x" * 5000


def group_heard(sender, receiver, group):
    """Does a datagram to a group reach a pod that has joined the group?"""
    six = ":" in group
    host = receiver.host
    with sender.udp(sender.host.ip6 if six else sender.host.ip4) as there, \
            receiver.udp("::" if six else "0.0.0.0", 4712) as here:
        if six:
            index = receiver.call(socket.if_nametoindex, "eth0")
            here.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                            socket.inet_pton(socket.AF_INET6, group) + struct.pack("I", index))
        else:
            here.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                            socket.inet_aton(group) + socket.inet_aton(host.ip4))
        here.settimeout(ANSWER * SLOWNESS)
        if sender.node.links()["cni0"]["linkinfo"]["info_data"]["mcast_querier"]:
            # A bridge that asks for members sends them nothing before it has heard their report.
            here.settimeout(0.3)
            for _ in range(10 * SLOWNESS):
                there.sendto(b"?", (group, 4712))
                with contextlib.suppress(TimeoutError):
                    return here.recv(16) == b"?"
            return False
        there.sendto(b"?", (group, 4712))
        return here.recv(16) == b"?"


def everyday(here):
    """(what, function that is true where it works)"""
    pod, other = here.attacker, here.victim
    places = [here.gateway.ip4, here.gateway.ip6, OUTSIDE4, OUTSIDE6]
    if here.mode.routed or not here.mode.isolated:
        places += [other.host.ip4, other.host.second4, other.host.ip6]
        for source, target in ((pod.host.ip4, other.host.ip4), (pod.host.ip6, other.host.ip6),
                               (pod.host.second4, other.host.ip4)):
            for kind in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
                yield f"{kind.name} {source} {target}", functools.partial(
                    echoed, kind, pod, other, source, target)
    if not here.mode.isolated:
        for group in ("239.1.1.1", "224.0.0.251", "ff05::1:1", "ff02::fb"):
            yield group, functools.partial(group_heard, pod, other, group)
    for place in places:
        for options in ((), ("-s", "20000")):
            yield f"ping {place} {options}", lambda ping=("ping", "-nc1", "-W2", *options, place): \
                pod.run(*ping, check=False).returncode == 0
    yield "a whole packet of the MTU", lambda: pod.run(
        "ping", "-nc1", "-W2", "-Mdo", "-s8952", here.gateway.ip6, check=False).returncode == 0


def works(function):
    try:
        return function()
    except TimeoutError:
        return False


@by_mode(MODES)
def test_traffic_of_every_day_passes(tmp_path, mode):
    with scene(tmp_path, mode, mtu=9000) as here:
        here.node.ip(f"link set {UPLINK} mtu 9000")
        here.node.outside.ip("link set eth0 mtu 9000")
        assert [what for what, function in everyday(here) if not works(function)] == []


# -- while a pod comes and goes


@contextlib.contextmanager
def attacking(pod, mac):
    """A process of the pod sends what the checks stop, as soon as there is an interface: from a
    foreign MAC address (number 1), and from a foreign IP address with the pod's own MAC address
    (number 2). Gives a list; afterwards it has an entry for each frame that could be sent."""
    sent = []
    frames = [bytes(Ether(dst=BROADCAST, src=source) /
                    IP(src=FOREIGN4, dst=ALL4, id=HIGH << 8 | number, tos=SERVICE) / DATA)
              for number, source in ((1, FOREIGN_MAC), (2, mac))]

    def attack():
        for frame in frames:
            try:
                mouth.sendto(frame, ("eth0", 0))
                sent.append(frame)
            except OSError:  # not there, or not up yet; the process may have CAP_NET_ADMIN, too
                with contextlib.suppress(OSError):
                    fcntl.ioctl(mouth, SIOCSIFFLAGS, struct.pack("16sH", b"eth0", IFF_UP))
        time.sleep(0.0001)

    with pod.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as mouth, repeating(attack):
        yield sent


# An IPAM plugin that takes its time, and that sets the pod's interface up, as dhcp does.
SLOW = """
if verb == "ADD":
    subprocess.run(["nsenter", "--net=" + os.environ["CNI_NETNS"],
                    "ip", "link", "set", os.environ["CNI_IFNAME"], "up"], check=True)
time.sleep(0.2)
if verb == "ADD": answer(ips=[{"address": "10.1.2.200/24", "gateway": "10.1.2.1"}])
"""
PODS_MAC = "0a:00:00:00:00:07"


def passed_meanwhile(here, call, pod, numbers):
    """How many of an attacker's frames with these numbers arrive while the plugin is called, and
    how many the attacker could send."""
    with here.listening() as heard, attacking(pod, PODS_MAC) as sent:
        call()
        counts = heard()
    return sum(counts.get((place, number), 0) for place in "PN" for number in numbers), len(sent)


def failing(node):
    """An ADD that fails when the pod has been connected, so that it is undone."""
    def add(pod, conf, **kw):
        routes = [{"dst": "192.0.2.0/24", "gw": "203.0.113.1"}]
        with pytest.raises(plugin.CniError):
            node.add(pod, {**conf, "ipam": {**conf["ipam"], "routes": routes}}, **kw)
    return add


@pytest.mark.parametrize("slow", [False, True], ids=["host-local", "another IPAM plugin"])
@by_mode(MODES[:3])
def test_no_frame_passes_before_the_checks_or_after_them(tmp_path, mode, slow):
    with scene(tmp_path, mode) as here:
        delegate = Delegate(here.node, SLOW)
        conf = delegate.conf(**mode.keys) if slow else here.conf
        conf = {**conf, "runtimeConfig": {"mac": PODS_MAC}}
        calls = {"ADD": here.node.add, "DEL": here.node.delete}
        if not slow:
            calls["failed ADD"] = failing(here.node)
        passed, tried, rounds = dict.fromkeys(calls, 0), 0, 0
        # Where the machine is busy the attacker comes to it later.
        while rounds < (2 if slow else 5) or rounds < 50 and (
                tried <= 100 or not (mode.stops or all(passed.values()))):
            rounds += 1
            pod = here.node.pod()
            for verb, call in calls.items():
                number, sent = passed_meanwhile(
                    here, lambda: call(pod, conf, env=delegate.env), pod,
                    (1, 2) if "spoof" in mode.stops else (1,))
                passed[verb] += number
                tried += sent
            pod.remove()
        assert tried > 100
        if mode.stops:
            assert not any(passed.values()), f"{passed} of {tried}"
        else:  # the control
            assert all(passed.values()), f"{passed} of {tried}"
