/* SPDX-License-Identifier: GPL-2.0-or-later */
/* CHECK's part: are the addresses reserved for the attachment? */
#include <errno.h>

#include "session.h"
#include "ipam/store/owner.h"

static bool is_of_the_network(const struct range_set_list *sets, const struct ip_addr *ip)
{
	for (size_t i = 0; i < sets->n; i++)
		for (size_t k = 0; k < sets->items[i].n; k++)
			if (prefix_contains(&sets->items[i].ranges[k].subnet, ip))
				return true;
	return false;
}

static int check_address(const struct network *network, const struct store *store,
			 const struct ip_addr *ip, const struct owner *owner,
			 struct cni_error *err)
{
	struct owner_text text = {};
	int r;

	r = store_owner_of(store, ip, &text);
	/* A later plugin of the chain may have added addresses of its own. */
	if (r == -ENOENT && !is_of_the_network(&network->ipam.sets, ip))
		return 0;
	if (r == 0 && owner_match(&text, owner) != OWNER_OTHER)
		return 0;
	return error_set(err, CNI_ERR_CHECK, ENOENT,
			 "%s is reserved for %s, expected: %s/%s (%s/%s)", IP_TEXT(ip),
			 r == -ENOENT ? "nobody"
			 : r < 0      ? "something that can't be read"
				      : OWNER_TEXT(&text),
			 owner->container_id, owner->ifname, store->path, IP_TEXT(ip));
}

static int open_store_to_check(const struct ipam_env *env, struct store *ret_store,
			       struct cni_error *err)
{
	int r = session_open(env, STORE_EXISTING, ret_store, err);

	if ((r == 0 && ret_store->dir_fd < 0) || (r == -ENOENT && err->code == 0))
		return error_set(err, CNI_ERR_CHECK, ENOENT,
				 "no address is reserved: there is no %s/%s",
				 env->data_dir, env->network);
	return r;
}

int ipam_check(const struct ipam_env *env, const struct pod *pod,
	       const struct network *network, const struct cni_result *expected,
	       struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct owner owner = session_owner(pod);
	int r;

	r = open_store_to_check(env, &store, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < expected->ips.n; i++) {
		r = check_address(network, &store, &expected->ips.items[i].address.addr,
				  &owner, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int ipam_check_any(const struct ipam_env *env, const struct pod *pod,
		   struct cni_error *err)
{
	_cleanup_(store_close) struct store store = STORE_CLOSED;
	struct owner owner = session_owner(pod);
	struct ip_addr ip;
	int r;

	r = open_store_to_check(env, &store, err);
	if (r == 0)
		r = session_index(&store, env, err);
	if (r == 0)
		r = store_find(&store, &owner, &ip, err);
	if (r == 0)
		return error_set(err, CNI_ERR_CHECK, ENOENT,
				 "no address is reserved for %s/%s in %s",
				 owner.container_id, owner.ifname, store.path);
	return r < 0 ? r : 0;
}
