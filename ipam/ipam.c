/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ADD's and DEL's part, each with the store locked once. How addresses are taken is reserve_sets.c's,
 * how they are given back ipam/store/holder.c's.
 */
#include "ipam.h"

#include <errno.h>
#include <string.h>

#include "conf/identity.h"
#include "delegate.h"
#include "ipam/store/index.h"
#include "session.h"
#include "ipam/store/holder.h"
#include "reserve_sets.h"
#include "requested_ips.h"
#include "resolv_conf.h"

bool ipam_in_process(const struct network *conf)
{
	return conf->ipam.type && strcmp(conf->ipam.type, "host-local") == 0;
}

static bool keeps_records(const struct ipam_env *env)
{
	return env->kernel && env->kernel->has_interface;
}

/* As far as it is known before there are addresses; borrowed strings. */
static struct record record_of(const struct ipam_env *env, const struct network *network,
			       const struct pod *pod)
{
	return (struct record){
		.network = env->network,
		.container_id = pod->container_id,
		.ifname = pod->ifname,
		.boot = session_boot(env),
		.netns = pod->netns,
		.bridge = env->bridge,
		.cookie = env->kernel->netns_cookie(env->kernel),
		.node = env->kernel->node_cookie(env->kernel),
		.mac = pod->mac,
		.spoof_check = pod->mac_spoof_check,
		.native_vlan = network_native_vlan(network),
		.spoof_addresses = pod->spoof_check	  ? RECORD_YES
				   : pod->mac_spoof_check ? RECORD_NO
							  : RECORD_NOT_TOLD,
		.masquerade = network->ip_masq ? RECORD_YES : RECORD_NO,
		.bandwidth = pod->bandwidth,
		.pod = pod->name,
	};
}

/* Into the record, for whoever writes this attachment's rules anew. More than it has room
 * for are none. */
static int runtime_ranges(const struct ipam_conf *conf, struct ip_prefix **ret_ranges,
			  struct record *record, struct cni_error *err)
{
	size_t n = 0;

	for (size_t i = 0; i < conf->runtime_sets; i++)
		n += conf->sets.items[i].n;
	if (n == 0 || n > RECORD_ADDRESSES)
		return 0;
	record->ranges = *ret_ranges = calloc(n, sizeof(**ret_ranges));
	if (!record->ranges)
		return error_oom(err);
	for (size_t i = 0; i < conf->runtime_sets; i++)
		for (size_t k = 0; k < conf->sets.items[i].n; k++)
			record->ranges[record->ranges_n++] =
				conf->sets.items[i].ranges[k].subnet;
	return 0;
}

/* One address of every set into @ips, all or none. */
static int reserve_all(const struct ipam_env *env, const struct network *network,
		       const struct pod *pod, const struct ip_addr *requests,
		       struct ip_config *ips, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(free_p) struct ip_prefix *ranges = NULL;
	struct record record = {};
	struct plan_order order = {
		.sets = &network->ipam.sets,
		.requests = requests,
		.holder = session_holder(pod),
	};
	int ret = 0;

	if (keeps_records(env)) {
		record = record_of(env, network, pod);
		order.record = &record;
		ret = runtime_ranges(&network->ipam, &ranges, &record, err);
	}
	if (ret == 0)
		ret = session_open(env, STORE_CREATE, &store, err);
	if (ret == 0)
		ret = session_index(&store, env, err);
	if (ret == 0)
		ret = session_refuse_second(&store, env, pod, err);
	if (ret == 0)
		ret = plan_carry_out(&store, &order, ips, err);
	if (ret != -EAGAIN || err->code)
		return ret;
	ret = session_reindex(&store, env, err);
	if (ret == 0)
		ret = session_refuse_second(&store, env, pod, err);
	if (ret == 0)
		ret = plan_carry_out(&store, &order, ips, err);
	if (ret == -EAGAIN && !err->code)
		return store_file_error(store.own_path, INDEX_FILE, EIO, "read", err);
	return ret;
}

/* What the configuration alone says: routes and dns. */
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

int ipam_record_write(const struct ipam_env *env, const struct network *network,
		      const struct pod *pod, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct record record;
	int ret;

	if (!keeps_records(env))
		return 0;
	record = record_of(env, network, pod);
	if (!record.mac.set)
		record.mac = identity_container_mac(env->network, pod->container_id,
						    pod->ifname);
	/* Until its addresses are known it has no rules, and may never have any. */
	record.coming = ipam_delegated(network);
	ret = session_open(env, STORE_RECORDS, &store, err);
	if (ret == 0)
		ret = session_index(&store, env, err);
	if (ret == 0)
		ret = session_refuse_second(&store, env, pod, err);
	return ret == 0 ? store_record_write(&store, &record, err) : ret;
}

/* Which this ADD wrote, and has given the node lock back since. What it makes from now on, a
 * DEL or GC that has begun meanwhile would leave. */
static int own_record_read(const struct pod *pod, const struct store *store,
			   struct record *ret_record, struct cni_error *err)
{
	int ret = session_record(store, pod, ret_record, err);

