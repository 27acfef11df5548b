# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules of the forms that programs of a node write, on which doctor must not go wrong."""

# kube-proxy in iptables mode, for iptables-nft-restore or iptables-legacy-restore.
KUBE_IPTABLES = """*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:KUBE-EXTERNAL-SERVICES - [0:0]
:KUBE-FIREWALL - [0:0]
:KUBE-FORWARD - [0:0]
:KUBE-KUBELET-CANARY - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-PROXY-CANARY - [0:0]
:KUBE-PROXY-FIREWALL - [0:0]
:KUBE-SERVICES - [0:0]
-A INPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A INPUT -m comment --comment "kubernetes health check service ports" -j KUBE-NODEPORTS
-A INPUT -m conntrack --ctstate NEW -m comment --comment "externally-visible" -j KUBE-EXTERNAL-SERVICES
-A INPUT -j KUBE-FIREWALL
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A FORWARD -m comment --comment "kubernetes forwarding rules" -j KUBE-FORWARD
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A FORWARD -m conntrack --ctstate NEW -m comment --comment "externally-visible" -j KUBE-EXTERNAL-SERVICES
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes load balancer firewall" -j KUBE-PROXY-FIREWALL
-A OUTPUT -m conntrack --ctstate NEW -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -j KUBE-FIREWALL
-A KUBE-EXTERNAL-SERVICES -p tcp -m comment --comment "ns/svc has no endpoints" -m addrtype --dst-type LOCAL -m tcp --dport 31000 -j REJECT
-A KUBE-FIREWALL ! -s 127.0.0.0/8 -d 127.0.0.0/8 -m comment --comment "block incoming localnet connections" -m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT -j DROP
-A KUBE-FORWARD -m conntrack --ctstate INVALID -j DROP
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding rules" -m mark --mark 0x4000/0x4000 -j ACCEPT
-A KUBE-FORWARD -m comment --comment "kubernetes forwarding conntrack rule" -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A KUBE-SERVICES -d 10.96.0.10/32 -p tcp -m comment --comment "ns/none has no endpoints" -m tcp --dport 80 -j REJECT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:INPUT ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:KUBE-MARK-MASQ - [0:0]
:KUBE-NODEPORTS - [0:0]
:KUBE-POSTROUTING - [0:0]
:KUBE-SEP-1 - [0:0]
:KUBE-SERVICES - [0:0]
:KUBE-SVC-1 - [0:0]
-A PREROUTING -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A OUTPUT -m comment --comment "kubernetes service portals" -j KUBE-SERVICES
-A POSTROUTING -m comment --comment "kubernetes postrouting rules" -j KUBE-POSTROUTING
-A KUBE-MARK-MASQ -j MARK --set-xmark 0x4000/0x4000
-A KUBE-POSTROUTING -m mark ! --mark 0x4000/0x4000 -j RETURN
-A KUBE-POSTROUTING -j MARK --set-xmark 0x4000/0x0
-A KUBE-POSTROUTING -m comment --comment "kubernetes service traffic requiring SNAT" -j MASQUERADE --random-fully
-A KUBE-SEP-1 -s 10.1.2.9/32 -j KUBE-MARK-MASQ
-A KUBE-SEP-1 -p tcp -m tcp -j DNAT --to-destination 10.1.2.9:8080
-A KUBE-SERVICES -d 10.96.0.1/32 -p tcp -m comment --comment "ns/svc" -m tcp --dport 80 -j KUBE-SVC-1
-A KUBE-SERVICES -m addrtype --dst-type LOCAL -j KUBE-NODEPORTS
-A KUBE-SVC-1 ! -s 10.1.0.0/16 -d 10.96.0.1/32 -p tcp -m tcp --dport 80 -j KUBE-MARK-MASQ
-A KUBE-SVC-1 -j KUBE-SEP-1
COMMIT
"""

