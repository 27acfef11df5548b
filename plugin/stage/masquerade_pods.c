/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Elements of pods: added and deleted one pod at a time, put back all at once. */
#include "masquerade_pods.h"

#include <assert.h>
#include <errno.h>
#include <linux/netfilter.h>
#include <string.h>
#include <sys/socket.h>

#include "ipam/delegate.h"
#include "ipam/ipam.h"
#include "ipam/store/record.h"
#include "masquerade_sets.h"
#include "plugin/node/node.h"
#include "plugin/nft/rules_owner.h"

/* Two elements an address: itself, and its own subnet. */
struct elements {
	struct masquerade_sets sets[2]; /* IPv4, IPv6 */
	struct nft_element *items;
	size_t n;
};

static void elements_clear(struct elements *elements)
{
	free(elements->items);
}

static int elements_begin(uint64_t owner, size_t addresses, struct elements *elements,
			  struct cni_error *err)
{
	masquerade_sets_name(owner, AF_INET, &elements->sets[0]);
	masquerade_sets_name(owner, AF_INET6, &elements->sets[1]);
	elements->items = calloc(2 * addresses + 1, sizeof(*elements->items));
	return elements->items ? 0 : error_oom(err);
}

static const struct masquerade_sets *sets_of(const struct elements *elements,
					     const struct ip_prefix *address)
{
	return &elements->sets[address->addr.family != AF_INET];
}

static void elements_add(struct elements *elements, const struct ip_prefix *address)
{
	const struct masquerade_sets *sets = sets_of(elements, address);
	size_t len = ip_size(address->addr.family);
	struct ip_prefix network = prefix_network(address);
	struct ip_addr last = prefix_last(address);
	struct nft_element *pod = &elements->items[elements->n++];
	struct nft_element *own = &elements->items[elements->n++];

	pod->set = &sets->pods;
	nft_value_add_part(&pod->key, address->addr.bytes, len);
	own->set = &sets->own;
	nft_value_add_part(&own->key, address->addr.bytes, len);
	nft_value_add_part(&own->key, network.addr.bytes, len);
	nft_value_add_part(&own->end, address->addr.bytes, len);
	nft_value_add_part(&own->end, last.bytes, len);
}

static int elements_of_ipam(const struct attachment *att, struct elements *elements,
			    struct cni_error *err)
{
	int ret = elements_begin(att->owner, att->ipam.ips.n, elements, err);

	for (size_t i = 0; ret == 0 && i < att->ipam.ips.n; i++)
		elements_add(elements, &att->ipam.ips.items[i].address);
	return ret;
}

/*
 * The subnet that is there for an address: whichever it is, it contains the address. 1:
 * into @element; 0: none.
 */
static int own_find(struct netlink *nl, struct nft_element *element,
		    struct cni_error *err)
{
	size_t len = element->key.len / 2;
	struct nft_value key = {};
	int ret;

	nft_value_add_part(&key, element->key.bytes, len);
	nft_value_add_part(&key, element->key.bytes, len);
	ret = nft_element_get(nl, element->set, &key, element, err);
	return ret == 0 ? 1 : ret == NFT_NO_ELEMENT ? 0 : ret;
}

/* Subnets that these addresses had with an earlier owner are deleted. */
static int make_way(struct netlink *nl, const struct elements *elements,
		    struct cni_error *err)
{
	int ret = 0;

	for (size_t i = 1; ret == 0 && i < elements->n; i += 2) {
		struct nft_element found = elements->items[i];

		ret = own_find(nl, &found, err);
		if (ret > 0)
			ret = nft_elements_del(nl, &found, 1, err);
	}
	return ret;
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
		ret = nft_elements_add_new(nl, elements.items, elements.n, err);
	if (ret != NFT_ELEMENT_EXISTS)
		return ret;
	/* An earlier owner's, which its DEL may be about to take: that holds the lock, or
	 * comes later and sees our record. */
	ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = make_way(nl, &elements, err);
	return ret < 0 ? ret : nft_elements_add(nl, elements.items, elements.n, err);
}

/* @element: of the set of pods, and behind it that of subnets. */
static int former_del(struct netlink *nl, const struct nft_element *element,
		      struct cni_error *err)
{
	struct nft_element own = element[1], found;
	int ret = nft_element_get(nl, element->set, &element->key, &found, err);

	if (ret != 0)
		return ret == NFT_NO_ELEMENT ? 0 : ret;
	ret = own_find(nl, &own, err);
	if (ret > 0)
		ret = nft_elements_del(nl, &own, 1, err);
	return ret < 0 ? ret : nft_elements_del(nl, element, 1, err);
}

