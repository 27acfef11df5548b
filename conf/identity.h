/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Names derived from the identity of an attachment (network name, container ID,
 * interface name), so that DEL and GC find what ADD made without any record of it.
 */
#ifndef BRIDGE_CNI_CONF_IDENTITY_H
#define BRIDGE_CNI_CONF_IDENTITY_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/addr.h"

#define HOST_IFNAME_PREFIX    "veth"
#define HOST_IFNAME_NET_CHARS 4
#define HOST_IFNAME_POD_CHARS 7
/* of interfaces that the node agent makes for tunnels to other nodes */
#define TUNNEL_DEVICES "bcni-"
#define IFB_PREFIX     "ifb"
#define LINK_ALIAS_MAX 255 /* IFALIASZ less one, with the NUL */

/* FNV-1a with a final avalanche. hash_more() goes on from an earlier hash, without that
 * avalanche. */
uint64_t hash_text(const char *text);
uint64_t hash_bytes(const void *data, size_t len);
uint64_t hash_more(uint64_t hash, const void *data, size_t len);

/*
 * Returns the number of the owner that rules, sets and maps belong to. It follows from
 * the network's name, its bridge and its store: configurations that agree in all three
 * are one owner, whatever else they say. The number is cut from a SHA-512, so that nobody
 * can choose names that give another owner's number. Spellings of @data_dir that differ
 * in "//" and "/./" count as one: "/run//cni/./" is "/run/cni". ".." and links stay as
 * they are, since only the disk knows where they lead.
 */
uint64_t identity_owner(const char *network, const char *bridge, const char *data_dir);

/*
 * Returns the number that an earlier version of this program used for rules, whose
 * comments begin with "v1". It follows from the name alone, so that all owners with that
 * name share it.
 */
uint64_t identity_owner_by_name(const char *network);

/*
 * "veth" + 4 characters of the network + 7 of (container ID, interface name), in lower
 * case base 32: 20 and 35 bits.
 */
void identity_host_ifname(const char *network, const char *container_id,
			  const char *ifname, char ret_name[IF_NAMESIZE]);

/* Makes the start of the names of all host interfaces of a network: "veth" + 4
 * characters. */
void identity_host_ifname_prefix(const char *network, char ret_prefix[IF_NAMESIZE]);

/* Makes the name of the ifb beside a host interface: "ifb" and the same 11 characters. */
void identity_ifb(const char *host_ifname, char ret_name[IF_NAMESIZE]);

/*
 * The bridge port that an interface BRIDGE.VLAN (gateway of a VLAN) hangs on: "vlan" + 11
 * characters of that name.
 */
void identity_vlan_port(const char *gateway_ifname, char ret_name[IF_NAMESIZE]);

#define LINK_ALIAS_PREFIX "bridge-cni "

/* The alias of a bridge begins with this (plugin/stage/bridge_alias.h). */
#define BRIDGE_ALIAS_PREFIX "bridge-cni: "

/* The whole identity for people: "bridge-cni NETWORK CONTAINERID IFNAME", cut to fit. */
void identity_alias(const char *network, const char *container_id, const char *ifname,
		    char ret_alias[LINK_ALIAS_MAX]);

/* Reads the names out of an alias; false: it is not one of this program's. An alias that
 * was cut gives names that aren't the attachment's. */
struct alias_names {
	char network[LINK_ALIAS_MAX], container_id[LINK_ALIAS_MAX], ifname[IF_NAMESIZE];
};
bool identity_alias_read(const char *alias, struct alias_names *ret_names);

/* Does the alias say that the interface is another attachment's? Names are hashes. */
bool identity_alias_is_anothers(const char *alias, const char *network,
				const char *container_id, const char *ifname);

/*
 * Make locally administered addresses from the identity. Those of the host's end and of
 * the ifb depend on the owner (identity_owner()) as well, so that an interface without a
 * record still tells whose it is. The container's end has such an address where it has no
 * IP address to take one from.
 */
struct mac_addr identity_host_mac(uint64_t owner, const char *container_id,
				  const char *ifname);
struct mac_addr identity_ifb_mac(uint64_t owner, const char *container_id,
				 const char *ifname);
struct mac_addr identity_container_mac(const char *network, const char *container_id,
				       const char *ifname);

/*
 * Makes the address of a bridge. It is the node's own, as it follows from the kernel's
 * boot ID and the cookie of the node's network namespace, and stays the same as long as
 * those do.
 */
struct mac_addr identity_bridge_mac(const char *boot, uint64_t cookie,
				    const char *bridge);

/*
 * Make the names that the reference plugins (containernetworking/plugins,
 * pkg/ip/ipmasq_*_linux.go) use when they masquerade an attachment: the chain of
 * iptables, which is one for all interfaces of the container on the network, and the
 * start of the comment of a rule in nftables.
 */
#define REFERENCE_CHAIN_MAX   29 /* "CNI-" and 24 hexadecimal digits, with the NUL */
#define REFERENCE_COMMENT_MAX 34 /* 16 digits, '-', 16 digits, with the NUL */
void identity_reference_chain(const char *network, const char *container_id,
			      char ret_chain[REFERENCE_CHAIN_MAX]);
void identity_reference_comment(const char *network, const char *container_id,
				const char *ifname,
				char ret_comment[REFERENCE_COMMENT_MAX]);

/*
 * Makes a locally administered address from the pod's first IP address: an IP address
 * that goes to another pod keeps its MAC, so that no neighbour cache is wrong. IPv4:
 * 0a:58 and the four bytes, as CNI plugins have long done; IPv6: 0e and 40 bits of a
 * hash.
 */
struct mac_addr identity_mac_of_ip(const struct ip_addr *addr);

#endif
