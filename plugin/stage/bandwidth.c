/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Limits the pod's rates. What the pod receives waits in a token bucket on the host's end
 * of the veth. What the pod sends comes out at the host's end, is redirected to an ifb of
 * the attachment's own, and waits in a token bucket there. The ifb is deleted together
 * with the pair.
 */
#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "ipam/store/record.h"
#include "plugin/attachment/report.h"
#include "plugin/netlink/link.h"
#include "plugin/netlink/tc.h"
#include "facts.h"
#include "stages.h"

#define LATENCY_MS     25 /* the longest wait of a packet, as with the reference */
#define FRAME_OVERHEAD 18 /* Ethernet header and a VLAN tag */
/* bytes of four packets, as TCP hands them down to be cut later */
#define QUEUED_BURST_MAX 262144
/* a burst's time as the kernel tells it: 32 bits of 64 ns */
#define BURST_TOLD_SECONDS 274

static uint64_t at_least(uint64_t value, uint64_t least)
{
	return value < least ? least : value;
}

static uint64_t at_most(uint64_t value, uint64_t most)
{
	return value > most ? most : value;
}

/*
 * Makes a token bucket of a limit. A bucket that holds less than one frame would let none
 * through. The queue grows with the bucket only up to a limit: when packets queue the
 * bucket is empty, so a packet waits for all that are before it.
 */
static struct tbf tbf_of(const struct rate_limit *limit, uint32_t mtu)
{
	uint64_t rate = at_least(limit->rate / 8, 1);
	uint64_t burst = at_least(limit->burst / 8, mtu + FRAME_OVERHEAD);
	uint64_t queue = rate * LATENCY_MS / 1000 + at_most(burst, QUEUED_BURST_MAX);

	return (struct tbf){
		.rate = rate,
		.burst = at_most(burst, UINT32_MAX),
		.limit = at_most(queue, UINT32_MAX),
	};
}

static int ifb_add(struct attachment *att, const char *name, unsigned int *ret_index,
		   struct cni_error *err)
{
	const char *network = att->network->name, *container_id = att->pod->container_id;
	char alias[LINK_ALIAS_MAX];
	int ret;

	identity_alias(network, container_id, att->pod->ifname, alias);
	/* An ifb of this name was left by an attachment of the same names, whose record
	 * was lost. */
	if (netlink_ifindex(att->op->node.rtnl, name))
		queue_link_del(att->op->node.rtnl, name);
	queue_ifb_add(att->op->node.rtnl,
		      &(struct ifb_spec){
			      .name = name,
			      .mac = identity_ifb_mac(att->owner, container_id,
						      att->pod->ifname),
			      .mtu = att->mtu,
			      .alias = alias,
		      });
	ret = netlink_commit(att->op->node.rtnl, err);
	if (ret == 0)
		*ret_index = netlink_ifindex_quick(att->op->node.rtnl, name);
	return ret;
}

static int limit_rates(struct attachment *att, unsigned int host, struct cni_error *err)
{
	const struct bandwidth *bandwidth = &att->pod->bandwidth;
	struct netlink *nl = att->op->node.rtnl;
	char ifb_name[IF_NAMESIZE];
	unsigned int ifb = 0;
	struct tbf tbf;
	int ret = 0;

	if (bandwidth->ingress.rate) {
		tbf = tbf_of(&bandwidth->ingress, att->mtu);
		queue_tbf_add(nl, host, att->pod->host_ifname, &tbf);
	}
	if (bandwidth->egress.rate) {
		identity_ifb(att->pod->host_ifname, ifb_name);
		ret = ifb_add(att, ifb_name, &ifb, err);
	}
	if (ret == 0 && bandwidth->egress.rate) {
		tbf = tbf_of(&bandwidth->egress, att->mtu);
		queue_tbf_add(nl, ifb, ifb_name, &tbf);
		queue_redirect_add(nl, host, att->pod->host_ifname, ifb);
	}
	return ret < 0 ? ret : netlink_commit(nl, err);
}

static bool has_limit(const struct attachment *att)
{
	return att->pod->bandwidth.ingress.rate || att->pod->bandwidth.egress.rate;
}

/* Leaves the ifb to links.c where it fails after making it. */
static int bandwidth_add(struct attachment *att, struct cni_error *err)
{
	if (!has_limit(att))
		return 0;
	return limit_rates(
		att, netlink_ifindex_quick(att->op->node.rtnl, att->pod->host_ifname),
		err);
}

static int differs(struct cni_error *err, const char *key, const char *ifname,
		   const char *what, uint64_t expected, uint64_t found)
{
	return error_set(err, CNI_ERR_CHECK, EINVAL,
			 "%s: expected on %s a tbf with a %s of %" PRIu64
			 ", found %" PRIu64,
			 key, ifname, what, expected, found);
}

