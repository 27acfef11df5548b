/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The three operations on an attachment's addresses, each with the store locked once.
 * Which files that touches is store.h's, which address is next allocator.h's.
 */
#include "ipam.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "allocator.h"
#include "resolv_conf.h"
#include "store.h"

bool ipam_in_process(const struct net_conf *conf)
{
	return conf->ipam.type && strcmp(conf->ipam.type, "host-local") == 0;
}

static struct owner owner_of(const struct attachment *att)
{
	return (struct owner){att->env.container_id, att->env.ifname};
}

static int open_store(const struct attachment *att, enum store_mode mode,
		      struct store *ret_store, struct cni_error *err)
{
	return store_open(att->conf.ipam.data_dir, att->conf.name, mode,
			  STORE_LOCK_WAIT_MS, ret_store, err);
}

/* An address that somebody asked for and the set that it is in. */
struct request {
	struct ip_addr ip; /* family 0: nobody did */
	size_t set;
};

static int find_request(const struct attachment *att, struct request *ret_request,
			struct cni_error *err)
{
	struct request request = {.ip = att->env.args.ip};
	int r;

	if (ip_is_v4_mapped(&request.ip)) {
		/* To host-local, as to Go, it is the IPv4 address. */
		memmove(request.ip.bytes, request.ip.bytes + 12, 4);
		memset(request.ip.bytes + 4, 0, 12);
		request.ip.family = AF_INET;
	}
	if (request.ip.family != 0) {
		r = allocator_find_set(&att->conf.ipam.sets, "CNI_ARGS IP", &request.ip,
				       &request.set, err);
		if (r < 0)
			return r;
	}
	*ret_request = request;
	return 0;
}

static int refuse_second(const struct store *store, const struct owner *owner,
			 struct cni_error *err)
{
	struct ip_addr ip;
	int r;

	r = store_find(store, owner, &ip, err);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return error_set(err, CNI_ERR_EXISTS, EEXIST,
			 "%s has been allocated to %s/%s: an interface is added to a "
			 "network once, and deleted before it is added again",
			 IP_TEXT(&ip), owner->container_id, owner->ifname);
}

static void give_back(const struct store *store, const struct ip_config *ips, size_t n,
		      struct cni_error *err)
{
	while (n-- > 0) {
		struct cni_error undo = {};

		if (store_remove(store, &ips[n].address.addr, &undo) < 0)
			error_details(err, "not given back: %s", undo.msg);
	}
}

/* One address of every set into @ips, all or none. */
static int reserve_all(const struct attachment *att, const struct request *request,
		       struct ip_config *ips, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	const struct range_set_list *sets = &att->conf.ipam.sets;
	struct owner owner = owner_of(att);
	int r;

	r = open_store(att, STORE_CREATE, &store, err);
	if (r < 0)
		return r;
	r = refuse_second(&store, &owner, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sets->n; i++) {
		bool requested = request->ip.family != 0 && request->set == i;

		r = allocator_reserve(&store, sets, i, &owner,
				      requested ? &request->ip : NULL, &ips[i], err);
		if (r < 0) {
			give_back(&store, ips, i, err);
			return r;
		}
	}
	return 0;
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

int ipam_reserve(struct attachment *att, struct cni_error *err)
{
	_cleanup_(cni_result_clear) struct cni_result result = {};
	_cleanup_(free_p) char *text = NULL;
	const struct ipam_conf *conf = &att->conf.ipam;
	struct request request;
	int r;

	if (conf->sets.n == 0)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "ipam.ranges: no range set, and no ipam.subnet");
	/* All that can fail without the store comes before it. */
	r = find_request(att, &request, err);
	if (r < 0)
		return r;
	r = fill_from_conf(conf, &result, &text, err);
	if (r < 0)
		return r;
	result.ips.items = calloc(conf->sets.n, sizeof(struct ip_config));
	if (!result.ips.items)
		return error_oom(err);
	result.ips.n = conf->sets.n;
	r = reserve_all(att, &request, result.ips.items, err);
	if (r < 0)
		return r;

	att->ipam = result;
	result = (struct cni_result){};
	att->resolv_text = TAKE_PTR(text);
	return 0;
}

int ipam_release(struct attachment *att, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct owner owner = owner_of(att);
	int r;

	r = open_store(att, STORE_EXISTING, &store, err);
	if (r < 0)
		return r == -ENOENT && err->code == 0 ? 0 : r;
	return store_release(&store, &owner, err);
}

static int check_address(const struct store *store, const struct ip_addr *ip,
			 const struct owner *owner, struct cni_error *err)
{
	struct owner_text text = {};
	int r;

	r = store_owner_of(store, ip, &text);
	if (r == 0 && owner_match(&text, owner) != OWNER_OTHER)
		return 0;
	return error_set(err, CNI_ERR_CHECK, ENOENT,
			 "%s is reserved for %s, expected: %s/%s (%s/%s)", IP_TEXT(ip),
			 r == -ENOENT ? "nobody"
			 : r < 0      ? "something that can't be read"
				      : OWNER_TEXT(&text),
			 owner->container_id, owner->ifname, store->path, IP_TEXT(ip));
}

static int open_store_to_check(const struct attachment *att, struct store *ret_store,
			       struct cni_error *err)
{
	int r = open_store(att, STORE_EXISTING, ret_store, err);

	if (r == -ENOENT && err->code == 0)
		return error_set(err, CNI_ERR_CHECK, ENOENT,
				 "no address is reserved: there is no %s/%s",
				 att->conf.ipam.data_dir, att->conf.name);
	return r;
}

int ipam_check(struct attachment *att, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct owner owner = owner_of(att);
	int r;

	r = open_store_to_check(att, &store, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < att->ipam.ips.n; i++) {
		r = check_address(&store, &att->ipam.ips.items[i].address.addr, &owner,
				  err);
		if (r < 0)
			return r;
	}
	return 0;
}

int ipam_check_any(struct attachment *att, struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct owner owner = owner_of(att);
	struct ip_addr ip;
	int r;

	r = open_store_to_check(att, &store, err);
	if (r == 0)
		r = store_find(&store, &owner, &ip, err);
	if (r == -ENOENT && err->code == 0)
		return error_set(err, CNI_ERR_CHECK, ENOENT,
				 "no address is reserved for %s/%s in %s",
				 owner.container_id, owner.ifname, store.path);
	return r;
}
