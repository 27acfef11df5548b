# SPDX-License-Identifier: GPL-2.0-or-later
"""Routes of a namespace, asked for by this process: an ip(8) for each look takes thirty times as long,
and tests look until they see what they wait for."""
import ipaddress
import socket
import struct

# linux/netlink.h, linux/rtnetlink.h
RTM_NEWROUTE, RTM_GETROUTE, NLMSG_ERROR, NLMSG_DONE = 24, 26, 2, 3
NLM_F_REQUEST, NLM_F_DUMP, NLM_F_DUMP_INTR = 0x1, 0x300, 0x10
RTA_DST, RTA_OIF, RTA_GATEWAY = 1, 4, 5
RT_TABLE_MAIN, RTN_UNICAST = 254, 1
RTM_F_CLONED = 0x200
HEADER, ROUTE, ATTRIBUTE = struct.Struct("=IHHII"), struct.Struct("=BBBBBBBBI"), struct.Struct("=HH")
KINDS = {6: "blackhole", 7: "unreachable", 8: "prohibit", 9: "throw"}


def attributes(data):
    found = {}
    while len(data) >= ATTRIBUTE.size:
        length, kind = ATTRIBUTE.unpack_from(data)
        found[kind] = data[ATTRIBUTE.size:length]
        data = data[(length + 3) & ~3:]
    return found


def _text(address):
    return str(ipaddress.ip_address(address))


def _route(data, protocol):
    family, length, _, _, table, by, _, kind, flags = ROUTE.unpack_from(data)
    if (table, by) != (RT_TABLE_MAIN, protocol) or flags & RTM_F_CLONED:
        return None
    found = attributes(data[ROUTE.size:])
    size = 32 if family == socket.AF_INET else 128
    route = {"dst": "default" if length == 0 else
                    _text(found[RTA_DST]) + f"/{length}" * (length != size)}
    if kind != RTN_UNICAST:
        route["type"] = KINDS.get(kind, str(kind))
    if RTA_GATEWAY in found:
        route["gateway"] = _text(found[RTA_GATEWAY])
    if RTA_OIF in found:
        route["dev"] = socket.if_indextoname(struct.unpack("=I", found[RTA_OIF])[0])
    return route


def routes(protocol):
    """Those of the main table that a program with this routing protocol has made, of both families,
    with the keys dst, type (not of ordinary ones), gateway and dev, as `ip -j route` has them."""
    while True:
        found = _dump(protocol)
        if found is not None:
            return found


def _dump(protocol):
    """None: the kernel's list changed while it was read."""
    found = []
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, socket.NETLINK_ROUTE) as sock:
        for family in (socket.AF_INET, socket.AF_INET6):
            sock.send(HEADER.pack(HEADER.size + ROUTE.size, RTM_GETROUTE, NLM_F_REQUEST | NLM_F_DUMP,
                                  1, 0) + ROUTE.pack(family, 0, 0, 0, 0, 0, 0, 0, 0))
            done = False
            while not done:
                data = sock.recv(1 << 16)
                while data:
                    length, kind, flags, _, _ = HEADER.unpack_from(data)
                    if flags & NLM_F_DUMP_INTR:
                        return None
                    if kind in (NLMSG_DONE, NLMSG_ERROR):
                        done = True
                    elif kind == RTM_NEWROUTE:
                        found.append(_route(data[HEADER.size:length], protocol))
                    data = data[(length + 3) & ~3:]
    return [route for route in found if route]
