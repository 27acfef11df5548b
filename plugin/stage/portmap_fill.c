/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Fills sets and maps of host ports that somebody flushed or deleted. Their elements
 * follow from the records, and come back in the transaction that brings the rules back.
 */
#include <errno.h>
#include <string.h>

#include "ipam/ipam.h"
#include "plugin/node/node.h"
#include "portmap_elements.h"
#include "portmap_siblings.h"

/* The elements that an owner's sets are to have. */
struct filling {
	struct attachment *att;
	const char
		*except; /* the attachment of this host_ifname is left out; "": none is */
	const struct portmap_sets *sets;
	struct nft_element_list elements;
};

static void filling_clear(struct filling *filling)
{
	nft_element_list_clear(&filling->elements);
}

/* Takes the ports out of @elements that another attachment of the container has, because
 * it came first. */
static int shared_leave(struct attachment *att, const struct record *record,
			struct nft_element_list *elements, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list before = {};
	_cleanup_(siblings_clear) struct siblings siblings = {};
	int ret = siblings_read(att, record->container_id, NULL, &siblings, err);

	if (ret == 0)
		ret = siblings_before(&siblings, record, &before, err);
	return ret < 0 ? ret : portmap_elements_except(elements, &before, err);
}

static int record_fill(const struct record *record, void *data, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list elements = {};
	struct filling *filling = data;
	const struct ipam_kernel *kernel = &filling->att->op->kernel.ipam;
	struct pod_facts pod;
	int ret;

	/* A pod without an interface gets nothing back: no DEL would take it away again.
	 * The elements of the attachment that is being added come, and are undone, by
	 * themselves. */
	if (record->ports.n == 0 || !kernel || !kernel->has_interface ||
	    !kernel->has_interface(kernel, record))
		return 0;
	pod_facts_of_record(record, &pod);
	if (strcmp(pod.host_ifname, filling->except) == 0)
		return 0;
	ret = portmap_elements_make(filling->sets, &pod, &elements, err);
	if (ret == 0 && record->port_turn > 1)
		ret = shared_leave(filling->att, record, &elements, err);
	/* A port that two records have is the newer record's, which is read first;
	 * `repair` tells of both. */
	if (ret == 0)
		ret = portmap_elements_except(&elements, &filling->elements, err);
	for (size_t i = 0; ret == 0 && i < elements.n; i++)
		if (nft_element_list_add(&filling->elements, &elements.items[i]) < 0)
			ret = error_oom(err);
	return ret;
}

/* Elements that a set has still may be in the way, so the sets are emptied first. */
static void filling_text(const struct filling *filling, struct text *text)
{
	sets_fill(&filling->sets->sets[0][0], PORTMAP_SETS, true, &filling->elements,
		  text);
}

/* Did somebody flush or delete one of an owner's sets? */
static int is_emptied(struct attachment *att, const struct portmap_sets *sets,
		      bool *ret_emptied, struct cni_error *err)
{
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, err);

	for (int i = 0; ret == 0 && !*ret_emptied && i < PORTMAP_SETS; i++)
		ret = set_is_emptied(nl,
				     &sets->sets[i / PORTMAP_KINDS][i % PORTMAP_KINDS],
				     ret_emptied, err);
	return ret;
}

struct others {
	struct attachment *att;
	struct text *text;
};

/* Fills the sets of one owner with the elements of those of @records that are on
 * @bridge. */
static int other_fill(struct attachment *att, const char *bridge, uint64_t owner,
		      const struct ipam_record_list *records, struct text *text,
		      struct cni_error *err)
{
	_cleanup_(filling_clear) struct filling filling = {.att = att, .except = ""};
	struct portmap_sets sets;
	bool emptied = false;
	int ret;

	filling.sets = &sets;
	portmap_sets_name(owner, &sets);
	ret = is_emptied(att, &sets, &emptied, err);
	for (size_t i = 0; ret == 0 && emptied && i < records->n; i++)
		if (record_is_on(&records->items[i], bridge))
			ret = record_fill(&records->items[i], &filling, err);
	if (ret < 0 || filling.elements.n == 0)
		return ret;
	for (size_t i = 0; i < PORTMAP_SETS; i++)
		set_declare(&sets.sets[i / PORTMAP_KINDS][i % PORTMAP_KINDS],
			    records->items[0].network, text);
	filling_text(&filling, text);
	return 0;
}

/* Fills the sets of other owners, which are other networks or the same on other bridges:
 * whoever asks for a port that one of their pods has must find that it is somebody's. The
 * rules of such an owner come back with its next ADD. */
static int others_fill(const struct others *others, const char *network,
		       struct cni_error *err)
{
	_cleanup_(ipam_record_list_clear) struct ipam_record_list records = {};
	struct attachment *att = others->att;
	struct ipam_env other = att->ipam_env;
	int ret;

	other.network = network;
	other.bridge = "";
	ret = ipam_connected(&other, &records, err);
	for (size_t i = 0; ret == 0 && i < records.n; i++) {
		const char *bridge = records.items[i].bridge;
		uint64_t owner = identity_owner(network, bridge, other.data_dir);
		size_t first = 0;

		while (strcmp(records.items[first].bridge, bridge) != 0)
			first++;
		if (first == i && owner != att->owner)
			ret = other_fill(att, bridge, owner, &records, others->text, err);
	}
	return ret;
}

/* A fault of another network's store is told, and doesn't hold this network up. */
static int network_fill(const char *network, void *data, struct cni_error *err)
{
	const struct others *others = data;
	struct cni_error own = {};

	(void)err;
	if (others_fill(others, network, &own) < 0)
		notice(&others->att->op->notices, "host ports of network %s: %s", network,
		       own.msg);
	return 0;
}

static int fill(struct attachment *att, struct text *text, struct cni_error *err)
{
	_cleanup_(filling_clear) struct filling filling = {
		.att = att, .except = att->pod->host_ifname};
	struct others others = {att, text};
	struct portmap_sets sets;
	int ret;

	portmap_sets_name(att->owner, &sets);
	filling.sets = &sets;
	ret = ipam_record_each(&att->ipam_env, record_fill, &filling, err);
	if (ret < 0)
		return ret;
	filling_text(&filling, text);
	return ipam_networks(&att->ipam_env, network_fill, &others, err);
}

int portmap_sets_wanted(const struct network *network, struct rule_list *list,
			struct cni_error *err)
{
	struct portmap_sets sets;

	portmap_sets_name(network->owner, &sets);
	rule_list_declare(list, &sets.sets[0][0], PORTMAP_SETS, network);
	list->fill = fill;
	return rule_list_watch(list, &sets.sets[0][0], PORTMAP_SETS, err);
}
