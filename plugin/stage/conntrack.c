/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Decides which connections are forgotten; plugin/netlink/conntrack.c deletes them. */
#include "conntrack.h"

#include <errno.h>
#include <string.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/netlink/conntrack.h"
#include "plugin/node/node.h"
#include "plugin/node/sysctl.h"
#include "portmap_elements.h"

#define COUNT_SYSCTL "netfilter/nf_conntrack_count"

/* The most connections of a node that are looked through for those of a pod without host
 * ports. Such connections disturb another pod only by chance, and end by themselves. */
#define CONNECTIONS_FEW 2048

static void connections_delete(struct attachment *att,
			       const struct conntrack_match *matches, size_t n,
			       bool listed)
{
	struct cni_error err = {};
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, &err);

	if (ret == 0)
		ret = conntrack_delete(nl, matches, n, listed, &err);
	if (ret < 0)
		notice(&att->op->notices,
		       "%s%s: who goes on sending by a connection to a host port or a "
		       "pod may reach its former or next owner for some minutes",
		       err.msg,
		       ret == -EINVAL ? " (the kernel may have been built "
					"without CONFIG_NF_CT_NETLINK)"
				      : "");
}

static struct conntrack_match port_match(const struct conntrack_port *port)
{
	static const uint8_t any[16];
	struct conntrack_match match = {
		.family = port->host.family,
		.orig = {.protocol = port->protocol,
			 .dst_port = port->port,
			 .dst_port_last = port->last},
		/* The node answered from that port, and to the client itself. A
		 * connection of a pod to that port of another host is masqueraded: to
		 * forget it would change its source. */
		.reply = {.protocol = port->protocol,
			  .src_port = port->port,
			  .src_port_last = port->last},
		.untranslated = true,
	};

	if (memcmp(port->host.bytes, any, sizeof(any)) != 0)
		match.orig.dst = port->host;
	return match;
}

void conntrack_delete_ports(struct attachment *att, const struct conntrack_port *ports,
			    size_t n)
{
	_cleanup_(free_p) struct conntrack_match *matches = calloc(n, sizeof(*matches));

	for (size_t f = 0; matches && f < IP_FAMILIES; f++) {
		size_t matches_n = 0;

		for (size_t i = 0; i < n; i++)
			if (ports[i].host.family == ip_families[f])
				matches[matches_n++] = port_match(&ports[i]);
		if (matches_n > 0)
			connections_delete(att, matches, matches_n, true);
	}
}

/* Gives the number of the node's connections. Where it isn't known, connection tracking
 * isn't there, and it is 0. */
static int connections(void)
{
	int count = 0;

	(void)sysctl_get(&count, NULL, COUNT_SYSCTL);
	return count;
}

static bool has_address(const struct pod_facts *pod)
{
	for (size_t i = 0; i < ARRAY_SIZE(pod->addresses); i++)
		if (pod->addresses[i].addr.family)
			return true;
	return false;
}

/* Are all connections to be listed where the kernel finds none by address? Packets to a host
 * port would reach the next pod. With fastPath they would pass by all rules on their way
 * there. */
static bool is_thorough(const struct attachment *att, const struct pod_facts *pod)
{
	return pod->ports->n > 0 || att->network->fast_path;
}

bool conntrack_prepare(struct attachment *att)
{
	struct pod_facts pod;
	struct netlink *nl;
	int count;

	if (!pod_facts_held(att, &pod) || !has_address(&pod))
		return false;
	count = connections();
	if (count == 0 || (!is_thorough(att, &pod) && count > CONNECTIONS_FEW))
		return false;
	(void)node_nftables(&att->op->node, &nl, NULL);
	return true;
}

/* A pod, without the addresses that are another pod's by now. */
struct leaving {
	const struct attachment *att;
	struct pod_facts *pod;
};

static int others_leave_out(const struct record *record, void *data,
			    struct cni_error *err)
{
	const struct leaving *leaving = data;
	const struct attachment *att = leaving->att;

	(void)err;
	if (record_is_of(record, att->network->name, att->pod->container_id,
			 att->pod->ifname))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(leaving->pod->addresses); i++) {
		struct ip_addr *address = &leaving->pod->addresses[i].addr;

		for (size_t k = 0; address->family && k < record->n; k++)
			if (ip_equal(&record->addresses[k].address.addr, address))
				address->family = 0;
	}
	return 0;
}

void conntrack_delete_pod(struct attachment *att)
{
	struct pod_facts pod;
	struct cni_error err = {};

	if (!pod_facts_held(att, &pod))
		return;
	/* Some IPAM plugins give an address to the next pod before the last one's DEL. */
	if (ipam_delegated(att->network) &&
	    ipam_record_each(&att->ipam_env, others_leave_out,
			     &(struct leaving){att, &pod}, &err) < 0)
		return;
	for (size_t i = 0; i < ARRAY_SIZE(pod.addresses); i++) {
		const struct ip_addr *address = &pod.addresses[i].addr;
		const struct conntrack_match matches[] = {
			{.family = address->family, .reply.src = *address},
			{.family = address->family, .orig.src = *address},
		};

		if (address->family)
			connections_delete(att, matches, ARRAY_SIZE(matches),
					   is_thorough(att, &pod));
	}
}