/* The kernel tells of a burst as a time, which is rounded and has no room for every
 * burst. */
static bool burst_differs(const struct tbf *expected, const struct tbf *found)
{
	uint64_t tolerance = expected->burst / 100 + expected->rate / 10000000 + 1;

	return expected->burst / expected->rate < BURST_TOLD_SECONDS &&
	       (found->burst > expected->burst + tolerance ||
		found->burst + tolerance < expected->burst);
}

static int tbf_check(struct attachment *att, const struct link *link,
		     const struct rate_limit *limit, const char *key,
		     struct cni_error *err)
{
	struct tbf expected = tbf_of(limit, att->mtu), found;
	int ret = tbf_get(att->op->node.rtnl, link->index, &found, err);

	if (ret < 0)
		return ret;
	if (!found.rate)
		return error_set(err, CNI_ERR_CHECK, ENOENT,
				 "%s: expected on %s a tbf of %" PRIu64
				 " bit/s, found none",
				 key, link->name, 8 * expected.rate);
	if (found.rate != expected.rate)
		return differs(err, key, link->name, "rate (bit/s)", 8 * expected.rate,
			       8 * found.rate);
	if (burst_differs(&expected, &found))
		return differs(err, key, link->name, "burst (bytes)", expected.burst,
			       found.burst);
	if (found.limit != expected.limit)
		return differs(err, key, link->name, "queue (bytes)", expected.limit,
			       found.limit);
	return 0;
}

/* Follows the filter instead of names, as the reference plugin names its ifb
 * otherwise. */
static int egress_check(struct attachment *att, const struct link *host,
			struct cni_error *err)
{
	struct link ifb = {};
	unsigned int to;
	int ret = redirect_get(att->op->node.rtnl, host->index, &to, err);

	if (ret == 0 && to)
		ret = link_get_by_index(att->op->node.rtnl, to, &ifb, err);
	if (ret < 0)
		return ret;
	if (!link_is(&ifb, "ifb"))
		return error_set(err, CNI_ERR_CHECK, ENOENT,
				 "egressRate: expected what %s receives to be redirected "
				 "to an ifb, found %s",
				 host->name,
				 !to	     ? "no such filter"
				 : ifb.index ? ifb.name
					     : "the filter's interface gone");
	if (!ifb.up)
		return error_set(err, CNI_ERR_CHECK, ENETDOWN,
				 "egressRate: expected %s up, found it down", ifb.name);
	return tbf_check(att, &ifb, &att->pod->bandwidth.egress, "egressRate", err);
}

static int bandwidth_check(struct attachment *att, struct cni_error *err)
{
	const struct bandwidth *bandwidth = &att->pod->bandwidth;
	struct link host;
	int ret;

	if (!has_limit(att))
		return 0;
	ret = link_get_by_index(att->op->node.rtnl, att->host_index, &host, err);
	if (ret < 0)
		return ret;
	att->mtu = host.mtu;
	if (bandwidth->ingress.rate)
		ret = tbf_check(att, &host, &bandwidth->ingress, "ingressRate", err);
	if (ret == 0 && bandwidth->egress.rate)
		ret = egress_check(att, &host, err);
	return ret;
}

/* Removes what is left of the limits, so that they are made as ADD makes them. */
static void limits_remove(struct attachment *att)
{
	struct netlink *nl = att->op->node.rtnl;
	char ifb[IF_NAMESIZE];

	identity_ifb(att->pod->host_ifname, ifb);
	if (att->pod->bandwidth.ingress.rate)
		queue_root_qdisc_del(nl, att->host_index, att->pod->host_ifname);
	if (att->pod->bandwidth.egress.rate) {
		queue_redirect_del(nl, att->host_index, att->pod->host_ifname);
		queue_link_del(nl, ifb);
	}
	netlink_commit(nl, NULL); /* An error says that it wasn't there. */
}

static int bandwidth_repair(struct attachment *att, struct cni_error *err)
{
	struct cni_error difference = {};
	int ret;

	if (!has_limit(att) || !att->host_index)
		return 0;
	ret = bandwidth_check(att, &difference);
	if (ret == 0)
		return 0;
	if (difference.code != CNI_ERR_CHECK) {
		error_copy(err, &difference);
		return ret;
	}
	limits_remove(att);
	ret = limit_rates(att, att->host_index, err);
	if (ret == 0)
		report_done(att, "%s: its rates are limited again",
			    att->pod->host_ifname);
	return ret;
}

/* An ifb of this attachment's names is no conflict: a dead attachment left it, and its
 * DEL, or this ADD, deletes it. */
