/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A cluster may have many of them, so one call logs some alone; the metric counts all. */
#include "shared_addresses.h"

#include <string.h>

#include "conf/identity.h"

#define LINES_MAX 20

static bool is_shared(const struct tunnel_peer *peer, int family)
{
	return peer->shared & (1U << family);
}

static void tell(const struct tunnel_plan *plan, const struct log *log)
{
	unsigned int lines = 0;

	for (size_t i = 0; i < plan->n_peers && lines < LINES_MAX; i++)
		for (int f = 0; f < IP_FAMILIES; f++)
			if (is_shared(&plan->peers[i], f) && lines++ < LINES_MAX)
				log_write(log, LOG_LEVEL_WARN,
					  "two Nodes have one InternalIP: neither is "
					  "reached by it, and nothing from it is taken",
					  "node", plan->peers[i].node->name, "address",
					  IP_TEXT(&plan->peers[i].node->addresses[f]),
					  NULL);
}

void shared_addresses_tell(struct shared_addresses *shared,
			   const struct tunnel_plan *plan, const struct log *log)
{
	uint64_t hash = hash_text("");

	shared->n = 0;
	for (size_t i = 0; i < plan->n_peers; i++) {
		const struct tunnel_peer *peer = &plan->peers[i];

		for (int f = 0; f < IP_FAMILIES; f++) {
			if (!is_shared(peer, f))
				continue;
			shared->n++;
			hash = hash_more(hash, peer->node->name,
					 strlen(peer->node->name) + 1);
			hash = hash_more(hash, &peer->node->addresses[f],
					 sizeof(peer->node->addresses[f]));
		}
	}
	if (hash == shared->told)
		return;
	shared->told = hash;
	tell(plan, log);
}
