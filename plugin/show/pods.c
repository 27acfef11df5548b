/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A record tells nearly all of an attachment. Where it can't be read, or is lost, the
 * alias of the interface tells whose that is, and the reservations which addresses it
 * has. */
#include "network_facts.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/base/list.h"
#include "plugin/node/pod_signs.h"
#include "plugin/switch/switch.h"
#include "plugin/verb/owner_links.h"

static int address_add(struct shown_pod *pod, const struct ip_prefix *address)
{
	struct ip_prefix *grown = reallocarray(pod->addresses, pod->addresses_n + 1,
					       sizeof(*grown));

	if (!grown)
		return -ENOMEM;
	pod->addresses = grown;
	grown[pod->addresses_n++] = *address;
	return 0;
}

void pod_share_note(const struct network_facts *facts, struct shown_pod *pod,
		    const struct link *link, const char *master)
{
	enum switch_kind kind;

	if (!switch_find(link->kind, &kind) || switch_has_bridge(kind))
		return;
	if (link->peer_elsewhere)
		master = "";
	pod->mode = macvlan_mode_word(kind, link->mode);
	for (size_t i = 0; link->peer_elsewhere && i < facts->links.n; i++)
		if (facts->links.items[i].index == link->peer)
			master = facts->links.items[i].name;
	snprintf(pod->master, sizeof(pod->master), "%s", master);
}

/* Finds the pod's link among those that are seen from the node. */
static void share_find(const struct network_facts *facts, struct shown_pod *pod,
		       const struct record *record)
{
	const struct share_list *shares = pod_signs_shares(&facts->net->op->node);
	char alias[LINK_ALIAS_MAX];

	identity_alias(record->network, record->container_id, record->ifname, alias);
	for (size_t i = 0; shares && i < shares->n; i++)
		if (strcmp(shares->items[i].link.alias, alias) == 0)
			pod_share_note(facts, pod, &shares->items[i].link,
				       shares->items[i].master);
}

/* Asks the kernel for a link that came after all were listed. */
static int late_link_get(const struct network_facts *facts, struct shown_pod *pod)
{
	struct netlink *nl = facts->net->op->node.rtnl;

	pod->late = calloc(1, sizeof(*pod->late));
	if (!pod->late)
		return -ENOMEM;
	if (link_get(nl, pod->host_ifname, pod->late, NULL) == 0 && pod->late->index)
		pod->link = pod->late;
	return 0;
}

static int recorded_add(struct network_facts *facts, const struct ipam_view_record *item)
{
	const struct record *record = &item->record;
	struct shown_pod *pod = LIST_ADD(&facts->pods);
	int ret = pod ? 0 : -ENOMEM;

	if (!pod)
		return ret;
	pod->pod = record->pod;
	pod->container_id = record->container_id;
	pod->ifname = record->ifname;
	pod->recorded = item;
	pod->state = item->state;
	pod->since = item->since;
	pod->mac = record->mac;
	if (switch_liveness(record->switch_kind)->has_host_end) {
		identity_host_ifname(record->network, record->container_id,
				     record->ifname, pod->host_ifname);
		pod->link = facts_link(facts, pod->host_ifname);
	} else {
		share_find(facts, pod, record);
	}
	if (pod->host_ifname[0] && !pod->link && item->state == IPAM_VIEW_CONNECTED)
		ret = late_link_get(facts, pod);
	for (size_t i = 0; ret == 0 && i < record->n; i++) {
		struct ip_prefix address = record->addresses[i].address;

		if (record->routed[0])
			address.len = ip_bits(address.addr.family);
		ret = address_add(pod, &address);
	}
	return ret;
}

