# SPDX-License-Identifier: GPL-2.0-or-later
"""SCTP (RFC 9260) as far as a new association goes, over raw sockets: this kernel may have none of
its own. A peer is known by the tag that it chooses."""
import contextlib
import os
import socket
import struct
import time

import pytest

from .portmap import answering, family_of

INIT, INIT_ACK, COOKIE_ECHO, COOKIE_ACK = 1, 2, 10, 11


def crc32c(data):
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (0x82F63B78 if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF


def packet(source, port, tag, kind, body=b""):
    """One chunk; tag: the receiver's."""
    text = struct.pack("!HHIIBBH", source, port, tag, 0, kind, 0, 4 + len(body)) + body
    return text[:8] + struct.pack("<I", crc32c(text)) + text[12:]


def init(source, port, tag):
    return packet(source, port, 0, INIT, struct.pack("!IIHHI", tag, 65536, 1, 1, tag))


def read(data, family):
    """(source port, port, the receiver's tag, kind of chunk, its body)"""
    if family == socket.AF_INET:  # IPv4 raw sockets give the IP header, too
        data = data[20:]
    source, port, tag, _, kind, _, length = struct.unpack_from("!HHIIBBH", data)
    return source, port, tag, kind, data[16:12 + length]


def raw(ns, family):
    if os.path.exists("/proc/sys/net/sctp"):
        pytest.skip("this kernel has SCTP of its own, which would refuse the associations")
    return ns.socket(family, socket.SOCK_RAW, socket.IPPROTO_SCTP)


@contextlib.contextmanager
def served(pod, port, tag, family):
    """Takes associations on a port of the pod."""
    with raw(pod, family) as server:

        def answer():
            data, (address, *_) = server.recvfrom(2048)
            source, target, _, kind, body = read(data, family)
            if target != port:
                return
            peer, = struct.unpack_from("!I", body) if body else (0,)
            if kind == INIT:
                cookie = struct.pack("!HHI", 7, 8, peer)
                reply = packet(port, source, peer, INIT_ACK,
                               struct.pack("!IIHHI", tag, 65536, 1, 1, tag) + cookie)
            elif kind == COOKIE_ECHO:
                reply = packet(port, source, peer, COOKIE_ACK)
            else:
                return
            server.sendto(reply, (address, 0))

        with answering(server, answer):
            yield


def ask(client, address, port, source, timeout=5):
    """The tag of whoever takes the association, or None. source: the client's own port."""
    family, tag = family_of(address), 0x1000 + source
    with raw(client, family) as sock:

        def reply(sent, wanted):
            sock.sendto(sent, (address, 0))
            end = time.monotonic() + timeout
            while (rest := end - time.monotonic()) > 0:
                sock.settimeout(rest)
                with contextlib.suppress(TimeoutError):
                    found = read(sock.recv(2048), family)
                    if found[:4] == (port, source, tag, wanted):
                        return found[4]
            return None

        body = reply(init(source, port, tag), INIT_ACK)
        if body is None:
            return None
        peer, = struct.unpack_from("!I", body)
        done = reply(packet(source, port, peer, COOKIE_ECHO, body[20:24]), COOKIE_ACK)
        return peer if done is not None else None
