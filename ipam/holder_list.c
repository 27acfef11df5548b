/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Lists of attachments by their names. */
#include <errno.h>
#include <string.h>

#include "conf/base/list.h"
#include "ipam.h"

static void holder_clear(struct ipam_holder *holder)
{
	free(holder->container_id);
	free(holder->ifname);
	free(holder->pod);
}

void ipam_holder_list_clear(struct ipam_holder_list *list)
{
	for (size_t i = 0; i < list->n; i++)
		holder_clear(&list->items[i]);
	free(list->items);
	*list = (struct ipam_holder_list){};
}

int ipam_holder_list_add(struct ipam_holder_list *list, const char *container_id,
			 const char *ifname, const char *pod)
{
	struct ipam_holder *added = LIST_ADD(list);

	if (!added)
		return -ENOMEM;
	*added = (struct ipam_holder){strdup(container_id), strdup(ifname), strdup(pod)};
	if (!added->container_id || !added->ifname || !added->pod) {
		holder_clear(added);
		list->n--;
		return -ENOMEM;
	}
	return 0;
}
