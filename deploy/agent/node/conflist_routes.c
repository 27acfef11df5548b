/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys that routes get besides are laid over the list, entry by entry: an entry {}
 * changes nothing. */
#include "conflist_routes.h"

#include <string.h>
#include <sys/socket.h>

#include "conf/cni_result.h"
#include "conf/json/json_doc.h"
#include "conf/json/json_overlay.h"
#include "conf/json/json_query.h"
#include "conf/json/json_table.h"
#include "conf/json/json_write.h"

/* Headers of IP and TCP without options, in bytes. */
#define HEADERS4 40
#define HEADERS6 60

/* The parts of the first plugin's configuration that the list has so far. */
struct first {
	uint32_t mtu; /* 0: the uplink's */
	bool default_gateway;
	struct route_list routes;
};

static const struct json_field ipam_fields[] = {
	FIELD(struct first, routes, "routes", &conf_routes_type),
};
static const struct json_type ipam_type = OBJECT(ipam_fields);
static const struct json_field first_fields[] = {
	FIELD(struct first, mtu, "mtu", &u32_type),
	FIELD(struct first, default_gateway, "isDefaultGateway", &bool_type),
	{.key = "ipam", .type = &ipam_type},
};
static const struct json_type first_type = OBJECT(first_fields);

static void first_clear(struct first *first)
{
	json_clear(&first_type, first);
}

static int first_read(const struct json_doc *list, struct first *ret_first,
		      struct cni_error *err)
{
	static const char *const no_keys[] = {NULL};
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	_cleanup_(free_p) char *text = json_entry_text(list, "plugins", 0, no_keys);
	int ret = text ? json_parse(text, strlen(text), &doc, err) : error_oom(err);

	if (ret == 0)
		ret = json_read(doc, &first_type, ret_first, err);
	if (ret < 0)
		error_wrap(err, "plugins[0]");
	return ret;
}

static uint32_t segment_of(uint32_t mtu, int family)
{
	return mtu - (family == AF_INET ? HEADERS4 : HEADERS6);
}

static bool stays_on_node(const struct route *route, const struct ip_prefix *cidrs)
{
	for (int i = 0; i < IP_FAMILIES; i++)
		if (cidrs[i].addr.family == route->dst.addr.family &&
		    route->dst.len >= cidrs[i].len &&
		    prefix_contains(&cidrs[i], &route->dst.addr))
			return true;
	return false;
}

/* A route that has a smaller MTU already keeps what it says. */
static void put_limits(struct json_writer *w, const struct route *route,
		       const struct ip_prefix *cidrs, uint32_t mtu)
{
	uint32_t segment = segment_of(mtu, route->dst.addr.family);

	if ((route->mtu && route->mtu <= mtu) || stays_on_node(route, cidrs))
		return;
	json_number(w, "mtu", mtu);
	if (!route->advmss || route->advmss > segment)
		json_number(w, "advmss", segment);
}

static bool has_default(const struct route_list *routes, int family)
{
	for (size_t i = 0; i < routes->n; i++)
		if (routes->items[i].dst.addr.family == family &&
		    prefix_is_default(&routes->items[i].dst))
			return true;
	return false;
}

static void put_routes(struct json_writer *w, const struct first *first,
		       const struct ip_prefix *cidrs, uint32_t mtu)
{
	const struct route_list *routes = &first->routes;

	json_open(w, "routes", '[');
	for (size_t i = 0; i < routes->n; i++) {
		json_open(w, NULL, '{');
		put_limits(w, &routes->items[i], cidrs, mtu);
		json_close(w, '}');
	}
	for (int i = 0; first->default_gateway && i < IP_FAMILIES; i++) {
		const struct route route = {.dst.addr.family = cidrs[i].addr.family};

		if (!cidrs[i].addr.family || has_default(routes, cidrs[i].addr.family))
			continue;
		json_open(w, NULL, '{');
		json_text(w, "dst", PREFIX_TEXT(&route.dst));
		put_limits(w, &route, cidrs, mtu);
		json_close(w, '}');
	}
	json_close(w, ']');
}

int conflist_routes_limit(struct json_doc *list, const struct ip_prefix *cidrs,
			  uint32_t mtu, struct cni_error *err)
{
	_cleanup_(first_clear) struct first first = {};
	_cleanup_(json_doc_freep) struct json_doc *over = NULL;
	_cleanup_(free_p) char *text = NULL;
	struct json_writer w = {};
	int ret = first_read(list, &first, err);

	if (ret < 0)
		return ret;
	if ((first.mtu && first.mtu <= mtu) ||
	    (!first.default_gateway && !first.routes.n))
		return 0;
	json_open(&w, NULL, '{');
	json_open(&w, "plugins", '[');
	json_open(&w, NULL, '{');
	json_open(&w, "ipam", '{');
	put_routes(&w, &first, cidrs, mtu);
	json_close(&w, '}');
	json_close(&w, '}');
	json_close(&w, ']');
	json_close(&w, '}');
	text = json_finish(&w);
	ret = text ? json_parse(text, strlen(text), &over, err) : error_oom(err);
	return ret < 0 ? ret : json_overlay(list, over, err);
}
