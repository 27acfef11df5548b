/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Doubt begins with a list that lacks this node, and ends with one that has it, or with
 * the time. */
#include "list_doubt.h"

#include "conf/base/clock.h"

#define DOUBT_MS 10000

bool list_doubt_believes(struct list_doubt *doubt, const struct node_feed *feed,
			 bool listed)
{
	bool news = doubt->since == 0;

	if (node_feed_list_has_own(feed)) {
		doubt->since = 0;
		return true;
	}
	if (news)
		doubt->since = now_ms();
	if (now_ms() - doubt->since >= DOUBT_MS) {
		doubt->since = 0;
		log_write(feed->log, LOG_LEVEL_WARN,
			  "the list of Nodes still lacks this node: it is believed",
			  NULL);
		return true;
	}
	if (news)
		log_write(feed->log, listed ? LOG_LEVEL_WARN : LOG_LEVEL_INFO,
			  "the list of Nodes lacks this node: it is asked for again, "
			  "and nothing is removed yet",
			  "node", feed->own, NULL);
	return false;
}
