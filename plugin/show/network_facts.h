/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facts of a network on this node, as the kernel, the store and the configuration
 * have them at one moment. Nothing is changed, and no lock is taken. */
#ifndef BRIDGE_CNI_PLUGIN_SHOW_NETWORK_FACTS_H
#define BRIDGE_CNI_PLUGIN_SHOW_NETWORK_FACTS_H

#include "ipam/view.h"
#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"
#include "plugin/stage/facts.h"

/* An attachment: of a record, of an interface whose alias tells, or of both. Borrows from
 * the network's facts, but for @names. */
struct shown_pod {
	const char *pod; /* "NAMESPACE/NAME"; "": nothing says it */
	const char *container_id, *ifname;
	char host_ifname[IF_NAMESIZE];
	struct alias_names *names; /* owns the names of a pod without a record */
	const struct ipam_view_record *recorded; /* NULL: there is no record */
	const struct link *link; /* the host's end; NULL: there is none of this name */
	struct link *late; /* owns a link that came after all were listed */
	/* The master and mode of a macvlan or ipvlan, as the kernel has them. "", NULL:
	 * they are not seen, or it is another link. */
	char master[IF_NAMESIZE];
	const char *mode;
	struct ip_prefix *addresses; /* owned */
	size_t addresses_n;
	struct mac_addr mac;
	enum ipam_view_state state;
	int64_t since; /* seconds since 1970; 0: not known */
};

struct gateway_facts {
	struct ip_prefix address;
	bool present; /* on the gateway's interface */
};

struct range_set_facts {
	uint64_t size, excluded, used, free; /* addresses; at most SHOWN_MAX */
};
#define SHOWN_MAX (1ULL << 53) /* a JSON number is exact up to this */

struct network_facts {
	struct attachment *net; /* borrowed */
	/* The configuration is whole. Otherwise the store tells of the network, with few of
	 * its keys. */
	bool configured;
	struct ipam_view view;
	struct link_list links; /* sorted by name */
	const struct link *bridge, *gateway; /* NULL: there is none */
	size_t ports; /* of the bridge */
	/* the interface of the node that pods are to share; "": there is none, or none that
	 * is known before a pod is */
	char master[IF_NAMESIZE];
	struct {
		struct gateway_facts *items;
		size_t n;
	} gateways;
	struct range_set_facts *sets; /* as many as the network has; owned */
	struct {
		struct shown_pod *items;
		size_t n;
	} pods; /* sorted by name */
	struct stage_facts stages;
	bool rules_unseen; /* the kernel doesn't tell this user of rules */
	struct text unseen; /* a line for each thing that could not be seen */
};
void network_facts_clear(struct network_facts *facts);

/* Reads the facts; @net's operation is open, and only looks. What can't be read is said
 * in @unseen. Code 100. */
int network_facts_read(struct attachment *net, bool configured,
		       struct network_facts *ret_facts, struct cni_error *err);

/* The link of that name; NULL: there is none. */
const struct link *facts_link(const struct network_facts *facts, const char *name);

/*
 * In pods.c: fills @facts->pods, sorted by their names, from the records and the node's
 * interfaces. Reservations of attachments that have an interface of ours, but no record,
 * leave the view's others. Code 100.
 */
int pods_collect(struct network_facts *facts, struct cni_error *err);

/* In pods.c: notes the mode and the master of the pod's @link, a macvlan or an ipvlan.
 * @master: in the link's namespace; "": look for it on the node. Does nothing with
 * another link. */
void pod_share_note(const struct network_facts *facts, struct shown_pod *pod,
		    const struct link *link, const char *master);

/* "connected", "dead", ... */
const char *pod_state_name(const struct shown_pod *pod);

/* In pods.c: whether pods are masqueraded, in words, by the configuration or the records. */
const char *facts_masquerade(const struct network_facts *facts);

#endif
