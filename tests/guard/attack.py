# SPDX-License-Identifier: GPL-2.0-or-later
"""An attacker's pod, a victim's pod and a bystander's on one node: the attacker sends frames, and
AF_PACKET sockets in the victim's namespace, on the node's bridge and outside tell what arrived.
The same with the attacker's pod on another node.

The frames themselves are in frames.py.
"""
import contextlib
import dataclasses
import re
import socket
import struct
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import pytest

from harness import cluster as clusters
from harness.netns import on_one_processor
from harness.node import GATEWAY4, GATEWAY6, NODE4, NODE6, OUTSIDE4, OUTSIDE6, Node, network
from harness.portmap import settled
from harness.quiet import asks_at_once
from harness.waiting import wait_for
from harness.wire import ETH_P_ALL, PACKET_OUTGOING

SUBNETS = ["10.1.2.0/24", "10.1.3.0/24", "fd00:1:2::/64"]  # a pod has an address in each
SO_RCVBUFFORCE = 33  # asm-generic/socket.h
ETH_P_802_2 = 4  # frames with a length in the place of the ethertype
# What frames.py sends to addresses that a bridge keeps for itself: LLDP, EAPOL, MACsec's.
KEPT_BY_A_BRIDGE = (0x88CC, 0x888E, 0x88E5)

# A frame is known again by its number. IPv4 carries it in the identification, IPv6 in the flow
# label, each beside a type of service that nothing else in these tests has: a node that routes the
# packet, or translates its source, keeps them. Other frames carry it as bytes.
SERVICE, HIGH, BYTES = 0x5C, 0xA7, b"attack-%03d"


class Mode(NamedTuple):
    name: str
    keys: dict
    stops: tuple = ()  # the checks that look at the frame: "mac", "spoof"
    isolated: bool = False  # no frame goes from pod to pod
    routed: bool = False
    quiet: bool = False


MODES = [
    Mode("bridged", {}),
    Mode("quietBridge", {"quietBridge": True}, quiet=True),
    Mode("macspoofchk", {"macspoofchk": True}, ("mac",)),
    Mode("spoofCheck", {"spoofCheck": True}, ("mac", "spoof")),
    Mode("portIsolation", {"portIsolation": True}, (), True),
    Mode("spoofCheck, portIsolation", {"spoofCheck": True, "portIsolation": True},
         ("mac", "spoof"), True),
    Mode("podLink routed", {"podLink": "routed"}, (), True, True),
    Mode("routed, spoofCheck", {"podLink": "routed", "spoofCheck": True}, ("mac", "spoof"), True,
         True),
]


@dataclasses.dataclass
class Host:
    """The addresses of a pod, or of the bridge."""
    mac: str
    ip4: str
    ip6: str
    second4: str = None  # an address in the second IPv4 subnet

    @property
    def local6(self):
        """The link-local address that follows from the MAC address."""
        first, *rest = bytes.fromhex(self.mac.replace(":", ""))
        words = bytes([first ^ 2, *rest[:2], 0xFF, 0xFE, *rest[2:]])
        return socket.inet_ntop(socket.AF_INET6, b"\xfe\x80" + bytes(6) + words)


def nothing_in_the_way(node, bridge_nf=False):
    """No br_netfilter, unless it is asked for, looks at a bridge's frames, and no filter of
    addresses at packets."""
    for family in ("ip", "ip6", "arp"):
        try:
            node.sysctl(f"bridge.bridge-nf-call-{family}tables", int(bridge_nf))
        except FileNotFoundError:
            if bridge_nf:
                pytest.skip("the module br_netfilter is not loaded")
    for which in ("all", "default"):
        node.sysctl(f"ipv4.conf.{which}.rp_filter", 0)


def connected(node, conf):
    """A pod, and its addresses."""
    pod = node.pod()
    pod.result = node.add(pod, conf)
    ips = [ip["address"].split("/")[0] for ip in pod.result["ips"]]
    pod.host = Host(pod.links()["eth0"]["address"], ips[0], ips[-1], *ips[1:-1])
    return pod


