/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Each line is written when something has changed. */
#include "wireguard_keep.h"

#include <stdio.h>

void wireguard_keep_log(const struct log *log, const char *device,
			const struct tunnel_wireguard_done *done)
{
	char text[32];

	if (done->key_made)
		log_write(log, LOG_LEVEL_INFO, "key made", "device", device, NULL);
	if (done->made || done->changed)
		log_write(log, LOG_LEVEL_INFO,
			  done->made ? "tunnel device made" : "tunnel device put right",
			  "device", device, NULL);
	snprintf(text, sizeof(text), "%zu", done->peers);
	if (done->peers)
		log_write(log, LOG_LEVEL_INFO, "peers changed", "device", device, "peers",
			  text, NULL);
}

static void log_rotation(const struct log *log, const struct tunnel_wireguard *wireguard)
{
	char text[32];

	snprintf(text, sizeof(text), "%u", wireguard->own.generation);
	if (wireguard->two)
		log_write(log, LOG_LEVEL_INFO, "WireGuard's keys rotate", "generation",
			  text, NULL);
	else
		log_write(log, LOG_LEVEL_INFO,
			  "WireGuard's keys rotate no more: the second one goes", NULL);
}

int wireguard_keep_rotate(struct tunnel_wireguard *wireguard,
			  const struct options *options, const struct log *log,
			  struct cni_error *err)
{
	bool waited = wireguard->waits;
	int ret = tunnel_wireguard_rotate(wireguard, options->rotate_key_days,
					  options->node_name, err);

	if (ret == TUNNEL_WIREGUARD_ROTATED)
		log_rotation(log, wireguard);
	if (wireguard->waits && !waited)
		log_write(log, LOG_LEVEL_WARN,
			  "a WireGuard key is old, and stays until these nodes have "
			  "rotated theirs: they use it",
			  "nodes", wireguard->blocking_names, NULL);
	return ret;
}
