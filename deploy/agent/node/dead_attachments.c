/* SPDX-License-Identifier: GPL-2.0-or-later */
/* attachment_life.h tells which attachments look dead; here it is decided which of them
 * are believed to be. */
#include "dead_attachments.h"

#include <string.h>

#include "attachment_life.h"
#include "store_files.h"

/* Is the namespace of a live attachment seen in the directory of this path? */
static bool is_believed(const struct recorded_list *list, const char *netns)
{
	const char *slash = strrchr(netns, '/');
	size_t len = slash ? (size_t)(slash - netns) + 1 : 0;

	for (size_t i = 0; len && i < list->n; i++) {
		const char *other = list->items[i].record.netns;

		if (list->items[i].life == LIFE_SEEN && strncmp(netns, other, len) == 0 &&
		    !strchr(other + len, '/'))
			return true;
	}
	return false;
}

int dead_attachments_find(const struct network_names *names,
			  struct ipam_holder_list *ret_dead, size_t *ret_refused,
			  struct cni_error *err)
{
	_cleanup_(recorded_list_clear) struct recorded_list list = RECORDED_LIST_EMPTY;
	_cleanup_(ipam_holder_list_clear) struct ipam_holder_list dead = {};
	size_t refused = 0;
	int ret;

	ret = recorded_list_open(&list, err);
	if (ret == 0)
		ret = recorded_list_add_network(&list, names, err);
	for (size_t i = 0; ret == 0 && i < list.n; i++) {
		const struct record *record = &list.items[i].record;

		if (list.items[i].life != LIFE_DEAD ||
		    !record_is_on(record, names->bridge))
			continue;
		if (!is_believed(&list, record->netns))
			refused++;
		else if (ipam_holder_list_add(&dead, record->container_id, record->ifname,
					      record->pod) < 0)
			ret = error_oom(err);
	}
	if (ret < 0)
		return ret;
	*ret_dead = dead;
	*ret_refused = refused;
	dead = (struct ipam_holder_list){};
	return 0;
}

bool dead_attachments_confirm(const struct network_names *names,
			      const struct ipam_holder *holder)
{
	_cleanup_(recorded_list_clear) struct recorded_list list = RECORDED_LIST_EMPTY;
	_cleanup_(free_p) char *text = NULL;
	size_t len;

	if (store_files_read_record(names, names->name, holder->container_id,
				    holder->ifname, &text, &len, NULL) != 0 ||
	    recorded_list_open(&list, NULL) < 0)
		return false;
	return recorded_list_add(text, len, &list, NULL) == 0 && list.n == 1 &&
	       list.items[0].life == LIFE_DEAD;
}
