# SPDX-License-Identifier: GPL-2.0-or-later
"""How large the packets of TCP are that an interface takes whole (gso_max_size). Debian 12's ip(8) doesn't
know IPv4's limit, so the kernel is asked here."""
import socket
import struct

from harness.rtnetlink import HEADER, NLM_F_REQUEST, attributes

# linux/rtnetlink.h, linux/if_link.h
RTM_NEWLINK, RTM_GETLINK, NLM_F_ACK = 16, 18, 4
IFLA_GSO_MAX_SIZE, IFLA_GSO_IPV4_MAX_SIZE = 41, 63
LINK = struct.Struct("=BxHiII")


def _ask(kind, flags, ifname, values=()):
    body = LINK.pack(0, 0, socket.if_nametoindex(ifname), 0, 0)
    body += b"".join(struct.pack("=HHI", 8, attribute, value) for attribute, value in values)
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        sock.send(HEADER.pack(HEADER.size + len(body), kind, NLM_F_REQUEST | flags, 1, 0) + body)
        return sock.recv(1 << 16)[HEADER.size:]


def _set(ifname, size):
    error, = struct.unpack_from("=i", _ask(RTM_NEWLINK, NLM_F_ACK, ifname, [
        (IFLA_GSO_MAX_SIZE, size), (IFLA_GSO_IPV4_MAX_SIZE, size)]))
    if error:
        raise OSError(-error, f"{ifname}: gso_max_size {size}")


def set_size(namespace, ifname, size):
    """Bytes, for both families."""
    namespace.call(_set, ifname, size)


def has_ipv4():
    """Does the kernel carry such packets of IPv4 (Linux 6.3)?"""
    return IFLA_GSO_IPV4_MAX_SIZE in attributes(_ask(RTM_GETLINK, 0, "lo")[LINK.size:])
