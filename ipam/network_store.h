/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside ipam/: the store of an operation's network, as struct ipam_env names it, and the
 * store's index.
 */
#ifndef BRIDGE_CNI_IPAM_NETWORK_STORE_H
#define BRIDGE_CNI_IPAM_NETWORK_STORE_H

#include "ipam.h"
#include "ipam/store/store.h"

/* Opens the store and takes its lock. Results and errors are those of store_open(). */
int network_store_open(const struct ipam_env *env, enum store_mode mode,
		       struct store *ret_store, struct cni_error *err);

/* Opens the store's index, and tells the operator which reservations that gave
 * back. Code 5. */
int network_store_index(struct store *store, const struct ipam_env *env,
			struct cni_error *err);

/* Does the same, and reads the directory again if files in it may have become nobody's
 * (index_refresh()). Code 5. */
int network_store_refresh(struct store *store, const struct ipam_env *env,
			  struct cni_error *err);

/* Replaces an index that turned out wrong by one that is made from the
 * directory. Code 5. */
int network_store_reindex(struct store *store, const struct ipam_env *env,
			  struct cni_error *err);

#endif