static int bandwidth_names(struct attachment *att, struct cni_error *err)
{
	char name[IF_NAMESIZE];
	struct link link;
	int ret;

	if (!att->pod->bandwidth.egress.rate)
		return 0;
	identity_ifb(att->pod->host_ifname, name);
	ret = link_get(att->op->node.rtnl, name, &link, err);
	if (ret < 0 || !link.index)
		return ret;
	if (link_is(&link, "ifb") &&
	    !identity_alias_is_anothers(link.alias, att->network->name,
					att->pod->container_id, att->pod->ifname))
		return 0;
	return error_set(err, CNI_ERR_EXISTS, EEXIST,
			 "egressRate: an interface %s exists already, and is not of this "
			 "attachment; rename or remove it",
			 name);
}

/* Was the ifb made for this attachment, whatever the record says? Records of an earlier
 * version don't tell of rates. */
static int is_own_ifb(struct attachment *att, unsigned int index, bool *ret_own,
		      struct cni_error *err)
{
	char alias[LINK_ALIAS_MAX];
	struct link link;
	int ret = link_get_by_index(att->op->node.rtnl, index, &link, err);

	identity_alias(att->network->name, att->pod->container_id, att->pod->ifname,
		       alias);
	*ret_own = ret == 0 && link_is(&link, "ifb") && strcmp(link.alias, alias) == 0;
	return ret;
}

static int bandwidth_links(struct attachment *att, struct stage_links *links,
			   struct cni_error *err)
{
	bool own = att->record && att->record->bandwidth.egress.rate;
	unsigned int index;
	char name[IF_NAMESIZE];
	int ret = 0;

	identity_ifb(att->pod->host_ifname, name);
	index = netlink_ifindex(att->op->node.rtnl, name);
	if (index && !own)
		ret = is_own_ifb(att, index, &own, err);
	if (own)
		stage_links_add(links, index, name);
	return ret;
}

static void bandwidth_interfaces(const struct attachment *att,
				 struct stage_interfaces *list)
{
	const struct pod *pod = att->pod;
	struct mac_addr mac;
	char name[IF_NAMESIZE];

	if (!pod->bandwidth.egress.rate)
		return;
	mac = identity_ifb_mac(att->owner, pod->container_id, pod->ifname);
	identity_ifb(pod->host_ifname, name);
	stage_interfaces_add(list, name, &mac, att->mtu, NULL);
}

static int tbf_tell(struct attachment *att, unsigned int index, const char *what,
		    const char *ifname, struct stage_facts *facts, struct cni_error *err)
{
	struct tbf tbf = {};
	int ret = tbf_get(att->op->node.rtnl, index, &tbf, err);

	if (ret < 0)
		return ret;
	if (!tbf.rate)
		return stage_facts_line(facts, stage_bandwidth.name, err,
					"%s: no tbf on %s", what, ifname);
	return stage_facts_line(facts, stage_bandwidth.name, err,
				"%s: tbf on %s, %" PRIu64 " bit/s, burst %" PRIu32
				" bytes, queue %" PRIu32 " bytes",
				what, ifname, 8 * tbf.rate, tbf.burst, tbf.limit);
}

static int bandwidth_show(struct attachment *att, struct stage_facts *facts,
			  struct cni_error *err)
{
	const struct bandwidth *bandwidth = &att->record->bandwidth;
	struct netlink *nl = att->op->node.rtnl;
	unsigned int host = netlink_ifindex(nl, att->pod->host_ifname), to = 0;
	struct link ifb = {};
	int ret = 0;

	if (!host)
		return 0;
	if (bandwidth->ingress.rate)
		ret = tbf_tell(att, host, "ingress", att->pod->host_ifname, facts, err);
	if (ret < 0 || !bandwidth->egress.rate)
		return ret;
	ret = redirect_get(nl, host, &to, err);
	if (ret == 0 && to)
		ret = link_get_by_index(nl, to, &ifb, err);
	if (ret < 0)
		return ret;
	if (!ifb.index)
		return stage_facts_line(facts, stage_bandwidth.name, err,
					"egress: %s redirects to no interface",
					att->pod->host_ifname);
	return tbf_tell(att, to, "egress", ifb.name, facts, err);
}

const struct stage stage_bandwidth = {
	.name = "bandwidth",
	.switches = SWITCH_BIT(SWITCH_BRIDGE) | SWITCH_BIT(SWITCH_OVS),
	.add = bandwidth_add,
	.check = bandwidth_check,
	.repair = bandwidth_repair,
	.names = bandwidth_names,
	.links = bandwidth_links,
	.interfaces = bandwidth_interfaces,
	.show = bandwidth_show,
};