# kube-proxy in nftables mode.
KUBE_NFTABLES = """
table ip kube-proxy {
    comment "rules for kube-proxy"
    set cluster-ips { type ipv4_addr; elements = { 10.96.0.1, 10.96.0.10 }; }
    set nodeport-ips { type ipv4_addr; elements = { 192.0.2.2 }; }
    map no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict;
        elements = { 10.96.0.10 . tcp . 80 : goto reject-chain } }
    map no-endpoint-nodeports { type inet_proto . inet_service : verdict; }
    map firewall-ips { type ipv4_addr . inet_proto . inet_service : verdict; }
    map service-ips { type ipv4_addr . inet_proto . inet_service : verdict;
        elements = { 10.96.0.1 . tcp . 80 : goto service-1 } }
    map service-nodeports { type inet_proto . inet_service : verdict; }
    chain reject-chain { reject; }
    chain mark-for-masquerade { meta mark set meta mark or 0x4000; }
    chain service-1 {
        ip daddr 10.96.0.1 tcp dport 80 ip saddr != 10.1.0.0/16 jump mark-for-masquerade
        meta l4proto tcp dnat to 10.1.2.9:8080
    }
    chain firewall-check { ip daddr . meta l4proto . th dport vmap @firewall-ips; }
    chain service-endpoints-check { ip daddr . meta l4proto . th dport vmap @no-endpoint-services; }
    chain nodeport-endpoints-check {
        ip daddr @nodeport-ips meta l4proto . th dport vmap @no-endpoint-nodeports
    }
    chain cluster-ips-check {
        ip daddr @cluster-ips reject comment "Reject traffic to invalid ports of ClusterIPs"
        ip daddr { 10.96.0.0/16 } drop comment "Drop traffic to unallocated ClusterIPs"
    }
    chain services {
        ip daddr . meta l4proto . th dport vmap @service-ips
        ip daddr @nodeport-ips meta l4proto . th dport vmap @service-nodeports
    }
    chain masquerading {
        meta mark and 0x4000 == 0 return
        meta mark set meta mark xor 0x4000
        masquerade fully-random
    }
    chain filter-prerouting {
        type filter hook prerouting priority dstnat - 10; policy accept;
        ct state new jump firewall-check
    }
    chain filter-input {
        type filter hook input priority -110; policy accept;
        ct state new jump nodeport-endpoints-check
        ct state new jump service-endpoints-check
    }
    chain filter-forward {
        type filter hook forward priority -110; policy accept;
        ct state new jump service-endpoints-check
        ct state new jump cluster-ips-check
    }
    chain filter-output-post-dnat {
        type filter hook output priority -90; policy accept;
        ct state new jump cluster-ips-check
    }
    chain nat-prerouting { type nat hook prerouting priority dstnat; policy accept; jump services; }
    chain nat-output { type nat hook output priority -100; policy accept; jump services; }
    chain nat-postrouting { type nat hook postrouting priority srcnat; policy accept; jump masquerading; }
}"""

# Docker, by iptables; its administrator lets the pods' bridge through.
DOCKER_ACCEPTS = """*raw
:PREROUTING ACCEPT [0:0]
-A PREROUTING -d 172.17.0.2/32 ! -i docker0 -j DROP
COMMIT
*filter
:INPUT ACCEPT [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
:DOCKER-BRIDGE - [0:0]
:DOCKER-CT - [0:0]
:DOCKER-FORWARD - [0:0]
:DOCKER-ISOLATION-STAGE-1 - [0:0]
:DOCKER-ISOLATION-STAGE-2 - [0:0]
:DOCKER-USER - [0:0]
-A FORWARD -j DOCKER-USER
-A FORWARD -j DOCKER-FORWARD
-A DOCKER ! -i docker0 -o docker0 -j DROP
-A DOCKER-BRIDGE -o docker0 -j DOCKER
-A DOCKER-CT -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A DOCKER-FORWARD -j DOCKER-CT
-A DOCKER-FORWARD -j DOCKER-ISOLATION-STAGE-1
-A DOCKER-FORWARD -j DOCKER-BRIDGE
-A DOCKER-FORWARD -i docker0 -j ACCEPT
-A DOCKER-ISOLATION-STAGE-1 -i docker0 ! -o docker0 -j DOCKER-ISOLATION-STAGE-2
-A DOCKER-ISOLATION-STAGE-2 -o docker0 -j DROP
-A DOCKER-USER -i cni0 -j ACCEPT
-A DOCKER-USER -o cni0 -j ACCEPT
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
:POSTROUTING ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
:DOCKER - [0:0]
-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER
-A OUTPUT ! -d 127.0.0.0/8 -m addrtype --dst-type LOCAL -j DOCKER
-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE
-A DOCKER ! -i docker0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 172.17.0.2:80
COMMIT
"""

# libvirt's default network.
LIBVIRT = """
table ip libvirt_network {
    chain forward {
        type filter hook forward priority filter; policy accept;
        counter jump guest_cross
        counter jump guest_input
        counter jump guest_output
    }
    chain guest_output {
        ip saddr 192.168.122.0/24 iif "lo" counter accept
        iifname "virbr0" counter reject
    }
    chain guest_input {
        oifname "virbr0" ip daddr 192.168.122.0/24 ct state established,related counter accept
        oifname "virbr0" counter reject
    }
    chain guest_cross { iifname "virbr0" oifname "virbr0" counter accept; }
    chain guest_nat {
        type nat hook postrouting priority srcnat; policy accept;
        ip saddr 192.168.122.0/24 ip daddr 224.0.0.0/24 counter return
        ip saddr 192.168.122.0/24 ip daddr != 192.168.122.0/24 counter masquerade
    }
}"""

