/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads a result: prevResult, or one that another plugin printed. The keys show the
 * version of its shape: "ip4" and "ip6" (up to 0.2.0), or "interfaces" and "ips". Unknown
 * and newer keys are left out.
 */
#include "prev_result.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/json/json_table.h"

#define RESULT_ENTRIES_MAX 1024 /* interfaces, and ips */

struct read_ip {
	struct ip_prefix address;
	struct ip_addr gateway;
	bool interface_set;
	uint32_t interface;
};

/* An entry ip4 or ip6. */
struct read_old_ip {
	bool set;
	struct ip_prefix ip;
	struct ip_addr gateway;
	struct route_list routes;
};

struct read_result {
	struct {
		struct interface *items;
		size_t n;
	} interfaces;
	struct {
		struct read_ip *items;
		size_t n;
	} ips;
	struct route_list routes;
	struct dns dns;
	struct read_old_ip ip4, ip6;
};

struct read_root {
	struct read_result result;
	bool set;
};

static const struct json_type mtu_type = {.kind = JSON_U32, .max = UINT32_MAX};

static const struct json_field interface_fields[] = {
	FIELD(struct interface, name, "name", &text_type),
	FIELD(struct interface, mac, "mac", &text_type),
	FIELD(struct interface, mtu, "mtu", &mtu_type),
	FIELD(struct interface, sandbox, "sandbox", &text_type),
	FIELD(struct interface, socket_path, "socketPath", &text_type),
	FIELD(struct interface, pci_id, "pciID", &text_type),
};

static int interface_check(void *value, const struct json_path *path,
			   struct cni_error *err)
{
	struct interface *interface = value;
	const char **texts[] = {&interface->name, &interface->mac, &interface->sandbox,
				&interface->socket_path, &interface->pci_id};

	(void)path;
	(void)err;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!*texts[i])
			*texts[i] = "";
	}
	return 0;
}

static const struct json_type interface_type = {
	.kind = JSON_OBJECT,
	.fields = interface_fields,
	.n_fields = ARRAY_SIZE(interface_fields),
	.check = interface_check,
};

static const struct json_type interfaces_type = {
	.kind = JSON_LIST,
	.max = RESULT_ENTRIES_MAX,
	.item = &interface_type,
	.item_size = sizeof(struct interface),
};

static const struct json_type index_type = {.kind = JSON_U32, .max = INT_MAX};

static const struct json_field ip_fields[] = {
	FIELD_REQUIRED(struct read_ip, address, "address", &prefix_type),
	FIELD(struct read_ip, gateway, "gateway", &ip_type),
	FIELD_SET(struct read_ip, interface, interface_set, "interface", &index_type),
};

static const struct json_type ip_config_type = OBJECT(ip_fields);

static const struct json_type ips_type = {
	.kind = JSON_LIST,
	.max = RESULT_ENTRIES_MAX,
	.item = &ip_config_type,
	.item_size = sizeof(struct read_ip),
};

static const struct json_field old_ip_fields[] = {
	FIELD_REQUIRED(struct read_old_ip, ip, "ip", &prefix_type),
	FIELD(struct read_old_ip, gateway, "gateway", &ip_type),
	FIELD(struct read_old_ip, routes, "routes", &result_routes_type),
};

static const struct json_type old_ip_type = OBJECT(old_ip_fields);

/* Checks that the interface of each address is one of the interfaces. */
static int result_check(void *value, const struct json_path *path, struct cni_error *err)
{
	const struct read_result *result = value;

	for (size_t i = 0; i < result->ips.n; i++) {
		const struct read_ip *ip = &result->ips.items[i];
		struct json_path ips = {.parent = path, .key = "ips"};
		struct json_path at = {.parent = &ips, .index = i};

		if (ip->interface_set && ip->interface >= result->interfaces.n)
			return json_error(&at, "interface", err,
					  "%u is not an index into interfaces, which has "
					  "%zu entries",
					  ip->interface, result->interfaces.n);
	}
	return 0;
}

static const struct json_field result_fields[] = {
	FIELD(struct read_result, interfaces, "interfaces", &interfaces_type),
	FIELD(struct read_result, ips, "ips", &ips_type),
	FIELD(struct read_result, routes, "routes", &result_routes_type),
	FIELD(struct read_result, dns, "dns", &dns_type),
	FIELD_SET(struct read_result, ip4, ip4.set, "ip4", &old_ip_type),
	FIELD_SET(struct read_result, ip6, ip6.set, "ip6", &old_ip_type),
};

