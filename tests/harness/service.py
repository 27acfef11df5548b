# SPDX-License-Identifier: GPL-2.0-or-later
"""A Service with rules of the shape that kube-proxy writes: its address leads to one pod,
who comes from that pod itself is masqueraded, what is invalid is not forwarded."""
import os

import pytest

VIP = {"v4": "10.96.0.10", "v6": "fd00:96::10"}
SWITCHES = ("iptables", "ip6tables")


def netfilter_switch(node, key, on):
    """One of SWITCHES. Where br_netfilter isn't loaded, they are off."""
    if node.call(lambda: os.path.exists("/proc/sys/net/bridge")):
        node.sysctl(f"bridge.bridge-nf-call-{key}", int(on))
    elif on:
        pytest.skip("br_netfilter is not loaded")


def netfilter_on_the_bridge(node, on):
    for key in SWITCHES:
        netfilter_switch(node, key, on)


def family(address):
    return "v6" if ":" in address else "v4"


def service(node, address, port=80):
    """Makes one that leads to a pod's address; gives the Service's own."""
    ip = "ip6" if ":" in address else "ip"
    vip = VIP[family(address)]
    target = f"[{address}]:{port}" if ip == "ip6" else f"{address}:{port}"
    node.nft(f"""
        table {ip} proxy {{
            chain services {{
                {ip} saddr {address} {ip} daddr {vip} tcp dport {port} meta mark set 0x4000
                {ip} daddr {vip} tcp dport {port} dnat to {target}
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
        }}""")
    return vip
