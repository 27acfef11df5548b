# SPDX-License-Identifier: GPL-2.0-or-later
"""Data that must arrive whole: so many bytes by TCP, and UDP packets of one size that nobody may
split. What the node itself answers is portmap.served(node, port)."""
import contextlib
import hashlib
import os
import socket
import struct
import threading

from .portmap import family_of
from .waiting import ANSWER

PATIENCE = 30  # seconds in which something must go on
PIECE = 1 << 16
HEADERS = {socket.AF_INET: 28, socket.AF_INET6: 48}  # IP's and UDP's
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DO = 10, 23, 2  # linux/in.h, linux/in6.h
DIGEST = hashlib.sha256().digest_size


def transfer(sender, receiver, address, count, port=4712):
    """Sends `count` random bytes to the receiver's address by TCP. The receiver counts and hashes
    them, and answers with the length and the hash, which must be right. Gives the MSS that was used."""
    family = family_of(address)
    with receiver.socket(family, socket.SOCK_STREAM) as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind((address, port))
        server.listen(1)
        server.settimeout(PATIENCE)  # a first SYN may be lost while neighbours are looked for
        thread = threading.Thread(target=_receive, args=(server,))
        thread.start()
        try:
            with sender.socket(family, socket.SOCK_STREAM) as client:
                client.settimeout(PATIENCE)
                client.connect((address, port))
                sent = hashlib.sha256()
                for piece in _pieces(count):
                    sent.update(piece)
                    client.sendall(piece)
                client.shutdown(socket.SHUT_WR)
                mss = client.getsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG)
                answer = client.makefile("rb").read()
        finally:
            server.shutdown(socket.SHUT_RDWR)
            thread.join()
    assert answer == struct.pack("!Q", count) + sent.digest(), (len(answer), answer[:8].hex())
    return mss


def _pieces(count):
    block = os.urandom(PIECE)
    for at in range(0, count, PIECE):
        yield (struct.pack("!Q", at) + block[8:])[:count - at]


def _receive(server):
    with contextlib.suppress(OSError):  # nobody came, or the other side has gone
        connection, _ = server.accept()
        with connection:
            connection.settimeout(PATIENCE)
            got, count = hashlib.sha256(), 0
            while piece := connection.recv(PIECE):
                got.update(piece)
                count += len(piece)
            connection.sendall(struct.pack("!Q", count) + got.digest())


@contextlib.contextmanager
def whole(ns, address, port=0):
    """A UDP socket whose packets have DF set, or are IPv6's, and are refused with EMSGSIZE where
    the kernel knows that they are too large for the way."""
    with ns.udp(address, port) as sock:
        if sock.family == socket.AF_INET:
            sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
        else:
            sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO)
        yield sock


def largest(address, mtu):
    """How many bytes of UDP to that address fill a packet of that MTU."""
    return mtu - HEADERS[family_of(address)]


def datagram(sender, receiver, address, size, wait=ANSWER):
    """Sends one of so many bytes that nobody may split. True: it arrives; None: it is lost; else
    the sender's own kernel refuses it, with this errno."""
    with whole(sender, "::" if ":" in address else "0.0.0.0") as here, \
            receiver.udp(address) as there:
        data = os.urandom(size)
        try:
            return bool(_passes(here, there, there.getsockname()[:2], data, wait)) or None
        except OSError as error:
            return error.errno


def _passes(sender, receiver, target, data, wait):
    """Sends it once and gives where it came from, or None where it didn't come."""
    sender.sendto(data, target)
    receiver.settimeout(wait)
    with contextlib.suppress(TimeoutError):
        while True:
            got, source = receiver.recvfrom(PIECE)
            if got == data:
                return source[:2]
    return None


def datagrams_pass(one, other, address, size, attempts=1, wait=ANSWER):
    """Do a UDP packet of `size` bytes, with its IP header, and another one back both arrive as they
    were sent, none of them split? address: the other's. OSError, EMSGSIZE, where a kernel on the
    way has told the sender that it is too large. attempts: so often, where one may be lost."""
    with whole(one, "::" if ":" in address else "0.0.0.0") as here, whole(other, address) as there:
        data = os.urandom(size - HEADERS[here.family])
        for _ in range(attempts):
            source = _passes(here, there, there.getsockname()[:2], data, wait)
            if source and _passes(there, here, source, data[::-1], wait):
                return True
    return False
