/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A rule in nft's own words. */
#ifndef BRIDGE_CNI_PLUGIN_TRACE_RULE_TEXT_H
#define BRIDGE_CNI_PLUGIN_TRACE_RULE_TEXT_H

#include <stdint.h>

/* Gives the text of the rule in the namespace that the calling thread is in. NULL: it
 * could not be had, or memory ran out. The caller frees it. @family: "ip", "inet", … */
char *rule_text(const char *family, const char *table, const char *chain,
		uint64_t handle);

#endif
