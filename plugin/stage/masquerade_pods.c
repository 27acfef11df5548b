/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Adds, checks and deletes the elements of one pod. */
#include "masquerade_pods.h"

#include <errno.h>

#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "plugin/netlink/nf_tables_lookup.h"
#include "plugin/netlink/nf_tables_transaction.h"
#include "plugin/nft/rules_by_name.h"
#include "plugin/node/node.h"
#include "masquerade_sets.h"

/* The elements point to the sets. */
struct elements {
	struct masquerade_sets sets;
	struct nft_element_list list; /* two an address: itself, and its own subnet */
};

static void elements_clear(struct elements *elements)
{
	nft_element_list_clear(&elements->list);
}

static int elements_of_ipam(const struct attachment *att, struct elements *elements,
			    struct cni_error *err)
{
	int ret = 0;

	masquerade_sets_name(att->owner, &elements->sets);
	for (size_t i = 0; ret == 0 && i < att->ipam.ips.n; i++)
		ret = masquerade_elements_add(&elements->sets,
					      &att->ipam.ips.items[i].address, true,
					      &elements->list, err);
	return ret;
}

/* Gives @element the subnet that is there for its address: whichever it is, it contains
 * the address. NFT_NO_ELEMENT: none is. */
static int own_find(struct netlink *nl, struct nft_element *element,
		    struct cni_error *err)
{
	struct nft_value key = {};

	nft_value_add_part(&key, element->key.bytes, element->key.len / 2);
	nft_value_add_part(&key, element->key.bytes, element->key.len / 2);
	return nft_element_get(nl, element->set, &key, element, err);
}

/* Deletes that subnet. */
static int own_del(struct netlink *nl, const struct nft_element *element,
		   struct cni_error *err)
{
	struct nft_element found = *element;
	int ret = own_find(nl, &found, err);

	if (ret == NFT_NO_ELEMENT)
		return 0;
	return ret < 0 ? ret : nft_elements_del(nl, &found, 1, err);
}

int masquerade_pods_add(struct attachment *att, struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements elements = {};
	struct netlink *nl;
	int ret;

	ret = node_nftables(&att->op->node, &nl, err);
	if (ret == 0)
		ret = elements_of_ipam(att, &elements, err);
	if (ret == 0)
		ret = nft_elements_add_new(nl, elements.list.items, elements.list.n, err);
	if (ret != NFT_ELEMENT_EXISTS)
		return ret;
	/* An element is an earlier owner's, whose DEL may be about to delete it: that DEL
	 * holds the lock, or comes later and sees our record. Subnets that the addresses
	 * had are in the way. */
	ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	for (size_t i = MASQUERADE_OWN; ret == 0 && i < elements.list.n;
	     i += MASQUERADE_KINDS)
		ret = own_del(nl, &elements.list.items[i], err);
	return ret < 0 ? ret
		       : nft_elements_add(nl, elements.list.items, elements.list.n, err);
}

/* @elements: the two of an address. */
static int former_del(struct netlink *nl, const struct nft_element *elements,
		      struct cni_error *err)
{
	const struct nft_element *pod = &elements[MASQUERADE_PODS];
	struct nft_element found;
	int ret = nft_element_get(nl, pod->set, &pod->key, &found, err);

	if (ret == NFT_NO_ELEMENT)
		return 0;
	if (ret == 0)
		ret = own_del(nl, &elements[MASQUERADE_OWN], err);
	return ret < 0 ? ret : nft_elements_del(nl, pod, 1, err);
}

int masquerade_pods_del_former(struct attachment *att, struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements elements = {};
	bool emptied = false;
	struct netlink *nl;
	int ret;

	ret = node_nftables(&att->op->node, &nl, err);
	if (ret == 0)
		ret = elements_of_ipam(att, &elements, err);
	for (size_t i = 0; ret == 0 && i < elements.list.n; i += MASQUERADE_KINDS)
		ret = former_del(nl, &elements.list.items[i], err);
	for (int f = 0; ret == 0 && !emptied && f < MASQUERADE_FAMILIES; f++)
		ret = set_is_emptied(nl, &elements.sets.sets[f][MASQUERADE_PODS],
				     &emptied, err);
	return ret == 0 && emptied ? MASQUERADE_SETS_EMPTIED : ret;
}

