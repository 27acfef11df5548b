/* SPDX-License-Identifier: GPL-2.0-or-later */
/* This node's annotations follow from the plan, which is made before. */
#include "flannel_upkeep.h"

#include <string.h>

#include "conf/identity.h"
#include "deploy/agent/api/annotate_once.h"
#include "deploy/agent/api/node_mac.h"
#include "vxlan_rival.h"

#define LOGGED_MAX 20 /* refused annotations that are named at once */

/* -- other nodes */

/* Calls @fn for each refused annotation. */
static void each_refused(struct flannel_upkeep *upkeep, const struct tunnel_plan *plan,
			 void (*fn)(struct flannel_upkeep *upkeep, const char *node,
				    const struct flannel_end *end, void *data),
			 void *data)
{
	for (size_t i = 0; plan->flannel && i < plan->n_peers; i++) {
		const struct flannel_end *ends = plan->peers[i].flannel;

		for (int f = 0; ends && f < IP_FAMILIES; f++)
			if (ends[f].problem == ROUTE_FLANNEL)
				fn(upkeep, plan->peers[i].node->name, &ends[f], data);
	}
}

static void add_to_hash(struct flannel_upkeep *upkeep, const char *node,
			const struct flannel_end *end, void *data)
{
	uint64_t *hash = data;

	(void)upkeep;
	*hash = hash_more(*hash, node, strlen(node) + 1);
	*hash = hash_more(*hash, &end->at, sizeof(end->at));
	*hash = hash_more(*hash, &end->fault, sizeof(end->fault));
}

static void log_refused(struct flannel_upkeep *upkeep, const char *node,
			const struct flannel_end *end, void *data)
{
	size_t *n = data;

	if ((*n)++ < LOGGED_MAX)
		log_write(upkeep->log, LOG_LEVEL_WARN,
			  "a Node's annotation of flannel can't be used", "node", node,
			  "annotation", upkeep->names->text[end->at], "reason",
			  flannel_fault_texts[end->fault], NULL);
}

int flannel_upkeep_plan(struct flannel_upkeep *upkeep, struct tunnel_plan *plan,
			struct cni_error *err)
{
	const struct flannel_rules rules = {
		.first = upkeep->first,
		.vni = upkeep->options->vxlan_id,
		.around = upkeep->around,
	};
	uint64_t hash = 0;
	size_t n = 0;
	int ret;

	if (!upkeep->options->flannel)
		return 0;
	ret = flannel_peers_make(plan, &rules, err);
	if (ret < 0)
		return ret;
	each_refused(upkeep, plan, add_to_hash, &hash);
	if (hash != upkeep->told)
		each_refused(upkeep, plan, log_refused, &n);
	upkeep->told = hash;
	return 0;
}

/* -- this node */

static void find_flannel(const struct vxlan_link *link, void *data)
{
	bool *here = data;

	*here = *here || vxlan_is_flannel(link->name);
}

int flannel_is_here(struct netlink *nl, bool *ret_here, struct cni_error *err)
{
	bool here = false;
	int ret = vxlan_link_each(nl, find_flannel, &here, err);

	if (ret == 0)
		*ret_here = here;
	return ret;
}

static void wish(const struct flannel_upkeep *upkeep, enum flannel_note at,
		 const char *value, struct annotation_wish *wishes, size_t *n)
{
	wishes[(*n)++] = (struct annotation_wish){upkeep->names->text[at], value};
}

/* An address that an administrator has set for flannel is written as flannel writes
 * it. */
static const char *address_of(struct flannel_upkeep *upkeep,
			      const struct tunnel_plan *plan, int family)
{
	const char *text = node_annotation(plan->own, upkeep->first + FLANNEL_OVERWRITE +
							      (size_t)family);
	struct ip_addr addr;

	if (text && ip_parse(text, &addr) == 0 && addr.family == ip_families[family])
		return ip_format(&addr, upkeep->addresses[family]);
	return ip_format(&plan->addresses[family], upkeep->addresses[family]);
}

static size_t say(struct flannel_upkeep *upkeep, const struct tunnel_plan *plan,
		  struct annotation_wish *wishes)
{
	size_t n = 0;

	wish(upkeep, FLANNEL_MANAGED, "true", wishes, &n);
	wish(upkeep, FLANNEL_TYPE, "vxlan", wishes, &n);
	for (int f = 0; f < IP_FAMILIES; f++) {
		bool has = plan->addresses[f].family && plan->cidrs[f].addr.family;

		if (has)
			flannel_data_write(upkeep->options->vxlan_id, &plan->mac,
					   upkeep->data[f]);
		wish(upkeep, FLANNEL_DATA + f, has ? upkeep->data[f] : NULL, wishes, &n);
		wish(upkeep, FLANNEL_PUBLIC + f, has ? address_of(upkeep, plan, f) : NULL,
		     wishes, &n);
	}
	return n;
}

/* Has an agent written these annotations? */
static bool is_own(const struct flannel_upkeep *upkeep, const struct cluster_node *own)
{
	struct mac_addr mac = node_mac(own->name);
	const char *texts[FLANNEL_NOTES];
	struct flannel_notes notes;

	for (int i = 0; i < FLANNEL_NOTES; i++)
		texts[i] = node_annotation(own, upkeep->first + (size_t)i);
	if (!flannel_notes_read(texts, &notes))
		return false;
	for (int f = 0; f < IP_FAMILIES; f++)
		if (notes.sides[f].there && !notes.sides[f].fault &&
		    mac_equal(&notes.sides[f].mac, &mac))
			return true;
	return false;
}

/* Annotations that have gone are not wished away again: flannel may come back to this
 * node, and write its own. */
static size_t unsay(const struct flannel_upkeep *upkeep, const struct cluster_node *own,
		    struct annotation_wish *wishes)
{
	bool here = true;
	size_t n = 0;

	if (!is_own(upkeep, own) || flannel_is_here(upkeep->rtnl, &here, NULL) < 0 ||
	    here)
		return 0;
	for (int i = 0; i < FLANNEL_OVERWRITE; i++)
		wish(upkeep, i, NULL, wishes, &n);
	return n;
}

size_t flannel_upkeep_wishes(struct flannel_upkeep *upkeep,
			     const struct tunnel_plan *plan,
			     const struct cluster_node *own, bool ready,
			     struct annotation_wish *ret_wishes)
{
	if (!own)
		return 0;
	if (!upkeep->options->flannel)
		return unsay(upkeep, own, ret_wishes);
	return plan->own && ready ? say(upkeep, plan, ret_wishes) : 0;
}

void flannel_annotations_remove(const struct options *options, struct netlink *rtnl,
				const struct log *log)
{
	const struct transport_spec spec = {
		.server = options->api_server,
		.token_file = options->token_file,
		.ca_file = options->ca_file,
		.cert_file = options->cert_file,
		.key_file = options->key_file,
	};
	const char *items[FLANNEL_OVERWRITE];
	struct flannel_names names;
	bool here = true;

	if (!options->flannel || flannel_is_here(rtnl, &here, NULL) < 0 || here)
		return;
	flannel_names_set(&names, options->flannel_prefix);
	for (int i = 0; i < FLANNEL_OVERWRITE; i++)
		items[i] = names.text[i];
	(void)annotations_remove(&spec, options->node_name,
				 &(struct annotation_names){items, ARRAY_SIZE(items)},
				 FLANNEL_RIGHTS, log);
}
