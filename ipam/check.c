/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Are the addresses reserved for the attachment, as CHECK asks? */
#include <errno.h>

#include "conf/ranges.h"
#include "network_store.h"
#include "pod_record.h"
#include "ipam/store/holder.h"

static int check_address(const struct network *network, const struct store *store,
			 const struct ip_addr *ip, const struct holder *holder,
			 struct cni_error *err)
{
	struct holder_text text = {};
	int ret;

	ret = store_holder_of(store, ip, &text);
	/* A later plugin of the chain may have added addresses of its own. */
	if (ret == -ENOENT && !range_sets_have(&network->ipam.sets, ip))
		return 0;
	if (ret == 0 && holder_match(&text, holder) != HOLDER_OTHER)
		return 0;
	return error_set(err, CNI_ERR_CHECK, ENOENT,
			 "%s is reserved for %s, expected: %s/%s (%s/%s)", IP_TEXT(ip),
			 ret == -ENOENT ? "nobody"
			 : ret < 0	? "something that can't be read"
					: HOLDER_TEXT(&text),
			 holder->container_id, holder->ifname, store->path, IP_TEXT(ip));
}

static int open_store_to_check(const struct ipam_env *env, struct store *ret_store,
			       struct cni_error *err)
{
	int ret = network_store_open(env, STORE_EXISTING, ret_store, err);

	if (ret == STORE_ABSENT || (ret == 0 && ret_store->dir_fd < 0))
		return error_set(err, CNI_ERR_CHECK, ENOENT,
				 "no address is reserved: there is no %s/%s",
				 env->data_dir, env->network);
	return ret;
}

int ipam_check(const struct ipam_env *env, const struct pod *pod,
	       const struct network *network, const struct cni_result *expected,
	       struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct holder holder = pod_holder(pod);
	int ret;

	ret = open_store_to_check(env, &store, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < expected->ips.n; i++) {
		ret = check_address(network, &store, &expected->ips.items[i].address.addr,
				    &holder, err);
		if (ret < 0)
			return ret;
	}
	return 0;
}

int ipam_check_any(const struct ipam_env *env, const struct pod *pod,
		   struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct holder holder = pod_holder(pod);
	struct ip_addr ip;
	int ret;

	ret = open_store_to_check(env, &store, err);
	if (ret == 0)
		ret = network_store_index(&store, env, err);
	if (ret == 0)
		ret = store_find(&store, &holder, &ip, err);
	if (ret == 0)
		return error_set(err, CNI_ERR_CHECK, ENOENT,
				 "no address is reserved for %s/%s in %s",
				 holder.container_id, holder.ifname, store.path);
	return ret < 0 ? ret : 0;
}
