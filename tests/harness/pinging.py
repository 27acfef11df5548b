# SPDX-License-Identifier: GPL-2.0-or-later
"""Pods that ping each other all the time, every few milliseconds. Each echo request has a number
of its own, so that a lost one is known, and when it was sent."""
import contextlib
import socket
import struct
import threading
import time

from . import icmp
from .waiting import ANSWER, SLOWNESS, kept_waiting

PAUSE = 0.008 * SLOWNESS  # seconds between two requests to one address
PATIENCE = 3  # seconds for the answers to the last ones
NUMBER = struct.Struct("!I")


class Stream:
    """Echo requests from a pod to one address. sent: when each was; unanswered: their numbers."""

    def __init__(self, pod, address, identifier):
        self.family = icmp.family_of(address)
        protocol, _, _, self.skip = icmp.KINDS[self.family]
        self.pod, self.address, self.identifier = pod, address, identifier
        self.sent, self.unanswered, self.refused = [], set(), {}
        self.sock = pod.socket(self.family, socket.SOCK_RAW, protocol)
        icmp.replies_only(self.sock)
        self.sock.connect((address, 0))
        self.source = self.sock.getsockname()[0]
        self.sock.setblocking(False)

    def send(self):
        number = len(self.sent)
        packet = icmp.request(self.family, self.identifier, number & 0xffff, NUMBER.pack(number))
        self.sent.append(time.monotonic())
        self.unanswered.add(number)
        try:
            self.sock.send(packet)
        except OSError as error:  # then it is lost
            self.refused[number] = error.strerror

    def receive(self):
        """What has come; where all is answered nothing is asked of the kernel."""
        with contextlib.suppress(OSError):
            while self.unanswered:
                packet = self.sock.recv(256)[self.skip:]
                _, _, _, identifier, _ = icmp.HEADER.unpack_from(packet)
                if identifier == self.identifier:
                    number, = NUMBER.unpack_from(packet, icmp.HEADER.size)
                    self.unanswered.discard(number)


class Pinger(threading.Thread):
    """All streams, on one thread."""

    def __init__(self, streams):
        super().__init__(daemon=True)
        self.streams, self.ended = streams, threading.Event()
        self.began = self.seconds = self.waited = 0

    def introduce(self):
        """Each stream sends one request, and the answers are waited for. Where the first two come to a node
        at once, as on a slow machine, the kernel begins to track the stream with each of them, and drops the
        second: of pings, unlike UDP's datagrams, it can't take two beginnings for one."""
        for stream in self.streams:
            stream.send()
        self.receive(ANSWER * SLOWNESS)
        self.began = time.monotonic()

    def receive(self, seconds):
        """What comes, until all is answered or the time is over."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and any(stream.unanswered for stream in self.streams):
            time.sleep(0.05)
            for stream in self.streams:
                stream.receive()

    def run(self):
        due = time.monotonic()
        while not self.ended.is_set():
            for stream in self.streams:
                stream.receive()
                stream.send()
            due = max(due + PAUSE, time.monotonic() + PAUSE / 4)
            time.sleep(max(0.0, due - time.monotonic()))
        self.waited = kept_waiting("thread-self")
        self.seconds = time.monotonic() - self.began
        self.receive(PATIENCE * SLOWNESS)

    def lost(self):
        """(The pod's address, the other's): when those were sent that were lost, in seconds (the first one
        has a negative number), and why, where the pod's kernel has refused them."""
        return {(stream.source, stream.address):
                [(round(stream.sent[number] - self.began, 3), *filter(None, [stream.refused.get(number)]))
                 for number in sorted(stream.unanswered)]
                for stream in self.streams if stream.unanswered}


@contextlib.contextmanager
def pinging(pairs):
    """While the block runs, each pair (a pod, an address) has a stream. Gives the Pinger; how many
    were lost is known after the block."""
    pinger = Pinger([Stream(pod, address, number)
                     for number, (pod, address) in enumerate(pairs, 1)])
    pinger.introduce()
    pinger.start()
    try:
        yield pinger
    finally:
        pinger.ended.set()
        pinger.join()
        for stream in pinger.streams:
            stream.sock.close()
    count = min(len(stream.sent) for stream in pinger.streams)
    # Apart from the time in which it had no processor it may be ten times as slow as it is to be, and not more.
    seconds = pinger.seconds - pinger.waited
    assert count > seconds / PAUSE / 10, (count, seconds)
