/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a Node says of its WireGuard device, in an annotation: the UDP port and the public
 * key, as "51820:NdJvDKlG44Adulf0kS7LaAWiP9x5FrNQ7YonxGH+mzg=". */
#ifndef BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_NOTE_H
#define BRIDGE_CNI_AGENT_TUNNEL_WIREGUARD_NOTE_H

#include "wireguard_key.h"

#define WIREGUARD_ANNOTATION "bridge-cni/wireguard-keys"
#define WIREGUARD_NOTE_MAX   (6 + WIREGUARD_KEY_TEXT_LEN + 1) /* bytes, with the NUL */

struct wireguard_note {
	uint16_t port;
	struct wireguard_key key;
};

/* -EINVAL: it isn't right in every byte. */
int wireguard_note_parse(const char *text, struct wireguard_note *ret_note);

/* Returns @buf. */
const char *wireguard_note_format(const struct wireguard_note *note,
				  char buf[WIREGUARD_NOTE_MAX]);

#endif
