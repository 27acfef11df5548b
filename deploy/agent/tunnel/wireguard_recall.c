/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel knows whose keys are whose, and where routes lead; the other Nodes know the
 * generation. */
#include "wireguard_recall.h"

#include <stdlib.h>

#include "device_names.h"
#include "wireguard_genl.h"

int wireguard_recall_generation(const struct tunnel_plan *plan, size_t annotation,
				uint32_t *ret_generation, struct cni_error *err)
{
	_cleanup_(free_p) uint32_t *said = calloc(plan->n_peers + 1, sizeof(*said));
	size_t n = 0;

	if (!said)
		return error_oom(err);
	for (size_t i = 0; i < plan->n_peers; i++) {
		const char *text = node_annotation(plan->peers[i].node, annotation);
		struct wireguard_note note;

		if (text && wireguard_note_parse(text, &note) == 0 && note.ends[1].port)
			said[n++] = note.generation;
	}
	*ret_generation = rotation_first(said, n);
	return 0;
}

/* Is called for each of this node's WireGuard devices. */
typedef int (*device_fn)(struct wireguard_genl *genl, const struct link_known *link,
			 void *data, struct cni_error *err);

static int each_device(struct netlink *nl, device_fn fn, void *data,
		       struct cni_error *err)
{
	int ret = 0;

	for (int slot = 0; ret == 0 && slot < WIREGUARD_SLOTS; slot++) {
		_cleanup_(wireguard_genl_closep) struct wireguard_genl *genl = NULL;
		const char *name = wireguard_device_names[slot];
		struct link link = {};

		ret = link_get(nl, name, &link, err);
		if (ret < 0 || !link.index || !link_is(&link, "wireguard"))
			continue;
		ret = wireguard_genl_open(&genl, err);
		if (ret == 0)
			ret = fn(genl, &(struct link_known){link.index, name}, data, err);
	}
	return ret;
}

struct owners_reading {
	struct wireguard_owners owners;
	const struct tunnel_plan *plan;
};

static int owners_read(struct wireguard_genl *genl, const struct link_known *link,
		       void *data, struct cni_error *err)
{
	struct owners_reading *reading = data;

	return wireguard_owners_read(&reading->owners, genl, link, reading->plan, err);
}

int wireguard_recall_owners(struct netlink *nl, const struct tunnel_plan *plan,
			    struct wireguard_owners *ret_owners, struct cni_error *err)
{
	struct owners_reading reading = {.plan = plan};
	int ret = each_device(nl, owners_read, &reading, err);

	if (ret < 0) {
		wireguard_owners_clear(&reading.owners);
		return ret;
	}
	wireguard_owners_settle(&reading.owners);
	*ret_owners = reading.owners;
	return 0;
}

static int ways_read(struct wireguard_genl *genl, const struct link_known *link,
		     void *data, struct cni_error *err)
{
	return wireguard_ways_read(data, genl, link, err);
}

int wireguard_recall_ways(struct netlink *nl, struct wireguard_ways *ret_ways,
			  struct cni_error *err)
{
	struct wireguard_ways ways = {};
	int ret = each_device(nl, ways_read, &ways, err);

	if (ret < 0) {
		wireguard_ways_clear(&ways);
		return ret;
	}
	wireguard_ways_settle(&ways);
	*ret_ways = ways;
	return 0;
}
