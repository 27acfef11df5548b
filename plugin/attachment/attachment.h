/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One pod's attachment to one network, during one operation: all stages work on it. The
 * part that was asked for is const. The stages find out or make the rest. Where an
 * operation is about a network as a whole, the pod has no names.
 */
#ifndef BRIDGE_CNI_PLUGIN_ATTACHMENT_ATTACHMENT_H
#define BRIDGE_CNI_PLUGIN_ATTACHMENT_ATTACHMENT_H

#include "conf/identity.h"
#include "conf/network.h"
#include "conf/pod.h"
#include "ipam/ipam.h"
#include "operation.h"

struct record;
struct rules_seen;

struct attachment {
	/* Asked; borrowed. */
	const struct network *network;
	const struct pod *pod;
	struct operation *op;

	/*
	 * The switch, the bridge (or the switch's place, switch_place()), and the owner
	 * of rules and sets that follows from it (identity_owner()). They are those of
	 * the network's configuration; or, where the attachment was there before this
	 * operation, those of its record. Only attachment_set_switch() writes these.
	 */
	enum switch_kind switch_kind;
	const char *bridge;
	uint64_t owner;
	struct ipam_env ipam_env; /* the same for ipam/ */

	struct pod_ns pod_ns; /* owned */

	/* podLink "routed", as the ADD was asked for or the record has it; not in a
	 * DEL */
	bool routed;
	/* quietBridge, in the same way */
	bool quiet;

	/* Addresses. */
	struct cni_result ipam; /* ips (interface -1), routes and dns that IPAM gave; on
				 * CHECK the same as prevResult has them; owned */
	char *resolv_text; /* text of resolvConf: owns the strings of ipam.dns */
	/* the result of a delegated IPAM: owns them then */
	struct json_doc *ipam_doc;

	/* The bridge. */
	unsigned int bridge_index;
	bool bridge_made; /* by this ADD */
	bool bridge_ipv6; /* the bridge has IPv6, and so has the kernel */
	/* ADD, CHECK, repair: it has ports that are no pod's and no VLAN gateway's, by
	 * its alias (plugin/stage/bridge_alias.h) */
	bool bridge_has_other_ports;
	/* its own switches nf_call_iptables and nf_call_ip6tables (bridge_nf.h) */
	bool bridge_nf[IP_FAMILIES];
	/* it sends multicast frames to members alone, in any VLAN; it asks who is one */
	bool bridge_keeps_groups, bridge_queries;
	/* ADD: it had no port that forwards, or the kernel had not noticed one yet */
	bool bridge_idle;
	/* the VLAN that new ports are in, untagged; 0: none */
	uint16_t bridge_default_vlan;
	struct mac_addr bridge_mac;
	uint32_t bridge_mtu; /* bytes */

	/* The interface that has the gateway addresses: the bridge, or with vlan an
	 * interface in that VLAN. */
	char gateway_ifname[IF_NAMESIZE];
	unsigned int gateway_index;
	bool gateway_forwards; /* IPv4 packets that come in by it are forwarded */
	/* its route_localnet, as it was when it was read; -1: none */
	int gateway_localnet;
	bool gateway_ipv6; /* it has IPv6, and so has the kernel */
	/* ADD with vlan: the same as bridge_idle, of the gateway */
	bool gateway_idle;
	bool gateway_added; /* by this ADD: one of the gateway addresses */
	struct mac_addr gateway_mac;
	/* with vlan: the bridge's port that is the other end of the gateway's veth; "": the
	 * gateway is no veth */
	char gateway_port[IF_NAMESIZE];
	/* It was made here: whenever it is made anew, it has the same MAC address. Told
	 * for a quiet pod alone. */
	bool gateway_is_own;

	/* ADD with a switch without a bridge: the interface that pods share with others,
	 * which are on its link; "": the link is the node's own */
	char master_ifname[IF_NAMESIZE];
	/* Another program makes the host's end a port, and not of a Linux bridge: the
	 * kernel does not say what its master is, or how it forwards. */
	bool port_is_foreign;
	/* The switch hands frames on as they are: checksums that the pod's end leaves to a
	 * network card are never filled in. */
	bool switch_is_bare;
	/* ADD: so long the switch's daemon may be waited for yet */
	int64_t switch_wait_ms;

	/* The two ends of the veth. */
	struct mac_addr host_mac, container_mac;
	uint32_t mtu; /* bytes; both ends have it */
	bool refuses_routers; /* ADD: the pod's end takes no advertisement or redirect */
	unsigned int container_index; /* in the pod's namespace */
	unsigned int host_index; /* CHECK: of the host's end, whoever named it */

	/* ADD: its place among those of its container that share a host port; 0: nobody
	 * else has one of its ports. */
	uint32_t port_turn;

	/* ADD: rules of the table inet that a stage has read for those behind it, too
	 * (rules_seen.h); NULL: each stage reads them; owned */
	struct rules_seen *rules_seen;

	/*
	 * The record of what the attachment holds, as its ADD has written it. It is there
	 * where the attachment is taken away (by a DEL, or by an ADD that undoes itself)
	 * or repaired; NULL while an ADD attaches it, or where nothing is written.
	 */
	const struct record *record;
	/* repair: leave it alone, because one of its stages has failed, or its own ADD
	 * goes on */
	bool given_up;
	/* DEL: return before the kernel has tidied up behind a link (plugin/README.md,
	 * DEL returns early) */
	bool need_not_wait;
	bool was_last; /* DEL: the record that was removed was the owner's last */
	bool had_own_veth; /* DEL: the host's end was there, by its name */
};

/* Begins an attachment of @pod to @network, in @op; all are borrowed. Nothing of it is
 * made or known yet. */
void attachment_init(struct attachment *att, struct operation *op,
		     const struct network *network, const struct pod *pod);
void attachment_clear(struct attachment *att);

/* Says that the attachment is on this switch and @bridge, borrowed, whatever the network's
 * configuration says by now. */
void attachment_set_switch(struct attachment *att, enum switch_kind kind,
			   const char *bridge);

/* Says that it is where its record says. A record of an earlier version that names no
 * bridge leaves that as it is. The record has to live as long. */
void attachment_follow_record(struct attachment *att, const struct record *record);

/* Opens the pod's namespace. Errors as pod_ns_open(). */
int attachment_open_pod(struct attachment *att, struct cni_error *err);

/* Opens the node's side of the operation, runs @work, and closes it. Code 101, and the
 * errors of @work. */
int attachment_run(struct attachment *att,
		   int (*work)(struct attachment *att, struct cni_error *err),
		   struct cni_error *err);

/* Does an `add`, or a function that it shares with `repair`, repair an attachment that is
 * there already? Then the record of its ADD tells what it was given. */
static inline bool attachment_is_repaired(const struct attachment *att)
{
	return att->record;
}

/* Gives an address with the prefix length that it has in the pod: a routed pod has no
 * neighbour in its subnet. @ip->address has that of the subnet. */
struct ip_prefix attachment_pod_address(const struct attachment *att,
					const struct ip_config *ip);

/* Has the attachment an address of that family? */
bool attachment_uses(const struct attachment *att, int family);

#endif
