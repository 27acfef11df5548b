/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The networks that a store tells of, for cleanup where no configuration does. Their
 * owners have notes there. What versions without notes left is told by records, gateway
 * addresses and rules, and by rules alone where somebody deleted the store. A network
 * that has nothing but reservations is another program's.
 */
#ifndef BRIDGE_CNI_PLUGIN_VERB_STORED_H
#define BRIDGE_CNI_PLUGIN_VERB_STORED_H

#include <stdbool.h>

#include "conf/base/error.h"

struct stored_list {
	struct stored {
		char *network; /* its name; owned */
		/* a configuration with the keys that cleanup reads; owned. NULL: @err
		 * says why the network's owners can't be told */
		char *text;
		struct cni_error err; /* of the codes below */
	} * items;
	size_t n;
};
void stored_list_clear(struct stored_list *list);

/* Gives all owners (identity_owner()) that the store in @data_dir tells of. @looks: takes
 * no lock; rules that this user may not see tell of none. Codes 5, 11, 101. */
int stored_find(const char *data_dir, bool looks, struct stored_list *ret_list,
		struct cni_error *err);

#endif
