# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers in pods that tell each client its address as they see it, and those who ask them."""
import contextlib
import re
import socket
import subprocess
import threading

from harness.waiting import wait_for

TCP, UDP = socket.SOCK_STREAM, socket.SOCK_DGRAM


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _listen(ns, address, port, kind):
    sock = ns.socket(family(address), kind)
    sock.settimeout(None)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    sock.bind((address, port))
    return sock


def _tcp(sock):
    sock.listen()
    with contextlib.suppress(OSError):
        while True:
            connection, peer = sock.accept()
            with connection:
                connection.sendall(peer[0].encode())


def _udp(sock):
    with contextlib.suppress(OSError):
        while True:
            _, peer = sock.recvfrom(100)
            if peer is None:  # its end
                return
            sock.sendto(peer[0].encode(), peer)


@contextlib.contextmanager
def serving(pod, tcp, udp):
    """A pod answers at all of its addresses on these ports."""
    sockets = []
    for address in (pod.address4, pod.address6):
        for kind, port, body in ((TCP, tcp, _tcp), (UDP, udp, _udp)):
            sockets.append(_listen(pod, address, port, kind))
            threading.Thread(target=body, args=(sockets[-1],), daemon=True).start()
    try:
        yield
    finally:
        for sock in sockets:
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)  # who waits in it gets up
            sock.close()


@contextlib.contextmanager
def listening(ns, address, port):
    """Somebody who answers at this address by TCP."""
    with _listen(ns, address, port, TCP) as sock:
        threading.Thread(target=_tcp, args=(sock,), daemon=True).start()
        yield
        sock.shutdown(socket.SHUT_RDWR)


def ask(ns, address, port, kind, wait=2.0):
    """The address of this client as the server sees it."""
    with ns.socket(family(address), kind) as sock:
        sock.settimeout(wait)
        sock.connect((address, port))
        if kind == UDP:
            sock.send(b"?")
        return sock.recv(100).decode()


def answered(ns, address, port, kind, seconds=20):
    """The same, asked until somebody answers: kube-proxy may not have got to it yet."""
    return wait_for(lambda: ask(ns, address, port, kind, 1.0), seconds, step=0.1)


class Ping:
    """Ten echo requests a second, from a pod to an address, until end()."""

    def __init__(self, ns, address):
        self.process = ns.popen(["ping", "-n", "-i", "0.1", "-W", "2", address],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT)

    def end(self):
        """(sent, lost)"""
        self.process.send_signal(2)
        text = self.process.communicate(timeout=20)[0].decode()
        sent, received = map(int, re.search(
            r"(\d+) packets transmitted, (\d+) received", text).groups())
        return sent, sent - received
