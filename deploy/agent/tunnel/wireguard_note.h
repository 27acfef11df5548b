/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The annotation of a Node that tells of its WireGuard devices: the UDP port and the
 * public key, as "51820:NdJvDKlG44Adulf0kS7LaAWiP9x5FrNQ7YonxGH+mzg=". A node that
 * rotates its keys has two devices, and says "PORT:KEY,PORT:KEY;generation=NUMBER".
 */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_NOTE_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_NOTE_H

#include "wireguard_key.h"
#include "wireguard_rotation.h"

#define WIREGUARD_ANNOTATION "bridge-cni/wireguard-keys"
/* bytes, with the NUL */
#define WIREGUARD_NOTE_MAX (2 * (7 + WIREGUARD_KEY_TEXT_LEN) + 24)

struct wireguard_end {
	uint16_t port; /* 0: there is no such device */
	struct wireguard_key key;
};

struct wireguard_note {
	struct wireguard_end ends[WIREGUARD_SLOTS]; /* the first one is always there */
	uint32_t generation; /* with two ends: see wireguard_rotation.h */
};

/* Is the key that of one of the ends? */
bool wireguard_note_has(const struct wireguard_note *note,
			const struct wireguard_key *key);

/* -EINVAL: it isn't right in every byte, or says one port or key twice. */
int wireguard_note_parse(const char *text, struct wireguard_note *ret_note);

/* Returns @buf. */
const char *wireguard_note_format(const struct wireguard_note *note,
				  char buf[WIREGUARD_NOTE_MAX]);

#endif
