/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside ipam/: what the operations of ipam.h begin with. */
#ifndef BRIDGE_CNI_IPAM_SESSION_H
#define BRIDGE_CNI_IPAM_SESSION_H

#include "ipam.h"
#include "ipam/store/store.h"

static inline struct owner operation_owner(const struct attachment *att)
{
	return (struct owner){att->env.container_id, att->env.ifname};
}

static inline uint64_t operation_hash(const struct attachment *att)
{
	return owner_hash(att->env.container_id, att->env.ifname);
}

const char *operation_boot(const struct attachment *att);

/* Opens the network's store; store_open()'s errors. */
int operation_open(const struct attachment *att, enum store_mode mode,
		   struct store *ret_store, struct cni_error *err);

/* Opens (or, @refresh, reads anew) its index, and tells the operator what that gave back. */
int operation_index(struct store *store, struct attachment *att, struct cni_error *err);
int operation_refresh(struct store *store, struct attachment *att, struct cni_error *err);

/* After an error of the index's own file: reads the directory again. */
int operation_reindex(struct store *store, struct attachment *att, struct cni_error *err);

/* What stands under the name of its record. -ENOENT: nothing, -EBADMSG: a torn one, both
 * without an error set; else code 5, for a newer version's, too. */
int operation_record(const struct store *store, const struct attachment *att,
		     struct record *ret_record, struct cni_error *err);

/* Code 103 where the attachment has a reservation or a record; -ESTALE: but is dead. */
int operation_refuse_second(struct store *store, const struct attachment *att,
			    struct cni_error *err);

/* Of the attachment that the record tells of. */
enum ipam_liveness operation_life(struct store *store, const struct attachment *att,
				  const struct record *record);

/* After an attachment's end, with the index open: has the bridge no record any more? */
bool operation_was_last(const struct store *store, const char *bridge);

#endif
