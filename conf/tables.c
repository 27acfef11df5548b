/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the configuration and results have in common: addresses, routes, dns. */
#include "tables.h"

#include <string.h>
#include <sys/socket.h>

const struct json_type text_type = {.kind = JSON_TEXT};
const struct json_type bool_type = {.kind = JSON_BOOL};
const struct json_type u32_type = {.kind = JSON_U32, .max = UINT32_MAX};
const struct json_type ip_type = {.kind = JSON_IP};
const struct json_type prefix_type = {.kind = JSON_PREFIX};

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

const struct json_type ipam_timeout_type = {
	.kind = JSON_U32,
	.min = 1,
	.max = IPAM_TIMEOUT_MAX,
	.or_zero = true,
};

/* It is looked for in the directories of CNI_PATH, and nowhere else. */
static int ipam_type_check(void *value, const struct json_path *path,
			   struct cni_error *err)
{
	const char *type = *(const char **)value;

	if (!strchr(type, '/'))
		return 0;
	return json_error(path, NULL, err,
			  "\"%s\" has a '/', expected the name of an IPAM plugin in a "
			  "directory of CNI_PATH",
			  type);
}

static const struct json_type ipam_type_type = {
	.kind = JSON_TEXT,
	.check = ipam_type_check,
};

/* Of ipam only the type: what else it has is for the IPAM of that type to judge. */
static const struct json_field ipam_fields[] = {
	FIELD(struct ipam_conf, type, "type", &ipam_type_type),
};
const struct json_type ipam_type = OBJECT(ipam_fields);

/* To Go, and so to host-local, an IPv4-mapped IPv6 address is the IPv4 address. */
static int ip_request_check(void *value, const struct json_path *path,
			    struct cni_error *err)
{
	struct ip_request *request = value;
	struct ip_prefix prefix;

	if (ip_parse(request->text, &prefix.addr) < 0 &&
	    prefix_parse(request->text, &prefix) < 0)
		return json_error(path, NULL, err,
				  "\"%s\" is not an IP address, expected 10.1.2.3 or "
				  "10.1.2.3/24, for example",
				  request->text);
	request->ip = ip_unmap(&prefix.addr);
	return 0;
}

static const struct json_type ip_request_type = {
	.kind = JSON_TEXT,
	.check = ip_request_check,
};

const struct json_type ip_requests_type = {
	.kind = JSON_LIST,
	.max = IP_REQUESTS_MAX,
	.item = &ip_request_type,
	.item_size = sizeof(struct ip_request),
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
