/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds siblings by their records, and hands ports from one to the next. */
#include "portmap_siblings.h"

#include <stdlib.h>
#include <string.h>

#include "ipam/ipam.h"
#include "plugin/netlink/nf_tables_lookup.h"
#include "plugin/netlink/nf_tables_transaction.h"
#include "portmap_own.h"
#include "stages.h"

static void sibling_free(struct sibling *sibling)
{
	if (!sibling)
		return;
	nft_element_list_clear(&sibling->elements);
	record_clear(&sibling->record);
	free(sibling);
}

void siblings_clear(struct siblings *siblings)
{
	for (size_t i = 0; i < siblings->n; i++)
		sibling_free(siblings->items[i]);
	free(siblings->items);
	*siblings = (struct siblings){};
}

struct reading {
	struct attachment *att;
	const char *container_id; /* NULL: siblings of all containers */
	const struct pod *except; /* NULL: nobody */
	struct siblings *siblings;
};

static bool is_asked_for(const struct reading *reading, const struct record *record)
{
	const struct pod *except = reading->except;

	if (record->ports.n == 0 ||
	    (except && record_is_of(record, reading->att->network->name,
				    except->container_id, except->ifname)))
		return false;
	return reading->container_id
		       ? strcmp(record->container_id, reading->container_id) == 0
		       : record->port_turn > 0;
}

/* Takes the record over. */
static int sibling_add(const struct reading *reading, struct record *record,
		       struct cni_error *err)
{
	struct siblings *siblings = reading->siblings;
	struct sibling **grown, *sibling = calloc(1, sizeof(*sibling));
	struct pod_facts pod;

	grown = reallocarray(siblings->items, siblings->n + 1, sizeof(struct sibling *));
	if (grown)
		siblings->items = grown;
	if (!grown || !sibling) {
		free(sibling);
		return error_oom(err);
	}
	grown[siblings->n++] = sibling;
	sibling->record = *record;
	*record = (struct record){};
	portmap_sets_name(identity_owner(sibling->record.network, sibling->record.bridge,
					 reading->att->ipam_env.data_dir),
			  &sibling->sets);
	pod_facts_of_record(&sibling->record, &pod);
	return portmap_elements_make(&sibling->sets, &pod, &sibling->elements, err);
}

static int siblings_of_network(const char *network, void *data, struct cni_error *err)
{
	_cleanup_(ipam_record_list_clear) struct ipam_record_list records = {};
	const struct reading *reading = data;
	struct ipam_env other = reading->att->ipam_env;
	struct cni_error own = {};
	int ret;

	other.network = network;
	other.bridge = "";
	/* A fault of another network's store is told, and doesn't hold this network
	 * up. */
	ret = ipam_connected(&other, &records, &own);
	if (ret < 0)
		notice(&reading->att->op->notices, "host ports of network %s: %s",
		       network, own.msg);
	ret = 0;
	for (size_t i = 0; ret == 0 && i < records.n; i++)
		if (is_asked_for(reading, &records.items[i]))
			ret = sibling_add(reading, &records.items[i], err);
	return ret;
}

/* An attachment without a turn comes first: no other one had asked for its ports. */
static int by_turn(const void *left, const void *right)
{
	const struct sibling *const *a = left, *const *b = right;

	return ((*a)->record.port_turn > (*b)->record.port_turn) -
	       ((*a)->record.port_turn < (*b)->record.port_turn);
}

int siblings_read(struct attachment *att, const char *container_id,
		  const struct pod *except, struct siblings *ret_siblings,
		  struct cni_error *err)
{
	_cleanup_(siblings_clear) struct siblings siblings = {};
	struct reading reading = {att, container_id, except, &siblings};
	int ret = ipam_networks(&att->ipam_env, siblings_of_network, &reading, err);

	if (ret < 0)
		return ret;
	if (siblings.n > 0)
		qsort(siblings.items, siblings.n, sizeof(struct sibling *), by_turn);
	*ret_siblings = siblings;
	siblings = (struct siblings){};
	return 0;
}

int siblings_before(const struct siblings *siblings, const struct record *record,
		    struct nft_element_list *elements, struct cni_error *err)
{
	for (size_t i = 0; i < siblings->n; i++) {
		const struct sibling *sibling = siblings->items[i];

		if (sibling->record.port_turn >= record->port_turn ||
		    strcmp(sibling->record.container_id, record->container_id) != 0)
			continue;
		if (nft_element_list_append(elements, &sibling->elements) < 0)
			return error_oom(err);
	}
	return 0;
}

static int turn_write(struct attachment *att, const struct record *record, uint32_t turn,
		      struct cni_error *err)
{
	struct ipam_env other = att->ipam_env;
	struct pod pod;

	other.network = record->network;
	pod_name_only(att->network, record->container_id, record->ifname, &pod);
	return ipam_record_write_turn(&other, &pod, turn, err);
}

int siblings_join(struct attachment *att, struct cni_error *err)
{
	_cleanup_(siblings_clear) struct siblings siblings = {};
	uint32_t last = 1;
	int ret = siblings_read(att, att->pod->container_id, att->pod, &siblings, err);

	for (size_t i = 0; ret == 0 && i < siblings.n; i++) {
		const struct record *record = &siblings.items[i]->record;

		if (record->port_turn > last)
			last = record->port_turn;
		if (record->port_turn == 0)
			ret = turn_write(att, record, 1, err);
	}
	if (ret == 0)
		att->port_turn = last + 1;
	return ret;
}

/* Adds the elements that @sibling has to @old, and those that it is to have from now on
 * to @new. */
static int inheritance_add(struct netlink *nl, const struct siblings *siblings,
			   const struct sibling *sibling, struct nft_element_list *old,
			   struct nft_element_list *new, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list before = {},
								  wanted = {};
	char host_ifname[IF_NAMESIZE];
	int ret = nft_element_list_append(&wanted, &sibling->elements);

	if (ret < 0)
		return error_oom(err);
	identity_host_ifname(sibling->record.network, sibling->record.container_id,
			     sibling->record.ifname, host_ifname);
	ret = siblings_before(siblings, &sibling->record, &before, err);
	if (ret == 0)
		ret = portmap_elements_except(&wanted, &before, err);
	if (ret == 0)
		ret = portmap_list_own(nl, &sibling->sets, host_ifname, old, err);
	if (ret == 0 && nft_element_list_append(new, &wanted) < 0)
		ret = error_oom(err);
	return ret;
}

void siblings_inherit(struct attachment *att, const struct siblings *siblings,
		      struct nft_element_list *ret_old, struct nft_element_list *ret_new)
{
	struct cni_error own = {};
	struct netlink *nl;
	int ret = node_nftables(&att->op->node, &nl, &own);

	for (size_t i = 0; ret == 0 && i < siblings->n; i++)
		ret = inheritance_add(nl, siblings, siblings->items[i], ret_old, ret_new,
				      &own);
	if (ret == 0)
		return;
	notice(&att->op->notices, SIBLINGS_WITHOUT_PORTS ": %s", own.msg);
	nft_element_list_clear(ret_old);
	nft_element_list_clear(ret_new);
}

int siblings_take_over(struct attachment *att, struct netlink *nl,
		       const struct siblings *siblings,
		       const struct nft_element_list *gone, struct cni_error *err)
{
	_cleanup_(stage_elements_clear) struct stage_elements elements = {
		.without = SIBLINGS_WITHOUT_PORTS,
	};

	siblings_inherit(att, siblings, &elements.others, &elements.instead);
	if (nft_element_list_append(&elements.list, gone) < 0)
		return error_oom(err);
	return stage_elements_delete(att, nl, &elements, err);
}