int masquerade_pods_part(struct attachment *att, struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements elements = {}, first = {};
	struct nft_element found;
	struct netlink *nl;
	int ret;

	ret = node_nftables(&att->op->node, &nl, err);
	if (ret == 0)
		ret = elements_of_ipam(att, &elements, err);
	for (size_t i = 0; ret == 0 && i < elements.n; i += 2)
		ret = former_del(nl, &elements.items[i], err);
	if (ret == 0)
		ret = elements_begin(att->owner, MASQUERADE_SENTINELS, &first, err);
	for (size_t i = 0; ret == 0 && i < MASQUERADE_SENTINELS; i++) {
		elements_add(&first, &masquerade_sentinels[i]);
		ret = nft_element_get(nl, first.items[2 * i].set, &first.items[2 * i].key,
				      &found, err);
	}
	return ret == NFT_NO_ELEMENT ? 1 : ret;
}

static int element_check(struct netlink *nl, const struct nft_element *wanted,
			 const char *set, const struct ip_prefix *address,
			 struct cni_error *err)
{
	struct nft_element found;
	int ret;

	assert(wanted->set);
	ret = nft_element_get(nl, wanted->set, &wanted->key, &found, err);
	if (ret < 0)
		return ret;
	if (ret == 0 && memcmp(&found.end, &wanted->end, sizeof(found.end)) == 0)
		return 0;
	return error_set(err, CNI_ERR_CHECK, ENOENT,
			 "masquerade: expected %s in set %s of table inet " RULES_TABLE
			 ", found %s: what the pod sends leaves with the wrong address; "
			 "`bridge-cni repair` puts it right",
			 PREFIX_TEXT(address), set, ret == 0 ? "another subnet" : "none");
}

int masquerade_pods_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements elements = {};
	struct netlink *nl;
	int ret;

	ret = node_nftables(&att->op->node, &nl, err);
	if (ret == 0)
		ret = elements_of_ipam(att, &elements, err);
	for (size_t i = 0; ret == 0 && i < elements.n; i++) {
		const struct ip_prefix *address = &att->ipam.ips.items[i / 2].address;
		const struct masquerade_sets *sets = sets_of(&elements, address);

		ret = element_check(nl, &elements.items[i],
				    i % 2 ? sets->own_name : sets->pods_name, address,
				    err);
	}
	return ret;
}

static int elements_del(struct attachment *att, struct elements *elements,
			struct cni_error *err)
{
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	/* The subnet may be another one than it was added with. */
	for (size_t i = 1; ret >= 0 && i < elements->n; i += 2)
		ret = own_find(nl, &elements->items[i], err);
	return ret < 0 ? ret : nft_elements_del(nl, elements->items, elements->n, err);
}

/* Other pods that have elements. */
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
	int ret = elements_begin(owner, record->n, &elements, err);

	for (size_t i = 0; ret == 0 && i < record->n; i++)
		if (!masquerade_pods_have(others, &record->addresses[i].address.addr))
			elements_add(&elements, &record->addresses[i].address);
	return ret < 0 || elements.n == 0 ? ret : elements_del(att, &elements, err);
}

/* What another pod has by now is its own: some IPAM plugins give an address to the next pod
 * before the last one's DEL, or to two. */
int masquerade_pods_del(struct attachment *att, struct cni_error *err)
{
	_cleanup_(record_clear) struct record own = {};
	_cleanup_(others_clear) struct others others = {.att = att};
	const struct record *record = att->record;
	int ret = 0;

	/* An ADD that undoes itself. */
	if (att->verb == CNI_ADD && ipam_delegated(att->network)) {
		ret = ipam_record_read(&att->ipam_env, att->pod, &own, err);
		record = &own;
	}
	if (ret < 0)
		return ret == -ENOENT && err->code == 0 ? 0 : ret;
	if (!record || record->n == 0 ||
	    (record->addresses[0].reserved && !record->apart))
		return 0;
	ret = ipam_record_each(&att->ipam_env, others_collect, &others, err);
	if (ret == 0)
		ret = record_del(att, att->owner, record, &others.pods, err);
	/* An earlier version put them there. */
	if (ret == 0 && record->masquerade == RECORD_NOT_TOLD)
		ret = record_del(att, identity_owner_by_name(att->network->name), record,
				 &others.pods, err);
	return ret;
}

int masquerade_pods_sentinels(uint64_t owner, struct rule_list *list,
			      struct cni_error *err)
{
	_cleanup_(elements_clear) struct elements elements = {};
	int ret = elements_begin(owner, MASQUERADE_SENTINELS, &elements, err);

	if (ret < 0)
		return ret;
	for (size_t i = 0; i < MASQUERADE_SENTINELS; i++)
		elements_add(&elements, &masquerade_sentinels[i]);
	return rule_list_sentinels(list, elements.items, elements.n, err);
}