	if (err->code)
		return ret;
	if (ret < 0 || ret_record->going)
		return error_set(err, CNI_ERR_TRY_AGAIN, ECANCELED,
				 "a DEL of the same attachment came by while its ADD "
				 "waited");
	return 0;
}

int ipam_record_write_addresses(const struct ipam_env *env, const struct pod *pod,
				const struct cni_result *result, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(free_p) struct record_address *addresses = NULL;
	_cleanup_(record_clear) struct record old = {};
	struct record record;
	int ret;

	if (!keeps_records(env))
		return 0;
	addresses = calloc(result->ips.n + 1, sizeof(*addresses));
	if (!addresses)
		return error_oom(err);
	ret = session_open(env, STORE_RECORDS, &store, err);
	if (ret < 0)
		return ret;
	ret = own_record_read(pod, &store, &old, err);
	if (ret < 0)
		return ret;
	for (size_t i = 0; i < result->ips.n; i++)
		addresses[i] = (struct record_address){
			.address = result->ips.items[i].address,
			.gateway = result->ips.items[i].gateway,
		};
	record = old;
	record.coming = false;
	record.addresses = addresses;
	record.n = result->ips.n;
	return store_record_write(&store, &record, err);
}

static int own_ports_write(const struct ipam_env *env, const struct pod *pod,
			   const struct pod_ports *ports, uint32_t turn,
			   struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(record_clear) struct record old = {};
	struct record record;
	int ret;

	if (!keeps_records(env))
		return 0;
	ret = session_open(env, STORE_RECORDS, &store, err);
	if (ret < 0)
		return ret;
	ret = own_record_read(pod, &store, &old, err);
	if (ret < 0)
		return ret;
	record = old;
	if (ports) {
		record.ports = ports->mappings;
		record.masq_all = ports->masq_all;
	}
	record.port_turn = turn;
	return store_record_write(&store, &record, err);
}

int ipam_record_write_ports(const struct ipam_env *env, const struct pod *pod,
			    uint32_t turn, struct cni_error *err)
{
	return own_ports_write(env, pod, &pod->ports, turn, err);
}

int ipam_record_write_turn(const struct ipam_env *env, const struct pod *pod,
			   uint32_t turn, struct cni_error *err)
{
	return own_ports_write(env, pod, NULL, turn, err);
}

/* Writes @change of it into the attachment's record, where that is there and says otherwise. */
static int record_change(const struct ipam_env *env, const struct pod *pod, size_t change,
			 struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	_cleanup_(record_clear) struct record record = {};
	bool *flag = (bool *)((char *)&record + change);
	int ret;

	ret = session_open(env, STORE_EXISTING, &store, err);
	if (ret < 0)
		return ret == -ENOENT && err->code == 0 ? 0 : ret;
	if (store_record_read(&store, session_hash(pod), &record) < 0 || *flag ||
	    !record_is_of(&record, env->network, pod->container_id, pod->ifname))
		return 0;
	*flag = true;
	return store_record_write(&store, &record, err);
}

int ipam_record_mark_going(const struct ipam_env *env, const struct pod *pod,
			   struct cni_error *err)
{
	return record_change(env, pod, offsetof(struct record, going), err);
}

int ipam_record_mark_apart(const struct ipam_env *env, const struct pod *pod,
			   struct cni_error *err)
{
	return record_change(env, pod, offsetof(struct record, apart), err);
}

static int release(const struct ipam_env *env, const struct pod *pod, bool *ret_last,
		   struct store *store, struct cni_error *err)
{
	_cleanup_(record_clear) struct record record = {};
	struct holder holder = session_holder(pod);
	size_t removed = 0, more = 0;
	bool own;
	int ret;

	ret = session_record(store, pod, &record, err);
	if (err->code)
		return ret;
	/* A torn one, too, is of use to nobody. */
	own = ret == -EBADMSG ||
	      (ret == 0 &&
	       record_is_of(&record, env->network, pod->container_id, pod->ifname));
	ret = store_release(store, &holder, own && ret == 0 ? &record : NULL, &removed,
			    err);
	if (table_error(&store->table) < 0 && ret == 0) {
		ret = session_reindex(store, env, err);
		if (ret == 0)
			ret = store_release(store, &holder, NULL, &more, err);
	}
	/* The record last: where this ends early, it says what is left to do. */
	if (ret == 0 && own)
		ret = store_record_remove(store, session_hash(pod), err);
	/* Also by the second DEL: the first one may have ended here. */
	if (ret == 0)
		*ret_last = session_was_last(store, env->bridge);
	store_tidy(store);
	if (removed + more > 0)
		index_save(store);
	return ret;
}

int ipam_release(const struct ipam_env *env, const struct pod *pod, bool *ret_last,
		 struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	int ret;

	ret = session_open(env, STORE_EXISTING, &store, err);
	if (ret < 0)
		return ret == -ENOENT && err->code == 0 ? 0 : ret;
	ret = session_index(&store, env, err);
	return ret == 0 ? release(env, pod, ret_last, &store, err) : ret;
}
