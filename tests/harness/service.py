# SPDX-License-Identifier: GPL-2.0-or-later
"""A Service with rules of the shape that kube-proxy writes: its address leads to a pod,
who comes from that pod itself is masqueraded, what is invalid is not forwarded."""
import os
import subprocess

import pytest

VIP = {"v4": "10.96.0.10", "v6": "fd00:96::10"}
SWITCHES = ("iptables", "ip6tables")
MODES = pytest.mark.parametrize("mode", ["nftables", "iptables"])  # kube-proxy's


def netfilter_switch(node, key, on):
    """One of SWITCHES. Where br_netfilter isn't loaded, they are off. When it is loaded, as an agent
    of another test may have the kernel do, they are on in all namespaces that there are: so in the
    virtual machine it is loaded here, before."""
    if "BRIDGE_CNI_VM" in os.environ and not os.path.exists("/proc/sys/net/bridge"):
        subprocess.run(["modprobe", "br_netfilter"], check=True)
    if node.call(lambda: os.path.exists("/proc/sys/net/bridge")):
        node.sysctl(f"bridge.bridge-nf-call-{key}", int(on))
    elif on:
        pytest.skip("br_netfilter is not loaded")


def netfilter_on_the_bridge(node, on):
    for key in SWITCHES:
        netfilter_switch(node, key, on)


def family(address):
    return "v6" if ":" in address else "v4"


def target_of(address, port):
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def by_nftables(ip, addresses, vip, port):
    """Rules as kube-proxy has them in nftables mode, for nft. Several pods take turns."""
    pods = "\n".join(f"""
            chain pod{number} {{
                {ip} saddr {address} meta mark set 0x4000
                meta l4proto {{ tcp, udp }} dnat to {target_of(address, port)}
            }}""" for number, address in enumerate(addresses))
    turns = ", ".join(f"{number} : goto pod{number}" for number in range(len(addresses)))
    return f"""
        table {ip} proxy {{}}
        delete table {ip} proxy
        table {ip} proxy {{{pods}
            chain services {{
                {ip} daddr {vip} meta l4proto {{ tcp, udp }} th dport {port} \\
                    numgen inc mod {len(addresses)} vmap {{ {turns} }}
            }}
            chain prerouting {{
                type nat hook prerouting priority dstnat
                jump services
            }}
            chain output {{
                type nat hook output priority -100
                jump services
            }}
            chain postrouting {{
                type nat hook postrouting priority srcnat
                meta mark & 0x4000 != 0 masquerade
            }}
            chain forward {{
                type filter hook forward priority filter
                ct state invalid drop
            }}
        }}"""


def by_iptables(address, vip, port):
    """Rules as kube-proxy has them in iptables mode, for iptables-nft-restore."""
    parts = "\n".join(f"""
-A KUBE-SERVICES -d {vip} -p {protocol} -m {protocol} --dport {port} -j KUBE-SVC-{protocol}
-A KUBE-SVC-{protocol} -j KUBE-SEP-{protocol}
-A KUBE-SEP-{protocol} -s {address} -j KUBE-MARK-MASQ
-A KUBE-SEP-{protocol} -p {protocol} -m {protocol} -j DNAT --to-destination {target_of(address, port)}"""
                      for protocol in ("tcp", "udp"))
    return f"""\
*filter
:KUBE-FORWARD -
-A FORWARD -j KUBE-FORWARD
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
COMMIT
*nat
:KUBE-SERVICES -
:KUBE-POSTROUTING -
:KUBE-MARK-MASQ -
:KUBE-SVC-tcp -
:KUBE-SVC-udp -
:KUBE-SEP-tcp -
:KUBE-SEP-udp -
-A PREROUTING -j KUBE-SERVICES
-A OUTPUT -j KUBE-SERVICES
-A POSTROUTING -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --or-mark 0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --xor-mark 0x4000
-A KUBE-POSTROUTING -j MASQUERADE --random-fully
{parts}
COMMIT
"""


def service(node, address, port=80, mode="nftables"):
    """Makes one that leads to a pod's address, or to several by turns, by TCP and UDP; gives the
    Service's own address. `mode` is kube-proxy's: nftables, in which it takes the place of one
    that was there, or iptables, for one pod."""
    addresses = [address] if isinstance(address, str) else address
    six = ":" in addresses[0]
    vip = VIP[family(addresses[0])]
    if mode == "nftables":
        node.nft(by_nftables("ip6" if six else "ip", addresses, vip, port))
    else:
        node.run(f"ip{'6' * six}tables-nft-restore", "--noflush",
                 input=by_iptables(*addresses, vip, port))
    return vip
