/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The table of the sets, and pods' elements in them. */
#include "isolation_elements.h"

#include <linux/netfilter.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/ipam.h"
#include "plugin/netlink/link.h"

/* Addresses of sentinels: no packet comes from them. */
#define NOBODY4 "\377\377\377\377"
#define NOBODY6 "\377"

const struct set_type isolation_set_types[IP_FAMILIES] = {
	{NFPROTO_INET, "isolated4", .key = {SET_IPV4}, .content = "isolated pods",
	 .sentinel = {NOBODY4}},
	{NFPROTO_INET, "isolated6", .key = {SET_IPV6}, .content = "isolated pods",
	 .sentinel = {NOBODY6}},
};

void isolation_sets_name(uint64_t owner, struct isolation_sets *sets)
{
	for (int f = 0; f < IP_FAMILIES; f++)
		set_name(&isolation_set_types[f], owner, &sets->sets[f]);
}

static int element_add(const struct isolation_sets *sets, const struct pod_facts *pod,
		       const struct ip_addr *ip, struct nft_element_list *elements,
		       struct cni_error *err)
{
	struct nft_element *element;

	if (nft_element_list_grow(elements, 1) < 0)
		return error_oom(err);
	element = &elements->items[elements->n++];
	set_element(&sets->sets[ip->family == ip_families[1]], SET_VALUES(ip->bytes),
		    NULL, NULL, element);
	snprintf(element->comment, NFT_COMMENT_MAX - 1, "%s %s", pod->host_ifname,
		 pod->label);
	return 0;
}

int isolation_elements_make(const struct isolation_sets *sets,
			    const struct pod_facts *pod,
			    struct nft_element_list *elements, struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 0; ret == 0 && i < pod->n; i++)
		ret = element_add(sets, pod, &pod_facts_address(pod, i)->addr, elements,
				  err);
	return ret;
}

/* The addresses of a pod, and which of them another pod has as well. */
struct given_twice {
	const struct record *own;
	bool found[RECORD_ADDRESSES];
};

static int other_compare(const struct record *other, void *data, struct cni_error *err)
{
	struct given_twice *given = data;
	const struct record *own = given->own;

	(void)err;
	if (record_is_of(other, own->network, own->container_id, own->ifname))
		return 0;
	for (size_t i = 0; i < own->n; i++)
		for (size_t k = 0; k < other->n; k++)
			given->found[i] |= ip_equal(&other->addresses[k].address.addr,
						    &own->addresses[i].address.addr);
	return 0;
}

/* Some IPAM plugins give an address to the next pod before the DEL of the last one: the
 * element is that pod's then. */
int isolation_elements_held(struct attachment *att, const struct isolation_sets *sets,
			    struct nft_element_list *elements, struct cni_error *err)
{
	struct given_twice given = {.own = att->record};
	const struct record *record = att->record;
	bool foreign = false;
	struct pod_facts pod;
	int ret = 0;

	pod_facts_of_record(record, &pod);
	for (size_t i = 0; i < record->n; i++)
		foreign |= !record->addresses[i].reserved;
	if (foreign)
		ret = ipam_record_each(&att->ipam_env, other_compare, &given, err);
	for (size_t i = 0; ret == 0 && i < record->n; i++)
		if (record->addresses[i].reserved || !given.found[i])
			ret = element_add(sets, &pod, &record->addresses[i].address.addr,
					  elements, err);
	return ret;
}

struct filling {
	struct attachment *att;
	struct isolation_sets sets;
	struct nft_element_list elements;
};

static void filling_clear(struct filling *filling)
{
	nft_element_list_clear(&filling->elements);
}

/* Is the pod's port isolated, though its record, which an earlier version wrote, doesn't
 * say so? Then the record has to say it before the pod gets elements, as its DEL has to
 * know of them. */
static int former_find(struct attachment *att, const struct record *record,
		       bool *ret_isolated, struct cni_error *err)
{
	struct link port;
	struct pod pod;
	int ret;

	pod_name_only(att->network, record->container_id, record->ifname, &pod);
	ret = link_get(att->op->node.rtnl, pod.host_ifname, &port, err);
	*ret_isolated = ret == 0 && port.index && port.port.isolated;
	return *ret_isolated ? ipam_record_mark_isolated(&att->ipam_env, &pod, err) : ret;
}

static int record_fill(const struct record *record, void *data, struct cni_error *err)
{
	struct filling *filling = data;
	struct attachment *att = filling->att;
	bool isolated = record->isolated;
	struct pod_facts pod;
	int ret = 0;

	/* The elements of the attachment that is being added come, and are undone, by
	 * themselves. */
	if (record_is_of(record, att->network->name, att->pod->container_id,
			 att->pod->ifname))
		return 0;
	if (!isolated && !record->routed[0])
		ret = former_find(att, record, &isolated, err);
	if (ret < 0 || !isolated)
		return ret;
	pod_facts_of_record(record, &pod);
	return isolation_elements_make(&filling->sets, &pod, &filling->elements, err);
}

/* Puts the elements of the owner's other pods into sets that are made anew. */
static int fill(struct attachment *att, struct text *text, struct cni_error *err)
{
	_cleanup_(filling_clear) struct filling filling = {.att = att};
	int ret;

	isolation_sets_name(att->owner, &filling.sets);
	ret = ipam_record_each(&att->ipam_env, record_fill, &filling, err);
	sets_fill(filling.sets.sets, IP_FAMILIES, false, &filling.elements, text);
	return ret;
}

int isolation_sets_wanted(const struct network *network, struct rule_list *list,
			  struct cni_error *err)
{
	struct isolation_sets sets;

	isolation_sets_name(network->owner, &sets);
	rule_list_declare(list, sets.sets, IP_FAMILIES, network);
	list->fill = fill;
	return rule_list_watch(list, sets.sets, IP_FAMILIES, err);
}
