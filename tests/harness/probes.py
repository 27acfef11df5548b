# SPDX-License-Identifier: GPL-2.0-or-later
"""Traffic that goes on while something happens, of which nothing may be lost."""
import contextlib
import socket
import socketserver
import threading
import time

from .portmap import family_of
from .waiting import SLOWNESS, wait_for

PAUSE = 0.02  # seconds between two attempts
PATIENCE = 10  # seconds in which an answer comes also on a busy machine


@contextlib.contextmanager
def echoing(pod, port, word):
    """A TCP server in a pod that answers each line with its word and the line, on as many
    connections as there are."""

    class Handler(socketserver.StreamRequestHandler):
        def handle(self):
            with contextlib.suppress(OSError):  # the other side has gone
                for line in self.rfile:
                    self.wfile.write(word.encode() + b" " + line)

    class Server(socketserver.ThreadingTCPServer):
        address_family = socket.AF_INET6
        allow_reuse_address = daemon_threads = True
        request_queue_size = 64

    server = pod.call(Server, ("::", port), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class Connection:
    """One connection to such a server, which is to last."""

    def __init__(self, client, address, port):
        self.socket = client.socket(family_of(address), socket.SOCK_STREAM)
        self.socket.settimeout(PATIENCE * SLOWNESS)
        self.socket.connect((address, port))
        self.lines = self.socket.makefile("rb")
        self.number = 0
        self.word = self.ask()

    def ask(self):
        """The word of whoever answers. TimeoutError, or another OSError, where nobody does."""
        self.number += 1
        self.socket.sendall(b"%d\n" % self.number)
        word, _, number = self.lines.readline().decode().partition(" ")
        if number != f"{self.number}\n":
            raise ConnectionError(f"line {self.number} was answered by {word!r} {number!r}")
        return word

    def close(self):
        self.lines.close()
        self.socket.close()


def ask_once(client, address, port):
    """The word that answers on a new connection."""
    with contextlib.closing(Connection(client, address, port)) as connection:
        return connection.word


def echo(client, address):
    """One packet, which nobody sends again where it is lost."""
    return client.ping(address, wait=PATIENCE)


class Probe(threading.Thread):
    """Calls attempt() over and over; it raises OSError or gives a false value where it fails."""

    def __init__(self, name, attempt):
        super().__init__(daemon=True)
        self.name, self.attempt = name, attempt
        self.attempts, self.failures, self.ended = 0, [], threading.Event()

    def run(self):
        while not self.ended.wait(PAUSE):
            began = time.monotonic()
            try:
                failure = None if self.attempt() else "no answer"
            except OSError as error:
                failure = repr(error)
            if failure:
                self.failures.append(f"{self.name}, attempt {self.attempts}, "
                                     f"{time.monotonic() - began:.1f} s: {failure}")
            self.attempts += 1


@contextlib.contextmanager
def nothing_lost(**attempts):
    """While the block runs, each attempt is made again and again. None may fail. Gives a function
    that waits until each has begun and ended once more."""
    probes = [Probe(name, attempt) for name, attempt in attempts.items()]
    for probe in probes:
        probe.start()

    def once_more():
        counts = [probe.attempts for probe in probes]
        wait_for(lambda: all(p.attempts >= n + 2 for p, n in zip(probes, counts)))

    try:
        once_more()
        yield once_more
        once_more()
    finally:
        for probe in probes:
            probe.ended.set()
        for probe in probes:
            probe.join()
    lost = [failure for probe in probes for failure in probe.failures]
    assert not lost, lost
