# SPDX-License-Identifier: GPL-2.0-or-later
"""What is on a wire: the addresses of frames, and of those that are inside of VXLAN (RFC 7348)."""
import contextlib
import socket
import struct
import threading
from typing import NamedTuple, Optional

from .wire import ETH_P_ALL, PACKET_OUTGOING

SO_RCVBUFFORCE, BUFFER = 33, 1 << 24
IPV4, ARP, IPV6 = 0x0800, 0x0806, 0x86dd
VXLAN_HEADER, VXLAN_FLAG = 8, 0x08
LARGEST = 1 << 17  # with segmentation offload a frame is longer than any MTU


class Frame(NamedTuple):
    """source, target: IP addresses, or None in frames of other protocols. size: the IP packet's
    bytes by its header. inner: the frame inside of VXLAN, vni its network."""
    outgoing: bool
    ethertype: int
    source_mac: str
    target_mac: str
    source: Optional[str] = None
    target: Optional[str] = None
    protocol: Optional[int] = None
    ports: Optional[tuple] = None
    size: int = 0
    vni: Optional[int] = None
    inner: Optional["Frame"] = None

    def ends(self):
        return self.source, self.target


def parsed(data, outgoing=False, vxlan_port=8472):
    """The frame that these bytes are. An IPv6 packet's extension headers are not looked behind."""
    ethertype, = struct.unpack_from("!H", data, 12)
    frame = Frame(outgoing, ethertype, data[6:12].hex(":"), data[:6].hex(":"))
    packet = data[14:]
    if ethertype == IPV4:
        family, at, header = socket.AF_INET, 12, (packet[0] & 0xf) * 4
        size, protocol = struct.unpack_from("!2xH5xB", packet)
        fragment = struct.unpack_from("!6xH", packet)[0] & 0x1fff
    elif ethertype == IPV6:
        family, at, header = socket.AF_INET6, 8, 40
        size, protocol = struct.unpack_from("!4xHB", packet)
        size, fragment = size + 40, 0
    else:
        return frame
    width = 4 if family == socket.AF_INET else 16
    source, target = (socket.inet_ntop(family, packet[i:i + width]) for i in (at, at + width))
    frame = frame._replace(source=source, target=target, protocol=protocol, size=size)
    if protocol not in (socket.IPPROTO_TCP, socket.IPPROTO_UDP) or fragment:
        return frame
    frame = frame._replace(ports=struct.unpack_from("!HH", packet, header))
    payload = packet[header + 8:]
    if protocol == socket.IPPROTO_UDP and frame.ports[1] == vxlan_port and \
            len(payload) >= VXLAN_HEADER + 14 and payload[0] & VXLAN_FLAG:
        vni = int.from_bytes(payload[4:7], "big")
        inner = parsed(payload[VXLAN_HEADER:], outgoing, vxlan_port)
        frame = frame._replace(vni=vni, inner=inner)
    return frame


class Sniffer:
    """The frames of an interface, both ways, from its making until stop()."""

    def __init__(self, ns, ifname, vxlan_port=8472):
        self.frames, self.vxlan_port = [], vxlan_port
        # With a protocol it would hear all interfaces until it is bound to one.
        self.socket = ns.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        self.socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, BUFFER)
        self.socket.bind((ifname, ETH_P_ALL))
        self.socket.settimeout(0.1)
        self.ended = threading.Event()
        self.thread = threading.Thread(target=self._read)
        self.thread.start()

    def _read(self):
        while True:
            ended = self.ended.is_set()
            try:
                data, (_, _, kind, *_) = self.socket.recvfrom(LARGEST)
                self.frames.append(parsed(data, kind == PACKET_OUTGOING, self.vxlan_port))
            except TimeoutError:
                if ended:
                    return

    def stop(self):
        """Everything that had come is in `frames` afterwards."""
        self.ended.set()
        self.thread.join()
        self.socket.close()

    def inside(self):
        """The frames that were inside of VXLAN."""
        return [frame.inner for frame in self.frames if frame.inner]


@contextlib.contextmanager
def sniffing(ns, ifname, vxlan_port=8472):
    """Afterwards the sniffer has all frames that passed there while the block ran."""
    sniffer = Sniffer(ns, ifname, vxlan_port)
    try:
        yield sniffer
    finally:
        sniffer.stop()