/* Looks for the first of the attachment's elements that is not there
 * (set_elements_compare()). */
static int missing_find(struct attachment *att, struct elements *elements,
			const struct nft_element **ret_missing, struct cni_error *err)
{
	int ret = elements_of_ipam(att, elements, err);

	return ret < 0 ? ret
		       : set_elements_compare(att, &elements->list, ret_missing, err);
}

int masquerade_pods_find(struct attachment *att, bool *ret_there, struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements elements = {};
	const struct nft_element *missing;
	int ret = missing_find(att, &elements, &missing, err);

	if (ret < 0)
		return ret;
	*ret_there = ret == SET_ELEMENT_THERE;
	return 0;
}

int masquerade_pods_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements elements = {};
	const struct nft_element *missing = NULL;
	const struct ip_config *address;
	int ret = missing_find(att, &elements, &missing, err);

	if (ret < 0 || ret == SET_ELEMENT_THERE)
		return ret;
	address =
		&att->ipam.ips.items[(missing - elements.list.items) / MASQUERADE_KINDS];
	return error_set(err, CNI_ERR_CHECK, ENOENT,
			 "masquerade: expected %s in set %s of table inet " RULES_TABLE
			 ", found %s: what the pod sends leaves with the wrong address; "
			 "`bridge-cni repair` puts it right",
			 PREFIX_TEXT(&address->address), missing->set->name,
			 ret == SET_ELEMENT_DIFFERS ? "another subnet" : "none");
}

static int elements_del(struct attachment *att, struct elements *elements,
			struct cni_error *err)
{
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	/* The subnet may be another one by now than the one that was added. */
	for (size_t i = MASQUERADE_OWN; ret >= 0 && i < elements->list.n;
	     i += MASQUERADE_KINDS)
		ret = own_find(nl, &elements->list.items[i], err);
	return ret < 0 ? ret
		       : nft_elements_del(nl, elements->list.items, elements->list.n,
					  err);
}

/* The addresses of other pods that have elements. */
struct others {
	const struct attachment *att;
	struct masquerade_pods pods;
};

static void others_clear(struct others *others)
{
	masquerade_pods_clear(&others->pods);
}

static int others_collect(const struct record *record, void *data, struct cni_error *err)
{
	struct others *others = data;
	const struct attachment *att = others->att;
	int ret = 0;

	if (record_is_of(record, att->network->name, att->pod->container_id,
			 att->pod->ifname))
		return 0;
	for (size_t i = 0; ret == 0 && i < record->n; i++)
		if (!record->addresses[i].reserved)
			ret = masquerade_pods_note(
				&others->pods, &record->addresses[i].address, true, err);
	return ret;
}

static int record_del(struct attachment *att, uint64_t owner, const struct record *record,
		      const struct masquerade_pods *others, struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements elements = {};
	int ret = 0;

	masquerade_sets_name(owner, &elements.sets);
	for (size_t i = 0; ret == 0 && i < record->n; i++) {
		const struct ip_prefix *address = &record->addresses[i].address;

		if (!masquerade_pods_have(others, &address->addr))
			ret = masquerade_elements_add(&elements.sets, address, true,
						      &elements.list, err);
	}
	return ret < 0 || elements.list.n == 0 ? ret : elements_del(att, &elements, err);
}

/* Some IPAM plugins give an address to the next pod before the last one's DEL, or to two
 * pods: its elements are then the other pod's. */
int masquerade_pods_del(struct attachment *att, struct cni_error *err)
{
	_cleanup_(others_clear) struct others others = {.att = att};
	const struct record *record = att->record;
	int ret;

	if (!record || record->n == 0 ||
	    (record->addresses[0].reserved && !record->apart))
		return 0;
	ret = ipam_record_each(&att->ipam_env, others_collect, &others, err);
	if (ret == 0)
		ret = record_del(att, att->owner, record, &others.pods, err);
	/* An earlier version put the elements into the sets of the network's name. */
	if (ret == 0 && rules_by_name_recorded(record))
		ret = record_del(att, identity_owner_by_name(att->network->name), record,
				 &others.pods, err);
	return ret;
}
