/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The JSON types of dns and routes, for configurations and for results. A route of a
 * configuration is checked, that of a result is only cut to its network. Results are
 * freed here, too. */
#include "cni_result.h"

#include <stdlib.h>
#include <sys/socket.h>

#include "conf/json/json_table.h"

#define DNS_ENTRIES_MAX 64
#define ROUTES_MAX	1024
#define ROUTE_MTU_MAX	65535

static const struct json_type dns_entries_type = {
	.kind = JSON_LIST,
	.max = DNS_ENTRIES_MAX,
	.item = &text_type,
	.item_size = sizeof(const char *),
};

static const struct json_field dns_fields[] = {
	FIELD(struct dns, nameservers, "nameservers", &dns_entries_type),
	FIELD(struct dns, domain, "domain", &text_type),
	FIELD(struct dns, search, "search", &dns_entries_type),
	FIELD(struct dns, options, "options", &dns_entries_type),
};

static int dns_check(void *value, const struct json_path *path, struct cni_error *err)
{
	struct dns *dns = value;

	(void)path;
	(void)err;
	if (dns->domain && !*dns->domain)
		dns->domain = NULL;
	return 0;
}

const struct json_type dns_type = {
	.kind = JSON_OBJECT,
	.fields = dns_fields,
	.n_fields = ARRAY_SIZE(dns_fields),
	.check = dns_check,
};

static const struct json_type route_mtu_type = {.kind = JSON_U32, .max = ROUTE_MTU_MAX};
static const struct json_type scope_type = {.kind = JSON_U8, .max = UINT8_MAX};

static const struct json_field route_fields[] = {
	FIELD_REQUIRED(struct route, dst, "dst", &prefix_type),
	FIELD(struct route, gw, "gw", &ip_type),
	FIELD(struct route, mtu, "mtu", &route_mtu_type),
	FIELD(struct route, advmss, "advmss", &route_mtu_type),
	FIELD(struct route, priority, "priority", &u32_type),
	FIELD_SET(struct route, table, table_set, "table", &u32_type),
	FIELD_SET(struct route, scope, scope_set, "scope", &scope_type),
};

static int conf_route_check(void *value, const struct json_path *path,
			    struct cni_error *err)
{
	struct route *route = value;
	struct ip_prefix network = prefix_network(&route->dst);

	if (route->dst.addr.family == AF_INET && !prefix_equal(&network, &route->dst))
		return json_error(path, "dst", err,
				  "%s has host bits set: the network is %s",
				  PREFIX_TEXT(&route->dst), PREFIX_TEXT(&network));
	if (route->gw.family && route->gw.family != route->dst.addr.family)
		return json_error(path, "gw", err,
				  "%s is not of the same family as the destination %s",
				  IP_TEXT(&route->gw), PREFIX_TEXT(&route->dst));
	route->dst = network;
	return 0;
}

static int result_route_check(void *value, const struct json_path *path,
			      struct cni_error *err)
{
	struct route *route = value;

	(void)path;
	(void)err;
	route->dst = prefix_network(&route->dst);
	return 0;
}

static const struct json_type conf_route_type = {
	.kind = JSON_OBJECT,
	.fields = route_fields,
	.n_fields = ARRAY_SIZE(route_fields),
	.check = conf_route_check,
};

static const struct json_type result_route_type = {
	.kind = JSON_OBJECT,
	.fields = route_fields,
	.n_fields = ARRAY_SIZE(route_fields),
	.check = result_route_check,
};

const struct json_type conf_routes_type = {
	.kind = JSON_LIST,
	.max = ROUTES_MAX,
	.item = &conf_route_type,
	.item_size = sizeof(struct route),
};

const struct json_type result_routes_type = {
	.kind = JSON_LIST,
	.max = ROUTES_MAX,
	.item = &result_route_type,
	.item_size = sizeof(struct route),
};

bool dns_is_set(const struct dns *dns)
{
	return dns->nameservers.n || dns->domain || dns->search.n || dns->options.n;
}

void dns_clear(struct dns *dns)
{
	json_clear(&dns_type, dns);
	dns->domain = NULL;
}

void cni_result_clear(struct cni_result *result)
{
	free(result->interfaces.items);
	free(result->ips.items);
	json_clear(&result_routes_type, &result->routes);
	dns_clear(&result->dns);
	*result = (struct cni_result){};
}
