/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside ipam/: what the operations of ipam.h begin with. */
#ifndef BRIDGE_CNI_IPAM_SESSION_H
#define BRIDGE_CNI_IPAM_SESSION_H

#include "ipam.h"
#include "ipam/store/store.h"

static inline struct holder session_holder(const struct pod *pod)
{
	return (struct holder){pod->container_id, pod->ifname};
}

static inline uint64_t session_hash(const struct pod *pod)
{
	return holder_hash(pod->container_id, pod->ifname);
}

const char *session_boot(const struct ipam_env *env);

/* Opens the network's store; store_open()'s errors. */
int session_open(const struct ipam_env *env, enum store_mode mode,
		 struct store *ret_store, struct cni_error *err);

/* Opens (or, @refresh, reads anew) its index, and tells the operator what that gave back. */
int session_index(struct store *store, const struct ipam_env *env, struct cni_error *err);
int session_refresh(struct store *store, const struct ipam_env *env,
		    struct cni_error *err);

/* After an error of the index's own file: reads the directory again. */
int session_reindex(struct store *store, const struct ipam_env *env,
		    struct cni_error *err);

/* What stands under the name of its record. -ENOENT: nothing, -EBADMSG: a torn one, both
 * without an error set; else code 5, for a newer version's, too. */
int session_record(const struct store *store, const struct pod *pod,
		   struct record *ret_record, struct cni_error *err);

/* Code 103 where the attachment has a reservation or a record; -ESTALE: but is dead. */
int session_refuse_second(struct store *store, const struct ipam_env *env,
			  const struct pod *pod, struct cni_error *err);

/* Of the attachment that the record tells of. */
enum ipam_liveness session_liveness(struct store *store, const struct ipam_env *env,
				    const struct record *record);

/* After an attachment's end, with the index open: has the bridge no record any more? */
bool session_was_last(const struct store *store, const char *bridge);

#endif
