/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists that stages add to, and that are acted upon once for all stages. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>

#include "plugin/netlink/link.h"
#include "plugin/netlink/nf_tables_transaction.h"
#include "stages.h"

void stage_links_add(struct stage_links *links, unsigned int index, const char *name)
{
	if (!index)
		return;
	assert(links->n < STAGE_LINKS_MAX);
	snprintf(links->names[links->n], IF_NAMESIZE, "%s", name);
	links->items[links->n] = (struct link_known){index, links->names[links->n]};
	links->n++;
}

void *stage_elements_keep(struct stage_elements *elements, size_t size,
			  void (*clear)(void *data))
{
	void *data = calloc(1, size);

	assert(elements->kept_n < STAGE_KEPT_MAX);
	if (!data)
		return NULL;
	elements->kept[elements->kept_n].data = data;
	elements->kept[elements->kept_n++].clear = clear;
	return data;
}

void stage_elements_clear(struct stage_elements *elements)
{
	nft_element_list_clear(&elements->list);
	nft_element_list_clear(&elements->others);
	nft_element_list_clear(&elements->instead);
	while (elements->kept_n-- > 0) {
		if (elements->kept[elements->kept_n].clear)
			elements->kept[elements->kept_n].clear(
				elements->kept[elements->kept_n].data);
		free(elements->kept[elements->kept_n].data);
	}
}

int stage_elements_delete(struct attachment *att, struct netlink *nl,
			  const struct stage_elements *elements, struct cni_error *err)
{
	_cleanup_(nft_element_list_clear) struct nft_element_list old = {};
	struct cni_error own = {};
	int ret;

	if (elements->list.n == 0)
		return 0;
	if (nft_element_list_append(&old, &elements->list) < 0 ||
	    nft_element_list_append(&old, &elements->others) < 0)
		ret = error_oom(&own);
	else
		ret = nft_elements_replace(nl, &old, &elements->instead, &own);
	if (ret == 0)
		return 0;
	/* The list is deleted even where others don't get their elements. */
	if (elements->without)
		notice(&att->op->notices, "%s: %s", elements->without,
		       ret < 0 ? own.msg : "their maps are gone");
	return nft_elements_del(nl, elements->list.items, elements->list.n, err);
}

void stage_interfaces_add(struct stage_interfaces *list, const char *name,
			  const struct mac_addr *mac, uint32_t mtu, const char *sandbox)
{
	assert(list->n < STAGE_INTERFACES_MAX);
	snprintf(list->names[list->n], IF_NAMESIZE, "%s", name);
	list->items[list->n] = (struct interface){
		.name = list->names[list->n],
		.mac = mac_format(mac, list->macs[list->n]),
		.mtu = mtu,
		.sandbox = sandbox,
	};
	list->n++;
}
