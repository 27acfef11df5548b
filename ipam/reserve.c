/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ADD's part: the addresses, routes and dns of an attachment, with the store locked once.
 * take_addresses.c chooses and takes the addresses.
 */
#include <errno.h>
#include <string.h>

#include "already_attached.h"
#include "ipam/store/index.h"
#include "network_store.h"
#include "new_record.h"
#include "owner_note.h"
#include "pod_record.h"
#include "requested_ips.h"
#include "resolv_conf.h"
#include "take_addresses.h"

/* Puts one address of every set into @ips, or none. */
static int reserve_all(const struct ipam_env *env, const struct network *network,
		       const struct pod *pod, const struct ip_addr *requests,
		       struct ip_config *ips, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(record_clear) struct record record = {};
	struct address_order order = {
		.sets = &network->ipam.sets,
		.requests = requests,
		.holder = pod_holder(pod),
		.record = makes_records(env) ? &record : NULL,
	};
	int ret = 0;

	if (order.record)
		ret = new_record_fill(env, network, pod, &record, err);
	if (ret == 0)
		ret = network_store_open(env, STORE_CREATE, &store, err);
	if (ret == 0)
		ret = network_store_index(&store, env, err);
	if (ret == 0)
		ret = refuse_already_attached(&store, env, pod, err);
	if (ret == 0)
		ret = take_addresses(&store, &order, ips, err);
	if (ret == 0 && order.record && store.own_made)
		owner_note_write(&store, env->bridge, network);
	if (ret != TAKE_INDEX_IS_WRONG)
		return ret;
	ret = network_store_reindex(&store, env, err);
	if (ret == 0)
		ret = refuse_already_attached(&store, env, pod, err);
	if (ret == 0)
		ret = take_addresses(&store, &order, ips, err);
	if (ret == TAKE_INDEX_IS_WRONG)
		return store_file_error(store.own_path, INDEX_FILE, EIO, "read", err);
	return ret;
}

/* Adds the routes and the dns that the configuration gives. */
static int fill_from_conf(const struct ipam_conf *conf, struct cni_result *result,
			  char **ret_text, struct cni_error *err)
{
	if (conf->routes.n > 0) {
		result->routes.items = calloc(conf->routes.n, sizeof(struct route));
		if (!result->routes.items)
			return error_oom(err);
		memcpy(result->routes.items, conf->routes.items,
		       conf->routes.n * sizeof(struct route));
		result->routes.n = conf->routes.n;
	}
	if (conf->resolv_conf)
		return resolv_conf_read(conf->resolv_conf, &result->dns, ret_text, err);
	return 0;
}

int ipam_reserve(const struct ipam_env *env, const struct network *network,
		 const struct pod *pod, struct cni_result *ret_result, char **ret_text,
		 struct cni_error *err)
{
	_cleanup_(cni_result_clear) struct cni_result result = {};
	_cleanup_(free_p) struct ip_addr *requests = NULL;
	_cleanup_(free_p) char *text = NULL;
	const struct ipam_conf *conf = &network->ipam;
	int ret;

	if (conf->sets.n == 0)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "ipam.ranges: no range set, and no ipam.subnet");
	result.ips.items = calloc(conf->sets.n, sizeof(struct ip_config));
	requests = calloc(conf->sets.n, sizeof(*requests));
	if (!result.ips.items || !requests)
		return error_oom(err);
	result.ips.n = conf->sets.n;
	/* All that can fail without the store comes before it. */
	ret = requests_sort(network, pod, requests, err);
	if (ret == 0)
		ret = fill_from_conf(conf, &result, &text, err);
	if (ret == 0)
		ret = reserve_all(env, network, pod, requests, result.ips.items, err);
	if (ret < 0)
		return ret;

	*ret_result = result;
	result = (struct cni_result){};
	*ret_text = TAKE_PTR(text);
	return 0;
}
