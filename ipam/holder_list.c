/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of attachments by their names. */
#include <errno.h>
#include <string.h>

#include "conf/base/list.h"
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
	struct ipam_holder *added = LIST_ADD(list);

	if (!added)
		return -ENOMEM;
	added->container_id = strdup(container_id);
	added->ifname = strdup(ifname);
	if (!added->container_id || !added->ifname) {
		free(added->container_id);
		free(added->ifname);
		list->n--;
		return -ENOMEM;
	}
	return 0;
}
