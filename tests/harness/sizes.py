# SPDX-License-Identifier: GPL-2.0-or-later
"""How large a packet may be between two namespaces: datagrams that must not be fragmented, and
TCP that has to find out."""
import contextlib
import hashlib
import os
import socket
import threading

IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DO = 10, 23, 2  # linux/in.h, linux/in6.h
UDP_HEADERS, ICMP_HEADERS = {4: 28, 6: 48}, {4: 28, 6: 48}
TCP_HEADERS = {4: 40, 6: 60}


def family_of(address):
    return 6 if ":" in address else 4


def largest(address, mtu):
    """How many bytes of UDP to that address fill a packet of that MTU."""
    return mtu - UDP_HEADERS[family_of(address)]


def _whole(sock, address):
    if family_of(address) == 6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_DO)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)


def datagram(sender, receiver, address, size, wait=1):
    """Sends a datagram that must not be fragmented. True: it arrives; None: it is lost; else the
    sender's own kernel refuses it, with this errno."""
    with receiver.udp(address, 4712) as here, \
            sender.udp("::" if family_of(address) == 6 else "0.0.0.0") as there:
        here.settimeout(wait)
        _whole(there, address)
        try:
            there.sendto(bytes(size), (address, 4712))
            return len(here.recv(65536)) == size or None
        except TimeoutError:
            return None
        except OSError as error:
            return error.errno


def transfer(sender, receiver, address, size=8 << 20, wait=20):
    """Sends that many bytes over TCP: do they arrive as they are?"""
    data, received = os.urandom(size), hashlib.sha256()
    family = socket.AF_INET6 if family_of(address) == 6 else socket.AF_INET
    with receiver.socket(family, socket.SOCK_STREAM) as here, \
            sender.socket(family, socket.SOCK_STREAM) as there:
        here.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        here.bind((address, 4713))
        here.listen()
        there.settimeout(wait)
        there.connect((address, 4713))
        taken, _ = here.accept()
        taken.settimeout(wait)

        def send():
            with contextlib.suppress(OSError):  # the receiver tells
                there.sendall(data)
                there.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=send)
        thread.start()
        try:
            with taken:
                while chunk := taken.recv(1 << 20):
                    received.update(chunk)
        except TimeoutError:
            return False
        finally:
            there.close()
            thread.join()
    return received.digest() == hashlib.sha256(data).digest()
