# SPDX-License-Identifier: GPL-2.0-or-later
"""Networks with VLANs, and the VLANs of a bridge's ports."""
import json

from .node import named, network

ACCESS = {"PVID", "Egress Untagged"}


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
