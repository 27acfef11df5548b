# SPDX-License-Identifier: GPL-2.0-or-later
"""A ruleset of the shape that kube-proxy's nftables mode keeps on a node."""
import hashlib
import ipaddress

SERVICES = int(ipaddress.ip_address("10.96.0.1"))
ENDPOINTS = int(ipaddress.ip_address("10.128.0.1"))

HEAD = """\
table ip kube-proxy {
    map service-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
    map firewall-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
    map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict; }
    map service-nodeports { type inet_proto . inet_service : verdict; }
    set cluster-ips { type ipv4_addr; }
    chain mark-for-masquerade { meta mark set meta mark or 0x4000; }
    chain masquerading {
        meta mark and 0x4000 == 0 return
        meta mark set meta mark xor 0x4000
        masquerade fully-random
    }
    chain services { ip daddr . meta l4proto . th dport vmap @service-ips; }
    chain nat-prerouting {
        type nat hook prerouting priority dstnat; policy accept;
        jump services
    }
    chain nat-output { type nat hook output priority -100; policy accept; jump services; }
    chain nat-postrouting {
        type nat hook postrouting priority srcnat; policy accept;
        jump masquerading
    }
}
"""


def digest(text):
    return hashlib.sha256(text.encode()).hexdigest()[:8].upper()


def services(count, endpoints=2):
    """The text for `nft -f`: that many services of TCP, each with so many endpoints."""
    chains, elements, addresses = [], [], []
    for i in range(count):
        name, address = f"ns{i % 100}/svc{i}/tcp/p80", ipaddress.ip_address(SERVICES + i)
        service = f"service-{digest(name)}-{name}"
        names = []
        for n in range(endpoints):
            pod = ipaddress.ip_address(ENDPOINTS + endpoints * i + n)
            names.append(f"endpoint-{digest(f'{name}{n}')}-{name}__{pod}/8080")
            chains.append(f"chain {names[n]} {{\n"
                          f"ip saddr {pod} jump mark-for-masquerade\n"
                          f"meta l4proto tcp dnat to {pod}:8080\n}}")
        chosen = ", ".join(f"{n} : goto {to}" for n, to in enumerate(names))
        chains.append(f"chain {service} {{\n"
                      f"ip daddr {address} tcp dport 80 ip saddr != 10.128.0.0/9 "
                      f"jump mark-for-masquerade\n"
                      f"numgen random mod {endpoints} vmap {{ {chosen} }}\n}}")
        elements.append(f"{address} . tcp . 80 : goto {service}")
        addresses.append(str(address))
    body = "\n".join(chains)
    return (f"{HEAD}table ip kube-proxy {{\n{body}\n}}\n"
            f"add element ip kube-proxy service-ips {{ {', '.join(elements)} }}\n"
            f"add element ip kube-proxy cluster-ips {{ {', '.join(addresses)} }}\n")

