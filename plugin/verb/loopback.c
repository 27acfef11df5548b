/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Works on lo in the container's network namespace. The kernel gives lo its addresses when
 * it is set up. */
#include "loopback.h"

#include <errno.h>

#include "conf/result.h"
#include "plugin/netlink/addr.h"
#include "plugin/netlink/link.h"

#define LO     "lo"
#define LO_MAC "00:00:00:00:00:00"

/* Opens the container's network namespace, and finds lo in it. */
static int lo_open(struct attachment *att, struct link *ret_lo, struct cni_error *err)
{
	int ret = attachment_open_pod(att, err);

	if (ret == 0)
		ret = link_get(att->pod_ns.rtnl, LO, ret_lo, err);
	if (ret == 0 && !ret_lo->index)
		ret = error_set(err, CNI_ERR_KERNEL, ENODEV,
				"the container's network namespace has no interface " LO);
	return ret;
}

static int lo_set(struct attachment *att, const struct link *lo, bool up,
		  struct cni_error *err)
{
	if (up)
		queue_link_up(att->pod_ns.rtnl, lo->index, LO);
	else
		queue_link_down(att->pod_ns.rtnl, lo->index, LO);
	return netlink_commit(att->pod_ns.rtnl, err);
}

/* Adds the first address of the family to the attachment's result, and looks at all of
 * them. */
static int addresses_add(struct attachment *att, const struct link *lo, int family,
			 struct cni_error *err)
{
	_cleanup_(addr_list_clear) struct addr_list list = {};
	struct cni_result *result = &att->ipam;
	int ret = addr_list_get(att->pod_ns.rtnl, lo->index, family, &list, err);

	for (size_t i = 0; ret == 0 && i < list.n; i++)
		if (!ip_is_loopback(&list.items[i].addr))
			ret = error_set(err, CNI_ERR_EXISTS, EADDRINUSE,
					LO " has the address %s, which is no loopback "
					   "address: remove it",
					PREFIX_TEXT(&list.items[i]));
	if (ret == 0 && list.n > 0)
		result->ips.items[result->ips.n++] = (struct ip_config){
			.address = list.items[0],
		};
	return ret;
}

/* Makes the result: lo, and its addresses, which are those of the only interface. */
static int result_make(struct attachment *att, const struct link *lo,
		       struct cni_error *err)
{
	struct cni_result *result = &att->ipam;
	int ret = 0;

	result->interfaces.items = calloc(1, sizeof(*result->interfaces.items));
	result->ips.items = calloc(IP_FAMILIES, sizeof(*result->ips.items));
	if (!result->interfaces.items || !result->ips.items)
		return error_oom(err);
	result->interfaces.items[result->interfaces.n++] = (struct interface){
		.name = LO,
		.mac = LO_MAC,
		.sandbox = att->pod->netns,
	};
	for (int i = 0; ret == 0 && i < IP_FAMILIES; i++)
		ret = addresses_add(att, lo, ip_families[i], err);
	return ret;
}

/* Up to 0.2.0 a result has nothing but addresses, and libcni takes one without any for an
 * error. */
static int result_print(const struct attachment *att, answer_fn print,
			struct cni_error *err)
{
	const struct cni_result *result = att->pod->has_prev_result
						  ? &att->pod->prev_result
						  : &att->ipam;
	enum cni_version version = att->network->version;
	_cleanup_(free_p) char *text = NULL;

	if (version < CNI_0_3_0 && result->ips.n == 0)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "cniVersion: %s has no answer without an address, and "
				 "%s has none",
				 cni_version_names[version],
				 result == &att->ipam ? LO : "prevResult");
	text = result_text(result, version);
	return text ? print(text, err) : error_oom(err);
}

static int add(struct attachment *att, answer_fn print, struct cni_error *err)
{
	struct link lo = {};
	int ret = lo_open(att, &lo, err);

	if (ret < 0)
		return ret;
	ret = lo_set(att, &lo, true, err);
	if (ret == 0)
		ret = result_make(att, &lo, err);
	if (ret == 0)
		ret = result_print(att, print, err);
	if (ret < 0 && !lo.up) {
		struct cni_error undo_err = {};

		if (lo_set(att, &lo, false, &undo_err) < 0)
			error_details(err, "undoing it failed, too: %s", undo_err.msg);
	}
	return ret;
}

int loopback_verb_add(struct attachment *att, answer_fn print, struct cni_error *err)
{
	int ret = operation_open(att->op, err);

	if (ret == 0)
		ret = add(att, print, err);
	operation_close(att->op);
	return ret;
}

/* Is there a network namespace at the path? Also true where that can't be told. */
static bool has_namespace(const char *path)
{
	_cleanup_(close_p) int fd = -1;
	int ret = pod_ns_open_fd(path, &fd);

	return ret != -ENOENT && ret != -ENOTDIR && ret != -EMEDIUMTYPE;
}

static int del(struct attachment *att, struct cni_error *err)
{
	struct cni_error own = {};
	struct link lo = {};
	int ret = lo_open(att, &lo, &own);

	if (ret == 0)
		ret = lo_set(att, &lo, false, &own);
	/* It may also have ended since it was opened. */
	if (ret == 0 || !has_namespace(att->pod->netns))
		return 0;
	error_copy(err, &own);
	return ret;
}

int loopback_verb_del(struct attachment *att, struct cni_error *err)
{
	return att->pod->netns[0] ? attachment_run(att, del, err) : 0;
}

static int check(struct attachment *att, struct cni_error *err)
{
	struct link lo = {};
	int ret = lo_open(att, &lo, err);

	if (ret == 0 && !lo.up)
		ret = error_set(err, CNI_ERR_CHECK, ENETDOWN, LO " is down");
	for (int i = 0; ret == 0 && i < IP_FAMILIES; i++) {
		_cleanup_(addr_list_clear) struct addr_list list = {};

		ret = addr_list_get(att->pod_ns.rtnl, lo.index, ip_families[i], &list,
				    err);
		for (size_t j = 0; ret == 0 && j < list.n; j++)
			if (ip_is_loopback(&list.items[j].addr))
				return 0;
	}
	return ret < 0 ? ret
		       : error_set(err, CNI_ERR_CHECK, EADDRNOTAVAIL,
				   LO " has no loopback address, expected 127.0.0.1/8 or "
				      "::1/128");
}

int loopback_verb_check(struct attachment *att, struct cni_error *err)
{
	return attachment_run(att, check, err);
}

int loopback_verb_status(struct attachment *att, struct cni_error *err)
{
	(void)att;
	(void)err;
	return 0;
}

int loopback_verb_gc(struct attachment *att, const struct valid_set *valid,
		     struct cni_error *err)
{
	(void)att;
	(void)valid;
	(void)err;
	return 0;
}
