/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of attachments by their names. */
#include <errno.h>
#include <string.h>

#include "ipam.h"

void ipam_holder_list_clear(struct ipam_holder_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		free(list->items[i].container_id);
		free(list->items[i].ifname);
	}
	free(list->items);
	*list = (struct ipam_holder_list){};
}

int ipam_holder_list_add(struct ipam_holder_list *list, const char *container_id,
			 const char *ifname)
{
	struct ipam_holder holder, *grown;

	grown = reallocarray(list->items, list->n + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	list->items = grown;
	holder.container_id = strdup(container_id);
	holder.ifname = strdup(ifname);
	if (!holder.container_id || !holder.ifname) {
		free(holder.container_id);
		free(holder.ifname);
		return -ENOMEM;
	}
	grown[list->n++] = holder;
	return 0;
}
