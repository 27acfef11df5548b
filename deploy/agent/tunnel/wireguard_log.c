/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A line is written where something has changed. */
#include "wireguard_log.h"

#include <stdio.h>
#include <string.h>

#include "conf/base/clock.h"
#include "conf/identity.h"
#include "device_names.h"

#define TELL_MS	  (60 * 1000) /* between two lines about what other nodes change */
#define LINES_MAX 20

void wireguard_log_peers(struct wireguard_log *state, const struct log *log)
{
	char text[32];

	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++) {
		struct wireguard_told *told = &state->told[slot];

		if (!told->peers || now_ms() < told->next)
			continue;
		snprintf(text, sizeof(text), "%zu", told->peers);
		log_write(log, LOG_LEVEL_INFO, "peers changed", "device",
			  wireguard_device_names[slot], "peers", text, NULL);
		*told = (struct wireguard_told){.next = now_ms() + TELL_MS};
	}
}

static uint64_t refused_hash(const struct wireguard_wanted *wanted)
{
	uint64_t hash = wanted->n_refused ? hash_text("") : 0;

	for (size_t i = 0; i < wanted->n_refused; i++) {
		const struct wireguard_refusal *item = &wanted->refused[i];
		const char *owner = item->owner ? item->owner : "";

		hash = hash_more(hash, item->node, strlen(item->node) + 1);
		hash = hash_more(hash, owner, strlen(owner) + 1);
	}
	return hash;
}

bool wireguard_log_due(const struct wireguard_log *state)
{
	return state->refused && state->refused != state->refused_told &&
	       now_ms() >= state->refused_next;
}

static void log_refused(struct wireguard_log *state,
			const struct wireguard_wanted *wanted, const struct log *log)
{
	state->refused = refused_hash(wanted);
	if (!state->refused)
		state->refused_told = 0;
	if (!wireguard_log_due(state))
		return;
	state->refused_told = state->refused;
	state->refused_next = now_ms() + TELL_MS;
	for (size_t i = 0; i < wanted->n_refused && i < LINES_MAX; i++) {
		const struct wireguard_refusal *item = &wanted->refused[i];

		log_write(log, LOG_LEVEL_WARN,
			  item->owner
				  ? "a Node says the WireGuard key of another one, "
				    "whose it stays"
				  : "several Nodes say one WireGuard key, and whose it "
				    "is nobody knows: it is not used",
			  "node", item->node, item->owner ? "owner" : NULL, item->owner,
			  NULL);
	}
}

void wireguard_log_done(struct wireguard_log *state,
			const struct wireguard_wanted *wanted,
			const struct tunnel_wireguard_done done[WIREGUARD_SLOTS],
			const struct log *log)
{
	for (int slot = 0; slot < WIREGUARD_SLOTS; slot++) {
		const char *device = wireguard_device_names[slot];

		if (done[slot].key_made)
			log_write(log, LOG_LEVEL_INFO, "key made", "device", device,
				  NULL);
		if (done[slot].made || done[slot].changed)
			log_write(log, LOG_LEVEL_INFO,
				  done[slot].made ? "tunnel device made"
						  : "tunnel device put right",
				  "device", device, NULL);
		state->told[slot].peers += done[slot].peers;
	}
	wireguard_log_peers(state, log);
	log_refused(state, wanted, log);
}