# firewalld with the zone public, and the pods' bridge in the zone trusted where `trusted` says so.
_FIREWALLD = """
table inet firewalld {
    chain mangle_PREROUTING { type filter hook prerouting priority mangle + 10; policy accept; jump policies_pre; }
    chain filter_PREROUTING {
        type filter hook prerouting priority filter + 10; policy accept;
        icmpv6 type { nd-router-advert, nd-neighbor-solicit } accept
        meta nfproto ipv6 fib saddr . mark . iif oif missing drop
    }
    chain policies_pre { }
    chain filter_INPUT {
        type filter hook input priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        jump filter_INPUT_ZONES
        reject with icmpx admin-prohibited
    }
    chain filter_FORWARD {
        type filter hook forward priority filter + 10; policy accept;
        ct state { established, related } accept
        ct status dnat accept
        iifname "lo" accept
        ct state invalid drop
        ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002:7f00::/24 } reject with icmpv6 addr-unreachable
        jump filter_FORWARD_ZONES
        reject with icmpx admin-prohibited
    }
    chain filter_OUTPUT {
        type filter hook output priority filter + 10; policy accept;
        ct state { established, related } accept
        oifname "lo" accept
        ip6 daddr { ::/96, ::ffff:0.0.0.0/96, 2002:7f00::/24 } reject with icmpv6 addr-unreachable
    }
    chain filter_IN_public {
        tcp dport 22 ct state new,untracked accept
        ip6 daddr fe80::/64 udp dport 546 ct state new,untracked accept
        meta l4proto { icmp, ipv6-icmp } accept
        reject with icmpx admin-prohibited
    }
    chain filter_FWD_public { reject with icmpx admin-prohibited; }
    chain filter_IN_trusted { accept; }
    chain filter_FWD_trusted { accept; }
    chain filter_INPUT_ZONES { %s goto filter_IN_public; }
    chain filter_FORWARD_ZONES { %s goto filter_FWD_public; }
}"""


def firewalld(trusted=None):
    at = f'iifname "{trusted}" goto filter_%s_trusted;' if trusted else ""
    return _FIREWALLD % (at and at % "IN", at and at % "FWD")


# ufw, enabled, with its defaults: deny incoming, allow outgoing, deny routed.
_UFW = """*filter
:INPUT DROP [0:0]
:FORWARD DROP [0:0]
:OUTPUT ACCEPT [0:0]
:ufw{n}-before-input - [0:0]
:ufw{n}-after-input - [0:0]
:ufw{n}-before-forward - [0:0]
:ufw{n}-before-output - [0:0]
:ufw{n}-user-input - [0:0]
:ufw{n}-user-forward - [0:0]
:ufw{n}-user-output - [0:0]
:ufw{n}-skip-to-policy-input - [0:0]
:ufw{n}-logging-deny - [0:0]
-A INPUT -j ufw{n}-before-input
-A INPUT -j ufw{n}-after-input
-A FORWARD -j ufw{n}-before-forward
-A OUTPUT -j ufw{n}-before-output
-A ufw{n}-before-input -i lo -j ACCEPT
{before}
-A ufw{n}-before-input -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw{n}-before-input -m conntrack --ctstate INVALID -j ufw{n}-logging-deny
-A ufw{n}-before-input -m conntrack --ctstate INVALID -j DROP
{icmp}
-A ufw{n}-before-input -j ufw{n}-user-input
-A ufw{n}-before-output -o lo -j ACCEPT
-A ufw{n}-before-output -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw{n}-before-output -j ufw{n}-user-output
-A ufw{n}-before-forward -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
-A ufw{n}-before-forward -j ufw{n}-user-forward
-A ufw{n}-after-input -p udp -m udp --dport 137 -j ufw{n}-skip-to-policy-input
-A ufw{n}-skip-to-policy-input -j DROP
-A ufw{n}-logging-deny -m limit --limit 3/min --limit-burst 10 -j LOG --log-prefix "[UFW BLOCK] "
-A ufw{n}-user-input -p tcp -m tcp --dport 22 -j ACCEPT
COMMIT
"""
UFW4 = _UFW.format(n="", before="", icmp="-A ufw-before-input -p icmp -m icmp --icmp-type 8 -j ACCEPT")
UFW6 = _UFW.format(n="6", before="-A ufw6-before-input -m rt --rt-type 0 -j DROP", icmp="\n".join(
    f"-A ufw6-before-input -p ipv6-icmp -m icmp6 --icmpv6-type {kind} -m hl --hl-eq 255 -j ACCEPT"
    for kind in (133, 134, 135, 136)))
