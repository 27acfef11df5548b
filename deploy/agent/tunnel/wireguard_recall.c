/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The kernel knows whose keys are whose, and the other Nodes the generation. */
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

int wireguard_recall_owners(struct netlink *nl, const struct tunnel_plan *plan,
			    struct wireguard_owners *ret_owners, struct cni_error *err)
{
	_cleanup_(wireguard_owners_clear) struct wireguard_owners owners = {};
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
			ret = wireguard_owners_read(
				&owners, genl, &(struct link_known){link.index, name},
				plan, err);
	}
	if (ret < 0)
		return ret;
	wireguard_owners_settle(&owners);
	*ret_owners = owners;
	owners = (struct wireguard_owners){};
	return 0;
}
