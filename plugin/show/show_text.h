/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the facts for people. */
#ifndef BRIDGE_CNI_PLUGIN_SHOW_SHOW_TEXT_H
#define BRIDGE_CNI_PLUGIN_SHOW_SHOW_TEXT_H

#include "lines.h"
#include "network_facts.h"

/* Adds a block. @file: NULL: the store tells of the network. */
void network_text(struct text *text, const struct network_facts *facts, const char *file,
		  bool colour);

/* Adds a line about a reservation that no record names. */
void other_text(struct text *text, const struct network_facts *facts,
		const struct ipam_view_other *other);

#endif
