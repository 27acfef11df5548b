# SPDX-License-Identifier: GPL-2.0-or-later
"""A node as an earlier version leaves it: rules, sets and records of its forms."""
import re
import struct

MASK = 2**64 - 1


def _avalanche(value):
    value ^= value >> 33
    value = value * 0xFF51AFD7ED558CCD & MASK
    value ^= value >> 33
    value = value * 0xC4CEB9FE1A85EC53 & MASK
    return value ^ value >> 33


def _fnv(data, value=0xCBF29CE484222325):
    for byte in data:
        value = (value ^ byte) * 0x100000001B3 & MASK
    return value


def hash_text(text):
    """conf/identity.c"""
    return _avalanche(_fnv(text.encode()))


def _host_mac(network, container, ifname):
    value = _fnv(container.encode() + b"\0", hash_text(network))
    value = _avalanche(_fnv(ifname.encode(), value))
    return "fe:" + struct.pack("<Q", value)[:5].hex(":")


def _record(path):
    """Without the keys that it didn't have."""
    text = path.read_text()
    lines = [line for line in text.splitlines(True)
             if not line.startswith(("masquerade ", "spoofaddresses ", "end "))]
    text = "".join(lines)
    path.write_text(f"{text}end {hash_text(text):016x}\n")


def _ruleset(text, network):
    """The tables as nft lists them, with comments and names of the first form."""
    former = f"{hash_text(network):016x}"
    text = re.sub(rf"( {former})\+[0-9a-f]{{16}} ", r"\1 ", text)
    owners = set(re.findall(r'comment "v2 \S+ ([0-9a-f]{16}) [0-9a-f]{16} '
                            f'{former} ', text))
    text = re.sub(r'comment "v2 (\S+) [0-9a-f]{16} ([0-9a-f]{16}) ' + former,
                  rf'comment "v1 \1 {former} \2', text)
    for owner in owners:
        text = text.replace(owner, former)
    # nft 1.0.9 lists it so, and doesn't read that as an address.
    return text.replace("icmpv6 taddr", "@th,64,128")


def redirect_as_before(node, veth):
    """What the pod sends is redirected by a qdisc of the older kind."""
    node.run("tc", "qdisc", "del", "dev", veth, "clsact")
    node.run("tc", "qdisc", "add", "dev", veth, "ingress")
    node.run("tc", *f"filter add dev {veth} parent ffff: protocol all prio 1 u32 match u32 0 0 "
             f"action mirred egress redirect dev ifb{veth[len('veth'):]}".split())


def age(node, network, store=None):
    """Makes everything of one network what an earlier version would have made. That told
    no owners of a name apart: there is to be one."""
    text = "".join(node.run("nft", "list", "table", *table, check=False).stdout
                   for table in (("inet", "bridge_cni"), ("bridge", "bridge_cni")))
    node.nft("flush ruleset")
    node.nft(_ruleset(text, network))
    for path in ((store or node.store) / ".bridge-cni" / network).glob("p-*"):
        _record(path)
    for name, link in node.links().items():
        if link.get("ifalias", "").startswith("bridge-cni: "):  # a bridge's
            node.run("ip", "link", "set", name, "alias", "")
        if match := re.match(r"bridge-cni (\S+) (\S+) (\S+)$", link.get("ifalias", "")):
            if match[1] == network:
                node.ip(f"link set {name} address {_host_mac(*match.groups())}")
