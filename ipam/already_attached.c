/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Looks for an earlier ADD of the same attachment, before anything is written. */
#include "already_attached.h"

#include <errno.h>
#include <string.h>

#include "ipam/store/holder.h"
#include "liveness.h"
#include "pod_record.h"

int refuse_already_recorded(struct store *store, const struct ipam_env *env,
			    const struct pod *pod, struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	char name[RECORD_NAME_MAX];
	uint64_t hash = pod_holder_hash(pod);
	int ret;

	ret = store_record_read(store, hash, &record);
	if (ret == -ENOENT || ret == -EBADMSG)
		return 0; /* a torn record is of no use to anybody */
	if (ret < 0 && ret != -ENOTSUP)
		return store_file_error(store->own_path, record_name(hash, name), -ret,
					"read", err);
	if (ret == 0 &&
	    !record_is_of(&record, env->network, pod->container_id, pod->ifname)) {
		if (strcmp(record.network, env->network) != 0 ||
		    holder_hash(record.container_id, record.ifname) != hash)
			return 0; /* the file got here by mistake: nobody looks for it */
		return error_set(err, CNI_ERR_EXISTS, EEXIST,
				 "%s/%s and %s/%s have the same hash, and so the same "
				 "record %s/%s; use another container ID",
				 record.container_id, record.ifname, pod->container_id,
				 pod->ifname, store->own_path, record_name(hash, name));
	}
	error_set(err, CNI_ERR_EXISTS, EEXIST,
		  "container %s has interface %s on network %s already; DEL it first",
		  pod->container_id, pod->ifname, env->network);
	error_details(err, "its record%s is %s/%s",
		      ret == -ENOTSUP ? ", of a newer version," : "", store->own_path,
		      record_name(hash, name));
	return ret == 0 && record_liveness(store, env, &record) != IPAM_ALIVE ? -ESTALE
									      : -EEXIST;
}

int refuse_already_attached(struct store *store, const struct ipam_env *env,
			    const struct pod *pod, struct cni_error *err)
{
	struct holder holder = pod_holder(pod);
	struct ip_addr ip;
	int ret;

	ret = refuse_already_recorded(store, env, pod, err);
	if (ret == 0)
		ret = store_find(store, &holder, &ip, err);
	if (ret != HOLDER_HAS_ADDRESS)
		return ret;
	return error_set(
		err, CNI_ERR_EXISTS, EEXIST,
		"%s has been allocated to %s/%s: an interface is added to a "
		"network once, and deleted before it is added again; DEL it first",
		IP_TEXT(&ip), holder.container_id, holder.ifname);
}
