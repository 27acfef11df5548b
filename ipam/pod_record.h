/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Inside ipam/: under which names a pod's attachment stands in the store,
 * and its record. */
#ifndef BRIDGE_CNI_IPAM_POD_RECORD_H
#define BRIDGE_CNI_IPAM_POD_RECORD_H

#include "conf/pod.h"
#include "ipam/store/store.h"

static inline struct holder pod_holder(const struct pod *pod)
{
	return (struct holder){pod->container_id, pod->ifname};
}

static inline uint64_t pod_holder_hash(const struct pod *pod)
{
	return holder_hash(pod->container_id, pod->ifname);
}

/* Results of pod_record_read() that are neither success nor an error. */
enum {
	POD_RECORD_ABSENT = 1,
	POD_RECORD_TORN, /* the file has the record's name, and is no whole record */
	POD_RECORD_ANOTHERS, /* the record names another attachment */
};

/*
 * Reads the record of the pod's attachment into @ret_record, which record_clear() frees.
 * Code 5: the file can't be read, or a newer version of this program wrote it.
 */
int pod_record_read(const struct store *store, const struct pod *pod,
		    struct record *ret_record, struct cni_error *err);

#endif
