/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Finds the elements of host ports that come and go with an attachment. */
#include "portmap_contribute.h"

#include <errno.h>

#include "portmap_conflict.h"
#include "portmap_own.h"
#include "portmap_siblings.h"

static struct portmap_sets *sets_keep(struct stage_elements *elements, uint64_t owner,
				      struct cni_error *err)
{
	struct portmap_sets *sets = stage_elements_keep(elements, sizeof(*sets), NULL);

	if (sets)
		portmap_sets_name(owner, sets);
	else
		error_oom(err);
	return sets;
}

static int wanted_add(struct attachment *att, struct stage_elements *elements,
		      struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list ports = {};
	struct portmap_sets *sets;
	struct pod_facts pod;
	int ret;

	if (att->pod->ports.mappings.n == 0)
		return 0;
	sets = sets_keep(elements, att->owner, err);
	if (!sets)
		return -ENOMEM;
	pod_facts_of_attachment(att, &pod);
	ret = portmap_elements_make(sets, &pod, &ports, err);
	if (ret == 0 && att->port_turn > 0)
		ret = portmap_check_free(att, &ports, err);
	if (ret < 0)
		return ret;
	return nft_element_list_append(&elements->list, &ports) < 0 ? error_oom(err) : 0;
}

static void siblings_free(void *data)
{
	siblings_clear(data);
}

/* Adds the elements that siblings of the container (@container_id NULL: of any container)
 * are to have once the elements of the list are gone. */
static int siblings_add(struct attachment *att, const char *container_id,
			struct stage_elements *elements, struct cni_error *err)
{
	struct siblings *siblings = stage_elements_keep(elements, sizeof(*siblings),
							siblings_free);
	int ret;

	if (!siblings)
		return error_oom(err);
	ret = siblings_read(att, container_id, att->pod, siblings, err);
	if (ret < 0 || siblings->n == 0)
		return ret;
	elements->without = SIBLINGS_WITHOUT_PORTS;
	siblings_inherit(att, siblings, &elements->others, &elements->instead);
	return 0;
}

/* Adds the elements of the pod's host ports that are there and are still its own, and
 * those that its siblings are to have once these are gone. */
static int held_add(struct attachment *att, struct stage_elements *elements,
		    struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list wanted = {};
	bool shared = att->record->port_turn > 0 && !att->op->looks;
	struct portmap_sets *sets;
	struct pod_facts pod;
	struct netlink *nl = NULL;
	int ret = 0;

	pod_facts_of_record(att->record, &pod);
	if (pod.ports->n == 0)
		return 0;
	sets = sets_keep(elements, att->owner, err);
	if (!sets)
		return -ENOMEM;
	/* Two siblings that go at once must not leave the ports to each other. */
	if (shared)
		ret = node_lock(&att->op->node, NODE_EXCLUSIVE, err);
	if (ret == 0)
		ret = node_nftables(&att->op->node, &nl, err);
	if (ret == 0 && shared) {
		ret = portmap_list_own(nl, sets, pod.host_ifname, &elements->list, err);
		return ret < 0 || elements->list.n == 0
			       ? ret
			       : siblings_add(att, att->pod->container_id, elements, err);
	}
	if (ret == 0)
		ret = portmap_elements_make(sets, &pod, &wanted, err);
	return ret < 0 ? ret
		       : portmap_find_own(nl, &wanted, pod.host_ifname, &elements->list,
					  err);
}

int portmap_elements(struct attachment *att, enum stage_elements_of which,
		     struct stage_elements *elements, struct cni_error *err)
{
	switch (which) {
	case ELEMENTS_WANTED:
		return wanted_add(att, elements, err);
	case ELEMENTS_ADDED:
		portmap_forget_former(att, &elements->list);
		return 0;
	case ELEMENTS_HELD:
		return held_add(att, elements, err);
	case ELEMENTS_GONE:
		return elements->list.n > 0 ? siblings_add(att, NULL, elements, err) : 0;
	}
	return 0;
}