/* Gives the pod the reservations that name it, which are taken out of the others. */
static int reserved_add(struct network_facts *facts, struct shown_pod *pod)
{
	struct ipam_view *view = &facts->view;
	size_t kept = 0;
	int ret = 0;

	for (size_t i = 0; i < view->others.n; i++) {
		struct ipam_view_other *other = &view->others.items[i];
		const struct ip_prefix address = {other->ip, ip_bits(other->ip.family)};

		if (strcmp(other->container_id, pod->container_id) != 0 ||
		    strcmp(other->ifname, pod->ifname) != 0) {
			view->others.items[kept++] = *other;
			continue;
		}
		if (ret == 0)
			ret = address_add(pod, &address);
		pod->since = other->since;
		view->others_n--;
		free(other->container_id);
		free(other->ifname);
	}
	view->others.n = kept;
	return ret;
}

static int unrecorded_add(struct network_facts *facts, const struct link *link)
{
	struct alias_names *names = malloc(sizeof(*names));
	struct shown_pod *pod;

	if (!names)
		return -ENOMEM;
	pod = identity_alias_read(link->alias, names) ? LIST_ADD(&facts->pods) : NULL;
	if (!pod) {
		free(names);
		return 0;
	}
	pod->names = names;
	pod->pod = "";
	pod->container_id = names->container_id;
	pod->ifname = names->ifname;
	pod->link = link;
	pod->state = IPAM_VIEW_CONNECTED;
	memcpy(pod->host_ifname, link->name, sizeof(pod->host_ifname));
	return reserved_add(facts, pod);
}

static bool is_recorded(const struct network_facts *facts, const struct link *link)
{
	for (size_t i = 0; i < facts->pods.n; i++)
		if (facts->pods.items[i].link == link)
			return true;
	return false;
}

static int pod_cmp(const void *a, const void *b)
{
	const struct shown_pod *x = a, *y = b;
	int cmp = strcmp(x->pod, y->pod);

	if (cmp == 0)
		cmp = strcmp(x->container_id, y->container_id);
	return cmp ? cmp : strcmp(x->ifname, y->ifname);
}

int pods_collect(struct network_facts *facts, struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < facts->view.records.n; i++)
		ret = recorded_add(facts, &facts->view.records.items[i]);
	for (size_t i = 0; ret == 0 && i < facts->links.n; i++) {
		const struct link *link = &facts->links.items[i];

		/* The DEL of the pod may have ended since the links were listed. */
		if (link_is(link, "veth") && !is_recorded(facts, link) &&
		    link_is_of_owner(facts->net, link) &&
		    netlink_ifindex(facts->net->op->node.rtnl, link->name) == link->index)
			ret = unrecorded_add(facts, link);
	}
	if (ret < 0)
		return error_oom(err);
	if (facts->pods.n)
		qsort(facts->pods.items, facts->pods.n, sizeof(*facts->pods.items),
		      pod_cmp);
	return 0;
}

const char *pod_state_name(const struct shown_pod *pod)
{
	static const char *const names[] = {
		[IPAM_VIEW_CONNECTED] = "connected", [IPAM_VIEW_COMING] = "coming",
		[IPAM_VIEW_GOING] = "going",	     [IPAM_VIEW_DETACHED] = "detached",
		[IPAM_VIEW_DEAD] = "dead",
	};

	return pod->recorded || pod->state != IPAM_VIEW_CONNECTED ? names[pod->state]
								  : "unrecorded";
}

/* Where no configuration says it, the records have what each pod was given. */
const char *facts_masquerade(const struct network_facts *facts)
{
	size_t yes = 0, no = 0;

	if (facts->configured)
		return facts->net->network->ip_masq ? "yes" : "no";
	for (size_t i = 0; i < facts->view.records.n; i++) {
		const struct record *record = &facts->view.records.items[i].record;

		yes += record_says(record->masquerade, false);
		no += !record_says(record->masquerade, true);
	}
	if (!yes && !no)
		return "not told by the store";
	if (!no)
		return "yes, by the pods' records";
	return yes ? "of some pods, by their records" : "no, by the pods' records";
}
