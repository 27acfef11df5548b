# SPDX-License-Identifier: GPL-2.0-or-later
"""Sends datagrams, frames and TCP segments of no connection, and sees them on the wire."""
import contextlib
import socket
import struct

from .waiting import SLOWNESS

ETH_P_ALL = 3
ETHERTYPE = 0x88b5  # for local experiments, IEEE 802
PACKET_OUTGOING = 4
BROADCAST = "ff:ff:ff:ff:ff:ff"
RST, SYN_ACK = 0x04, 0x12


def source_seen(sender, receiver, target):
    """The source address of a datagram as it arrives. It is sent again where it is lost: the
    first one may be while neighbours are looked for."""
    with receiver.udp(target, 4711) as here, \
            sender.udp("::" if ":" in target else "0.0.0.0") as there:
        here.settimeout(0.5)
        for _ in range(20 * SLOWNESS):
            there.sendto(b"?", (target, 4711))
            with contextlib.suppress(TimeoutError):
                return here.recvfrom(16)[1][0]
    raise TimeoutError(f"no datagram arrived at {target}")


# -- frames


@contextlib.contextmanager
def listening(ns, ifname, wait=0.3):
    """Afterwards the list has the payloads of all frames of ours that came in there."""
    found = []
    with ns.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.bind((ifname, ETH_P_ALL))
        yield found
        sock.settimeout(wait * SLOWNESS)
        with contextlib.suppress(TimeoutError):
            while True:
                frame, (_, _, kind, *_) = sock.recvfrom(2048)
                ours = frame[12:14] == struct.pack("!H", ETHERTYPE)
                if ours and kind != PACKET_OUTGOING:
                    found.append(frame[14:].rstrip(b"\0"))


def send_frame(ns, ifname, target, payload, ethertype=ETHERTYPE):
    """An Ethernet frame with the interface's own source address."""
    with ns.socket(socket.AF_PACKET, socket.SOCK_RAW) as sock:
        sock.bind((ifname, 0))
        source = sock.getsockname()[4]
        sock.send(bytes.fromhex(target.replace(":", "")) + source +
                  struct.pack("!H", ethertype) + payload.ljust(46, b"\0"))


# -- TCP segments of no connection


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xffff) + (total >> 16)
    return ~total & 0xffff


def _segment(source, target, flags):
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    head = struct.pack("!HHIIBBHHH", 40001, 40002, 1, 1, 5 << 4, flags, 1024, 0, 0)
    ends = socket.inet_pton(family, source) + socket.inet_pton(family, target)
    pseudo = ends + struct.pack("!II", len(head), socket.IPPROTO_TCP)
    return head[:16] + struct.pack("!H", checksum(pseudo + head)) + head[18:]


def segment_seen(sender, receiver, source, target, flags, wait=0.5):
    """Sends a TCP segment of no connection, and gives the source that it arrives with, or None."""
    family = socket.AF_INET6 if ":" in target else socket.AF_INET
    raw = (family, socket.SOCK_RAW, socket.IPPROTO_TCP)
    with receiver.socket(*raw) as here, sender.socket(*raw) as there:
        here.settimeout(wait * SLOWNESS)
        for _ in range(3):  # on a busy machine the first may go to resolve a neighbour
            there.sendto(_segment(source, target, flags), (target, 0))
            with contextlib.suppress(TimeoutError):
                while True:
                    packet, address = here.recvfrom(2048)
                    # IPv4 raw sockets give the IP header, too.
                    tcp = packet[20:] if family == socket.AF_INET else packet
                    if tcp[:4] == struct.pack("!HH", 40001, 40002):
                        return address[0]
    return None
