/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the record of a pod's attachment, and says why there is none. */
#include "pod_record.h"

#include <errno.h>

int pod_record_read(const struct store *store, const struct pod *pod,
		    struct record *ret_record, struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	uint64_t hash = pod_holder_hash(pod);
	char name[RECORD_NAME_MAX];
	int ret = store_record_read(store, hash, &record);

	if (ret == -ENOENT)
		return POD_RECORD_ABSENT;
	if (ret == -EBADMSG)
		return POD_RECORD_TORN;
	record_name(hash, name);
	if (ret == -ENOTSUP)
		return error_set(
			err, CNI_ERR_IO, ENOTSUP,
			"%s/%s was written by a newer version of bridge-cni: the "
			"format in its first line is higher than %d, the last that "
			"this version (" BRIDGE_CNI_VERSION ") knows; use one that "
			"knows it, or remove the file: then DEL goes by names, and "
			"what only the file tells of stays",
			store->own_path, name, RECORD_VERSION);
	if (ret < 0)
		return store_file_error(store->own_path, name, -ret, "read", err);
	if (!record_is_of(&record, store->network, pod->container_id, pod->ifname))
		return POD_RECORD_ANOTHERS;
	*ret_record = record;
	record = (struct record){};
	return 0;
}