class Scene:
    """A node with the three pods, and what lets one see what comes."""

    def __init__(self, directory, mode, bridge_nf=False, **changes):
        self.mode = mode
        self.node = Node(directory / "node")
        self.node.connect()
        nothing_in_the_way(self.node, bridge_nf)
        self.conf = network(**{**mode.keys, **changes},
                            ipam={"ranges": [[{"subnet": s}] for s in SUBNETS]})
        self.attacker, self.victim, self.third = (
            connected(self.node, self.conf) for _ in range(3))
        settled(self.node)
        if mode.quiet:
            asks_at_once(self.node)
        self.gateway = Host(self.node.links()["cni0"]["address"], GATEWAY4, GATEWAY6)
        self.port = next(i["name"] for i in self.attacker.result["interfaces"]
                         if i["name"].startswith("veth"))
        self.masquerade = NODE4, NODE6
        for place, addresses in ((self.node, (self.victim.host.ip4, self.victim.host.ip6,
                                              OUTSIDE4, OUTSIDE6)),
                                 (self.victim, (GATEWAY4, GATEWAY6))):
            for address in addresses:  # neighbours are known: nothing waits for them
                assert place.ping(address), address

    def close(self):
        self.node.close()

    def places(self):
        """(letter, namespace, interface, kind of frames) of each place where frames are heard."""
        yield "P", self.victim, "eth0", ETH_P_ALL
        yield "O", self.node.outside, "eth0", ETH_P_ALL
        yield "N", self.node, "cni0", ETH_P_ALL
        for kind in (*KEPT_BY_A_BRIDGE, ETH_P_802_2):  # these come in by the port itself
            yield "N", self.node, self.port, kind

    # -- frames

    @contextlib.contextmanager
    def listening(self):
        """Gives a function: (letter of the place, number of the frame) -> how many came, since
        the block began."""
        with contextlib.ExitStack() as stack:
            ears, counts = [], {}
            for letter, place, ifname, kind in self.places():
                ear = stack.enter_context(place.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
                ear.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 1 << 23)
                ear.bind((ifname, kind))
                ear.setblocking(False)
                ears.append((letter, ear))
            yield lambda: self._drain(ears, counts)

    def _drain(self, ears, counts):
        for letter, ear in ears:
            with contextlib.suppress(BlockingIOError):
                while True:
                    frame, (_, _, kind, *_) = ear.recvfrom(70000)
                    number = number_of(frame)
                    if kind == PACKET_OUTGOING or number is None:
                        continue
                    place = "M" if letter == "O" and self._is_masqueraded(frame) else letter
                    counts[place, number] = counts.get((place, number), 0) + 1
        return counts

    def _is_masqueraded(self, frame):
        four, six = self.masquerade
        return (frame[26:30] == socket.inet_aton(four) or
                frame[22:38] == socket.inet_pton(socket.AF_INET6, six))

    def send(self, frames):
        """Sends frames (bytes) from the attacker's interface."""
        with self.attacker.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as mouth:
            mouth.bind(("eth0", 0))
            for frame in frames:
                mouth.send(frame)

    def send_through(self, frames, final):
        """Sends frames, and waits until each has come as far as it comes. Gives what listening() has heard
        of them. @final: as for arrived()."""
        with self.listening() as heard, on_one_processor():
            self.send(frames)
            # Until the final one arrives, what was sent before goes as many steps as that has on its way: from
            # one namespace to the next. To a pod of another node it is some more.
            for times in (1, 2, 3):
                self.send([final])
                wait_for(lambda: sum(heard().get((place, 0), 0) for place in "MO") >= times)
            return heard()

    def arrived(self, batch, final):
        """Sends a list of lists of frames. Gives a list: the letters of the places where all
        frames of that list arrived. P: the victim; N: the node; O: outside, with the source
        that it was sent with; M: outside, with the node's.

        @final: a frame with the number 0, which leaves for the outside in every mode."""
        counts = self.send_through([frame for frames in batch for frame in frames], final)
        return ["".join(letter for letter in "PNOM"
                        if frames and counts.get((letter, number_of(frames[0])), 0)
                        >= len(frames)) for frames in batch]


class Cluster(Scene):
    """Two nodes with a route to each other's pods: the attacker's pod is on one of them, the
    victim's and the bystander's on the other."""

    def __init__(self, directory, mode):
        self.mode = mode
        self.cluster = clusters.Cluster(directory / "cluster")
        here, there = nodes = [self.cluster.node(join=False) for _ in range(2)]
        for node, other in ((here, there), (there, here)):
            nothing_in_the_way(node)
            for cidr, address in zip(other.cidrs, (other.address4, other.address6)):
                node.ip(f"route add {cidr} via {address}")
        self.attacker, self.victim, self.third = (connected(node, network(
            **mode.keys, nonMasqueradeCIDRs=["10.244.0.0/16", "fd00:244::/56"],
            ipam={"ranges": [[{"subnet": cidr}] for cidr in node.cidrs]}))
            for node in (there, here, here))
        for node in nodes:
            settled(node)
        self.node = here
        self.gateway = Host(there.links()["cni0"]["address"], None, None)
        self.masquerade = there.address4, there.address6
        for address in (self.victim.host.ip4, self.victim.host.ip6, OUTSIDE4, OUTSIDE6):
            assert self.attacker.ping(address), address
        assert nodes[1].ping(here.address6)

    def close(self):
        self.cluster.close()

    def places(self):
        yield "P", self.victim, "eth0", ETH_P_ALL
        yield "O", self.cluster.link, "br0", ETH_P_ALL
        yield "N", self.node, "eth0", ETH_P_ALL


def number_of(frame):
    """The number of a frame of frames.py; None of any other."""
    while frame[12:14] in (b"\x81\x00", b"\x88\xa8"):
        frame = frame[:12] + frame[16:]
    if frame[12:14] == b"\x08\x00" and frame[15] == SERVICE and frame[18] == HIGH:
        return frame[19]
    if frame[12:14] == b"\x86\xdd":
        word, = struct.unpack("!I", frame[14:18])
        if (word >> 20 & 0xFF, word >> 12 & 0xFF) == (SERVICE, HIGH):
            return word & 0xFFF
    found = re.search(BYTES.replace(b"%03d", rb"(\d{3})"), frame)
    return int(found[1]) if found else None


@contextlib.contextmanager
def scene(directory, mode, kind=Scene, **kw):
    made = kind(directory, mode, **kw)
    try:
        yield made
    finally:
        made.close()


def in_all_modes(function, directories):
    """Name of the mode -> what function(mode, a directory) gave in it. Several at once, as much of
    the time goes into waiting."""
    paths = [directories.mktemp("mode") for _ in MODES]
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(function, MODES, paths)
        return {mode.name: result for mode, result in zip(MODES, found)}
