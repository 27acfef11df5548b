/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The rules of the stage `isolate`, which all owners share, and the contents of their
 * sets (plugin/nft/isolate_sets.h). */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_ISOLATE_RULES_H
#define BRIDGE_CNI_PLUGIN_STAGE_ISOLATE_RULES_H

#include "plugin/nft/isolate_sets.h"
#include "plugin/nft/rules.h"

/* Gives the rules for a network that is isolated. When they are written all sets are
 * filled anew. Code 100. */
int isolate_rules_wanted(const struct network *network, struct rule_list *ret_list,
			 struct cni_error *err);

/* Adds commands that declare and fill the sets, as all owners want them now, and delete
 * those of @att's owner that it doesn't want. Interfaces whose names nft can't read are
 * left out. Codes 100, 101. */
int isolate_sets_fill(struct attachment *att, struct text *text, struct cni_error *err);

/* Adds what isolate_sets_fill() has left out, once its commands have been carried out.
 * Codes 11, 100, 101. */
int isolate_sets_complete(struct attachment *att, struct cni_error *err);

/* Makes the elements that there are to be in the shared sets, but for the sentinels. They
 * point to @sets. Codes 100, 101. */
int isolate_elements_make(struct attachment *att, const struct isolate_sets *sets,
			  struct nft_element_list *elements, struct cni_error *err);

/* Makes those that are there for the interface of @network. They point to @sets. */
#define ISOLATE_OF_NETWORK_MAX 4
size_t isolate_elements_of(const struct network *network, const struct isolate_sets *sets,
			   struct nft_element ret_elements[ISOLATE_OF_NETWORK_MAX]);

#endif
