/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What all stages work on: one pod's attachment to one network, during one operation.
 * What was asked is const; the rest is what the stages find out or make. Where an
 * operation is about a network as a whole, its pod has no names.
 */
#ifndef BRIDGE_CNI_PLUGIN_ATTACHMENT_ATTACHMENT_H
#define BRIDGE_CNI_PLUGIN_ATTACHMENT_ATTACHMENT_H

#include "conf/identity.h"
#include "conf/network.h"
#include "conf/pod.h"
#include "ipam/ipam.h"
#include "operation.h"

struct record;

struct attachment {
	/* Asked; borrowed. */
	const struct network *network;
	const struct pod *pod;
	struct operation *op;

	/*
	 * Whose it is (identity_owner()): the network's bridge as it is configured, or,
	 * for the DEL of an attachment that its record has on another bridge, that one.
	 * Written by attachment_set_bridge() alone.
	 */
	const char *bridge;
	uint64_t owner;
	struct ipam_env ipam_env; /* the same for ipam/ */

	struct pod_ns pod_ns; /* owned */

	/* Addresses. */
	struct cni_result ipam; /* ips (interface -1), routes and dns that IPAM gave; on
				 * CHECK the same as prevResult has them; owned */
	char *resolv_text; /* owns the strings of ipam.dns, or ... */
	struct json_doc *ipam_doc; /* ... a delegated IPAM's result does */

	/* The bridge. */
	unsigned int bridge_index;
	bool bridge_made; /* by this ADD */
	bool bridge_ipv6; /* it has IPv6, and so the kernel */
	uint16_t bridge_default_vlan; /* that new ports are in, untagged; 0: none */
	struct mac_addr bridge_mac;
	uint32_t bridge_mtu; /* bytes */

	/* The interface that has the gateway addresses: the bridge, or with vlan an
	 * interface in that VLAN. */
	char gateway_ifname[IF_NAMESIZE];
	unsigned int gateway_index;
	bool gateway_forwards; /* IPv4 packets that come in by it */
	int gateway_localnet; /* its route_localnet, when it was looked at; -1: none */
	struct mac_addr gateway_mac;

	/* The two ends of the veth. */
	struct mac_addr host_mac, container_mac;
	uint32_t mtu; /* bytes, of both */
	unsigned int container_index; /* in the pod's namespace */
	unsigned int host_index; /* CHECK: of the host's end, whoever named it */

	/* ADD: its place among those of its container that share a host port; 0: nobody
	 * else has one of its ports. */
	uint32_t port_turn;

	/*
	 * What it holds, as its ADD has written it down. Known where it is taken away (a
	 * DEL, or an ADD that undoes itself) or repaired; NULL while an ADD attaches it,
	 * or where nothing is written down.
	 */
	const struct record *record;
	bool given_up; /* repair: one of the stages has failed, or it isn't to be touched */
	bool need_not_wait; /* DEL: until the kernel has tidied up behind a link */
	bool was_last; /* DEL: the owner has no other record */
	bool had_own_veth; /* DEL: the veth of its name was there */
};

/* Of @pod on @network, by @op; all borrowed. Nothing of it is made or known yet. */
void attachment_init(struct attachment *att, struct operation *op,
		     const struct network *network, const struct pod *pod);
void attachment_clear(struct attachment *att);

/* It is that bridge's, borrowed, whatever the network's configuration says by now. */
void attachment_set_bridge(struct attachment *att, const char *bridge);

/* Opens the pod's namespace. Codes as pod_ns_open()'s. */
int attachment_open_pod(struct attachment *att, struct cni_error *err);

/* Opens the node's side of the operation for @work, and closes it. Code 101, and
 * @work's. */
int attachment_run(struct attachment *att,
		   int (*work)(struct attachment *att, struct cni_error *err),
		   struct cni_error *err);

/* Has it an address of that family? */
bool attachment_uses(const struct attachment *att, int family);

#endif
