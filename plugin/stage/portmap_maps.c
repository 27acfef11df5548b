/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Picks the maps of host ports from the names of all sets of the table. */
#include "portmap_maps.h"

#include <errno.h>
#include <linux/netfilter.h>
#include <stdlib.h>

#include "conf/base/list.h"

void portmap_map_list_clear(struct portmap_map_list *list)
{
	free(list->items);
	*list = (struct portmap_map_list){};
}

static int map_note(const char *name, void *data)
{
	struct portmap_map_list *list = data;
	struct nft_set map, *added;

	if (!name) {
		list->n = 0;
		return 0;
	}
	if (!portmap_set_read(name, &map) || portmap_set_kind(&map) == PORTMAP_ONLINK)
		return 0;
	added = LIST_ADD(list);
	if (!added)
		return -ENOMEM;
	*added = map;
	return 0;
}

int portmap_map_list_get(struct netlink *nl, struct portmap_map_list *ret_list,
			 struct cni_error *err)
{
	struct portmap_map_list list = {};
	int ret = nft_table_sets(nl, NFPROTO_INET, RULES_TABLE, map_note, &list, err);

	if (ret < 0)
		portmap_map_list_clear(&list);
	else
		*ret_list = list;
	return ret;
}
