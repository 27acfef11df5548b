/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A network's configuration, reduced to what DEL and GC read of it (CONFIG_IDENTITY) and
 * another IPAM plugin is given. The store keeps it, so that cleanup works where the
 * configuration is gone.
 */
#ifndef BRIDGE_CNI_CONF_NETWORK_NOTE_H
#define BRIDGE_CNI_CONF_NETWORK_NOTE_H

#include "network.h"

/* Returns the note of a network that was read from a text; the caller frees it. NULL:
 * memory ran out, or the network has no text. */
char *network_note_of(const struct network *network);

/* Returns the note of a network of which only this is known, with addresses from
 * host-local; the caller frees it. @bridge: or a switch's place. NULL: memory ran out. */
char *network_note_make(const char *name, const char *bridge, const char *data_dir);

#endif
