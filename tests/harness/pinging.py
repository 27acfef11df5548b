# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods that ping each other all the time, every few milliseconds. Each echo request has a number
of its own, so that a lost one is known, and when it was sent."""
import contextlib
import selectors
import socket
import struct
import threading
import time

from .waiting import SLOWNESS

PAUSE = 0.008 * SLOWNESS  # seconds between two requests to one address
PATIENCE = 3  # seconds for the answers to the last ones
SOL_RAW, ICMP_FILTER, ICMP6_FILTER = 255, 1, 1  # linux/socket.h, linux/icmp.h, linux/icmpv6.h
ICMP = {socket.AF_INET: (socket.IPPROTO_ICMP, 8, 0, 20),  # request, reply, length of IP's header
        socket.AF_INET6: (socket.IPPROTO_ICMPV6, 128, 129, 0)}
ECHO = struct.Struct("!BBHHHI")  # type, code, checksum, identifier, sequence; the number again


def checksum(packet):
    total = sum(struct.unpack(f"!{len(packet) // 2}H", packet))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


class Stream:
    """Echo requests from a pod to one address. sent: when each was; unanswered: their numbers."""

    def __init__(self, pod, address, identifier):
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        protocol, self.request, self.reply, self.skip = ICMP[family]
        self.pod, self.address, self.identifier = pod, address, identifier
        self.sent, self.unanswered = [], set()
        self.sock = pod.socket(family, socket.SOCK_RAW, protocol)
        if family == socket.AF_INET:
            self.sock.setsockopt(SOL_RAW, ICMP_FILTER,
                                 struct.pack("I", ~(1 << self.reply) & 0xffffffff))
        else:
            blocked = [0xffffffff] * 8
            blocked[self.reply >> 5] &= ~(1 << (self.reply & 31))
            self.sock.setsockopt(socket.IPPROTO_ICMPV6, ICMP6_FILTER, struct.pack("8I", *blocked))
        self.sock.connect((address, 0))
        self.source = self.sock.getsockname()[0]
        self.sock.setblocking(False)

    def send(self):
        number = len(self.sent)
        fields = [self.identifier, number & 0xffff, number]
        packet = ECHO.pack(self.request, 0, 0, *fields)
        if self.skip:  # the kernel fills in that of ICMPv6
            packet = ECHO.pack(self.request, 0, checksum(packet), *fields)
        self.sent.append(time.monotonic())
        self.unanswered.add(number)
        with contextlib.suppress(OSError):  # then it is lost
            self.sock.send(packet)

    def receive(self):
        with contextlib.suppress(OSError):
            while True:
                kind, _, _, identifier, _, number = ECHO.unpack(
                    self.sock.recv(256)[self.skip:][:ECHO.size])
                if (kind, identifier) == (self.reply, self.identifier):
                    self.unanswered.discard(number)


class Pinger(threading.Thread):
    """All streams, on one thread."""

    def __init__(self, streams):
        super().__init__(daemon=True)
        self.streams, self.ended = streams, threading.Event()
        self.selector, self.began = selectors.DefaultSelector(), time.monotonic()
        for stream in streams:
            self.selector.register(stream.sock, selectors.EVENT_READ, stream)

    def _receive(self, until):
        while (left := until - time.monotonic()) > 0:
            for key, _ in self.selector.select(left):
                key.data.receive()

    def run(self):
        due = time.monotonic()
        while not self.ended.is_set():
            for stream in self.streams:
                stream.send()
            due = max(due + PAUSE, time.monotonic() + PAUSE / 4)
            self._receive(due)
        end = time.monotonic() + PATIENCE * SLOWNESS
        while time.monotonic() < end and any(stream.unanswered for stream in self.streams):
            self._receive(time.monotonic() + 0.1)

    def lost(self):
        """(The pod's address, the other's): when those were sent that were lost, in seconds."""
        return {(stream.source, stream.address):
                [round(stream.sent[number] - self.began, 3) for number in sorted(stream.unanswered)]
                for stream in self.streams if stream.unanswered}


@contextlib.contextmanager
def pinging(pairs):
    """While the block runs, each pair (a pod, an address) has a stream. Gives the Pinger; how many
    were lost is known after the block."""
    pinger = Pinger([Stream(pod, address, number)
                     for number, (pod, address) in enumerate(pairs, 1)])
    pinger.start()
    try:
        yield pinger
    finally:
        pinger.ended.set()
        pinger.join()
        for stream in pinger.streams:
            stream.sock.close()
    count = min(len(stream.sent) for stream in pinger.streams)
    # A busy machine may be ten times as slow as it is to be, and not more.
    seconds = time.monotonic() - pinger.began - PATIENCE * SLOWNESS
    assert count > seconds / PAUSE / 10, count
