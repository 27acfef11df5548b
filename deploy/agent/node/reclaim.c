/* SPDX-License-Identifier: GPL-2.0-or-later */
/* reclaim->dead is a queue: its first entry is the one whose DEL is running or starts
 * next. */
#include "reclaim.h"

#include <string.h>

#include "dead_attachments.h"
#include "plugin_job.h"

void reclaim_clear(struct reclaim *reclaim)
{
	ipam_holder_list_clear(&reclaim->dead);
}

void reclaim_find(struct reclaim *reclaim)
{
	struct cni_error err = {};
	size_t refused = 0;

	if (reclaim->dead.n)
		return;
	if (dead_attachments_find(reclaim->network, &reclaim->dead, &refused, &err) < 0) {
		log_error_once(reclaim->log, &reclaim->error,
			       "looking for dead attachments has failed", &err);
		return;
	}
	if (refused && reclaim->refused != refused)
		log_write(
			reclaim->log, LOG_LEVEL_WARN,
			"attachments look dead, but no live one's namespace is seen at "
			"its path: is it mounted here with HostToContainer propagation?",
			NULL);
	reclaim->refused = refused;
}

static void drop_first(struct ipam_holder_list *dead)
{
	free(dead->items[0].container_id);
	free(dead->items[0].ifname);
	dead->n--;
	memmove(dead->items, dead->items + 1, dead->n * sizeof(*dead->items));
	if (!dead->n)
		ipam_holder_list_clear(dead);
}

void reclaim_start(struct reclaim *reclaim, const char *plugin, struct job *job)
{
	struct ipam_holder_list *dead = &reclaim->dead;
	struct cni_error err = {};

	while (dead->n && !dead_attachments_confirm(reclaim->network, &dead->items[0]))
		drop_first(dead);
	if (!dead->n)
		return;
	if (plugin_job_start_del(job, reclaim->options, plugin,
				 dead->items[0].container_id, dead->items[0].ifname,
				 &err) < 0) {
		log_error_once(reclaim->log, &reclaim->error, "a DEL can't be started",
			       &err);
		drop_first(dead);
	}
}

void reclaim_ended(struct reclaim *reclaim, int status, const char *output)
{
	const struct ipam_holder *holder = &reclaim->dead.items[0];

	log_write(reclaim->log, status ? LOG_LEVEL_ERROR : LOG_LEVEL_INFO,
		  status ? "DEL of a dead attachment has failed"
			 : "a dead attachment's addresses were given back",
		  "container", holder->container_id, "interface", holder->ifname,
		  "output", output, NULL);
	reclaim->done += !status;
	reclaim->failures += status != 0;
	drop_first(&reclaim->dead);
}
