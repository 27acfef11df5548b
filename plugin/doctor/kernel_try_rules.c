/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Rules of the kinds that the stages write (stage/masquerade_rules.c, portmap_rules.c,
 * gateway_guard_rules.c, spoofcheck_rules.c, vlan_untracked.c), a table for each feature. */
#include "kernel_feature.h"
#include "plugin/nft/nft.h"

#define MASQUERADE                                                           \
	"add table inet masq\n"                                              \
	"add chain inet masq forward "                                       \
	"{ type filter hook forward priority filter; }\n"                    \
	"add chain inet masq postrouting "                                   \
	"{ type nat hook postrouting priority srcnat; }\n"                   \
	"add rule inet masq forward ct state invalid "                       \
	"ip saddr { 192.0.2.0/24 } drop\n"                                   \
	"add rule inet masq postrouting ip saddr { 192.0.2.0/24 } "          \
	"ip daddr != { 192.0.2.0/24, 224.0.0.0/4 } masquerade\n"             \
	"add rule inet masq postrouting meta iifkind != \"none\" ct status " \
	"dnat masquerade\n"

#define HOST_PORTS                                                          \
	"add table inet hostports\n"                                        \
	"add map inet hostports ports "                                     \
	"{ type inet_proto . inet_service : ipv4_addr . inet_service; }\n"  \
	"add chain inet hostports prerouting "                              \
	"{ type nat hook prerouting priority dstnat - 1; }\n"               \
	"add chain inet hostports output "                                  \
	"{ type nat hook output priority -101; }\n"                         \
	"add rule inet hostports prerouting fib daddr type local "          \
	"meta nfproto ipv4 dnat ip to meta l4proto . th dport map @ports\n" \
	"add element inet hostports ports { 6 . 8080 : 192.0.2.2 . 80 }\n"

#define PORT_RANGES                                                  \
	"add table inet ranges\n"                                    \
	"add map inet ranges ports { type inet_proto . ipv4_addr . " \
	"inet_service : ipv4_addr; flags interval; }\n"              \
	"add element inet ranges ports "                             \
	"{ 6 . 192.0.2.1 . 8000-8600 : 192.0.2.2 }\n"

#define GUARD                                                           \
	"add table inet guard\n"                                        \
	"add set inet guard isolated { type ipv4_addr; }\n"             \
	"add chain inet guard forward "                                 \
	"{ type filter hook forward priority filter; }\n"               \
	"add rule inet guard forward ip saddr @isolated counter drop\n" \
	"add rule inet guard forward fib saddr . iif oif missing counter drop\n"

#define FAST_PATH                                                        \
	"add table inet fast\n"                                          \
	"add flowtable inet fast flows { hook ingress priority filter; " \
	"devices = { \"lo\" }; counter; }\n"                             \
	"add chain inet fast forward "                                   \
	"{ type filter hook forward priority 1000; }\n"                  \
	"add rule inet fast forward ct state established "               \
	"ct packets > 20 flow add @flows\n"

#define BRIDGE_RULES                                                        \
	"add table bridge spoof\n"                                          \
	"add counter bridge spoof dropped\n"                                \
	"add set bridge spoof macs { type ifname . ether_addr; }\n"         \
	"add set bridge spoof many "                                        \
	"{ type ifname; flags dynamic,timeout; timeout 5m; size 65535; }\n" \
	"add chain bridge spoof prerouting "                                \
	"{ type filter hook prerouting priority dstnat; }\n"                \
	"add rule bridge spoof prerouting iifname . ether saddr != @macs "  \
	"counter name \"dropped\" drop\n"                                   \
	"add rule bridge spoof prerouting "                                 \
	"update @many { iifname limit rate over 2/minute burst 8 packets } drop\n"

#define UNTRACKED                                            \
	"add table bridge vlans\n"                           \
	"add chain bridge vlans untracked "                  \
	"{ type filter hook prerouting priority filter; }\n" \
	"add rule bridge vlans untracked iifname \"try1\" notrack\n"

int kernel_rules_try(enum kernel_feature feature, struct cni_error *err)
{
	static const char *const texts[KERNEL_FEATURES] = {
		[KERNEL_MASQUERADE] = MASQUERADE,     [KERNEL_HOST_PORTS] = HOST_PORTS,
		[KERNEL_PORT_RANGES] = PORT_RANGES,   [KERNEL_GUARD] = GUARD,
		[KERNEL_BRIDGE_RULES] = BRIDGE_RULES, [KERNEL_FAST_PATH] = FAST_PATH,
		[KERNEL_UNTRACKED] = UNTRACKED,
	};

	return nft_apply(texts[feature], -1, err);
}
