# SPDX-License-Identifier: GPL-2.0-or-later
"""Networks with VLANs, and the VLANs of a bridge's ports."""
import contextlib
import json
import socket
import struct

from . import wire
from .node import named, network
from .waiting import SLOWNESS

ACCESS = {"PVID", "Egress Untagged"}
# The flags of the bridge's default VLAN on a port with preserveDefaultVlan.
PRESERVED = {"Egress Untagged"}
SOL_PACKET, PACKET_AUXDATA, TP_STATUS_VLAN_VALID = 263, 8, 0x10  # linux/if_packet.h


def subnet(third):
    return {"ranges": [[{"subnet": f"10.1.{third}.0/24"}]]}


def access(vlan, **changes):
    """A network without gateway whose pods are in one VLAN."""
    return network(vlan=vlan, isDefaultGateway=None, ipMasq=None, **changes)


def trunk(*items, **changes):
    return network(vlanTrunk=list(items), isDefaultGateway=None, ipMasq=None, **changes)


def port_of(result):
    """The name of the host's end of the pod's veth."""
    return named(result, False)[1]["name"]


def address_of(result):
    return result["ips"][0]["address"].split("/")[0]


def filters(node, bridge="cni0"):
    return node.links()[bridge]["linkinfo"]["info_data"].get("vlan_filtering") == 1


def port_vlans(node, port):
    """VLAN -> its flags, as `bridge vlan` shows them."""
    out = node.run("bridge", "-j", "vlan", "show", "dev", port).stdout
    return {number: set(vlan.get("flags", []))
            for entry in json.loads(out or "[]") for vlan in entry["vlans"]
            for number in range(vlan["vlan"], vlan.get("vlanEnd", vlan["vlan"]) + 1)}


def tagged(pod, vlan, address, ifname="eth0"):
    """The pod's own interface in a VLAN of its trunk."""
    name = f"{ifname}.{vlan}"
    pod.ip_batch(f"""
        link add link {ifname} name {name} type vlan id {vlan}
        link set {name} up
        addr add {address}/24 dev {name}
        """)


@contextlib.contextmanager
def hearing(pod, ifname="eth0", wait=0.3):
    """Afterwards the list has (VLAN of the tag, 0: none; payload) of each frame of ours."""
    found = []
    with pod.socket(socket.AF_PACKET, socket.SOCK_RAW, 0) as sock:
        sock.setsockopt(SOL_PACKET, PACKET_AUXDATA, 1)
        sock.bind((ifname, wire.ETH_P_ALL))
        yield found
        sock.settimeout(wait * SLOWNESS)
        with contextlib.suppress(TimeoutError):
            while True:
                frame, more, _, (_, _, kind, *_) = sock.recvmsg(2048, 256)
                if kind == wire.PACKET_OUTGOING or \
                        frame[12:14] != struct.pack("!H", wire.ETHERTYPE):
                    continue
                [aux] = [data for level, number, data in more
                         if (level, number) == (SOL_PACKET, PACKET_AUXDATA)]
                status, _, _, _, _, tci, _ = struct.unpack("IIIHHHH", aux)
                tagged = status & TP_STATUS_VLAN_VALID
                found.append((tci & 0xfff if tagged else 0, frame[14:].rstrip(b"\0")))


def shout(pod, payload, ifname="eth0"):
    """A broadcast frame."""
    wire.send_frame(pod, ifname, wire.BROADCAST, payload)