static const struct json_type result_type = {
	.kind = JSON_OBJECT,
	.fields = result_fields,
	.n_fields = ARRAY_SIZE(result_fields),
	.check = result_check,
};

static const struct json_field root_fields[] = {
	FIELD_SET(struct read_root, result, set, "prevResult", &result_type),
};

static const struct json_type root_type = OBJECT(root_fields);

static void read_root_clear(struct read_root *root)
{
	json_clear(&root_type, root);
}

static void read_result_clear(struct read_result *result)
{
	json_clear(&result_type, result);
}

static void add_ip(struct cni_result *result, const struct ip_prefix *address,
		   const struct ip_addr *gateway, int interface)
{
	result->ips.items[result->ips.n++] = (struct ip_config){
		.address = *address,
		.gateway = *gateway,
		.interface = interface,
	};
}

/* The addresses of both shapes in one list. */
static int take_ips(struct read_result *from, struct cni_result *result)
{
	const struct read_old_ip *old[] = {&from->ip4, &from->ip6};
	size_t n = from->ips.n + ARRAY_SIZE(old);

	result->ips.items = calloc(n, sizeof(*result->ips.items));
	if (!result->ips.items)
		return -ENOMEM;
	for (size_t i = 0; i < from->ips.n; i++) {
		const struct read_ip *ip = &from->ips.items[i];

		add_ip(result, &ip->address, &ip->gateway,
		       ip->interface_set ? (int)ip->interface : -1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(old); i++) {
		if (old[i]->set)
			add_ip(result, &old[i]->ip, &old[i]->gateway, -1);
	}
	return 0;
}

/* The routes of both shapes in one list. */
static int take_routes(struct read_result *from, struct cni_result *result)
{
	const struct route_list *lists[] = {&from->routes, &from->ip4.routes,
					    &from->ip6.routes};
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		n += lists[i]->n;
	if (n == 0)
		return 0;
	result->routes.items = calloc(n, sizeof(*result->routes.items));
	if (!result->routes.items)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		for (size_t j = 0; j < lists[i]->n; j++)
			result->routes.items[result->routes.n++] = lists[i]->items[j];
	}
	return 0;
}

static int take_result(struct read_result *from, struct cni_result *ret_result,
		       struct cni_error *err)
{
	_cleanup_(cni_result_clear) struct cni_result result = {};

	if (take_ips(from, &result) < 0 || take_routes(from, &result) < 0)
		return error_oom(err);
	result.interfaces.n = from->interfaces.n;
	result.interfaces.items = TAKE_PTR(from->interfaces.items);
	from->interfaces.n = 0;
	result.dns = from->dns;
	from->dns = (struct dns){};
	*ret_result = result;
	result = (struct cni_result){};
	return 0;
}

int prev_result_read(const struct json_doc *doc, bool *ret_has,
		     struct cni_result *ret_result, struct cni_error *err)
{
	_cleanup_(read_root_clear) struct read_root root = {};
	int ret;

	ret = json_read(doc, &root_type, &root, err);
	if (ret == 0 && root.set)
		ret = take_result(&root.result, ret_result, err);
	if (ret == 0)
		*ret_has = root.set;
	return ret;
}

int result_read(const struct json_doc *doc, struct cni_result *ret_result,
		struct cni_error *err)
{
	_cleanup_(read_result_clear) struct read_result result = {};
	int ret;

	ret = json_read(doc, &result_type, &result, err);
	return ret < 0 ? ret : take_result(&result, ret_result, err);
}

int result_families_check(const struct cni_result *result, struct cni_error *err)
{
	for (size_t i = 0; i < result->ips.n; i++) {
		const struct ip_config *ip = &result->ips.items[i];

		if (ip->gateway.family && ip->gateway.family != ip->address.addr.family)
			return error_set(err, CNI_ERR_CONFIG, EINVAL,
					 "gateway: %s is not of the same family as the "
					 "address %s",
					 IP_TEXT(&ip->gateway),
					 PREFIX_TEXT(&ip->address));
	}
	for (size_t i = 0; i < result->routes.n; i++) {
		const struct route *route = &result->routes.items[i];

		if (route->gw.family && route->gw.family != route->dst.addr.family)
			return error_set(err, CNI_ERR_CONFIG, EINVAL,
					 "gw: %s is not of the same family as the "
					 "destination %s",
					 IP_TEXT(&route->gw), PREFIX_TEXT(&route->dst));
	}
	return 0;
}
