# SPDX-License-Identifier: GPL-2.0-or-later
"""Echo requests of this process's own: a ping(8) for each takes thirty times as long."""
import itertools
import os
import socket
import struct
import time

from .wire import checksum

SOL_RAW, ICMP_FILTER, ICMP6_FILTER = 255, 1, 1  # linux/socket.h, linux/icmp.h, linux/icmpv6.h
KINDS = {socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0, 20),  # request, reply, length of IP's header
         socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129, 0)}
HEADER = struct.Struct("!BBHHH")  # type, code, checksum, identifier, sequence
PAYLOAD = 56  # bytes, as ping(8) has them
# Each request is a connection of its own to the kernel's connection tracking.
IDENTIFIERS = itertools.count(os.getpid())


def family_of(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def replies_only(sock):
    """A raw socket gets echo replies, and no other ICMP."""
    _, _, reply, _ = KINDS[sock.family]
    if sock.family == socket.AF_INET:
        sock.setsockopt(SOL_RAW, ICMP_FILTER, struct.pack("I", ~(1 << reply) & 0xffffffff))
    else:
        blocked = [0xffffffff] * 8
        blocked[reply >> 5] &= ~(1 << (reply & 31))
        sock.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, struct.pack("8I", *blocked))


def request(family, identifier, sequence, payload):
    """The kernel fills in the checksum of ICMPv6."""
    _, kind, _, _ = KINDS[family]
    packet = HEADER.pack(kind, 0, 0, identifier, sequence) + payload
    if family == socket.AF_INET:
        packet = HEADER.pack(kind, 0, checksum(packet), identifier, sequence) + payload
    return packet


def is_answered(address, seconds, source=None):
    """Sends one echo request, from the source if one is given: does an answer come within so many seconds?"""
    family = family_of(address)
    protocol, _, _, skip = KINDS[family]
    payload, identifier = os.urandom(PAYLOAD), next(IDENTIFIERS) & 0xffff
    end = time.monotonic() + seconds
    with socket.socket(family, socket.SOCK_RAW, protocol) as sock:
        replies_only(sock)
        if source:
            sock.bind((source, 0))
        try:
            target = socket.getaddrinfo(address, 0, family, flags=socket.AI_NUMERICHOST)[0][4]
            sock.sendto(request(family, identifier, 1, payload), target)
            while (left := end - time.monotonic()) > 0:
                sock.settimeout(left)
                if sock.recv(2048)[skip + HEADER.size:] == payload:
                    return True
        except OSError:  # such as that there is no route, or that the time is over
            pass
    return False
