/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The shapes of what is printed, with keys in the order of the reference library's
 * structures (containernetworking/cni pkg/types 020, 040, 100). What stands in a result
 * is plugin's.
 */
#include "result.h"

#include <sys/socket.h>

#include "conf/json/json_write.h"

static void write_list(struct json_writer *writer, const char *key,
		       const struct string_list *list)
{
	if (list->n == 0)
		return;
	json_open(writer, key, '[');
	for (size_t i = 0; i < list->n; i++)
		json_text(writer, NULL, list->items[i]);
	json_close(writer, ']');
}

static void write_dns(struct json_writer *writer, const struct dns *dns)
{
	json_open(writer, "dns", '{');
	write_list(writer, "nameservers", &dns->nameservers);
	json_text_if(writer, "domain", dns->domain);
	write_list(writer, "search", &dns->search);
	write_list(writer, "options", &dns->options);
	json_close(writer, '}');
}

static void write_route(struct json_writer *writer, const struct route *route,
			enum cni_version version)
{
	json_open(writer, NULL, '{');
	json_text(writer, "dst", PREFIX_TEXT(&route->dst));
	json_text_if(writer, "gw", IP_TEXT(&route->gw));
	if (version >= CNI_1_1_0) {
		json_number_if(writer, "mtu", route->mtu);
		json_number_if(writer, "advmss", route->advmss);
		json_number_if(writer, "priority", route->priority);
		if (route->table_set)
			json_number(writer, "table", route->table);
		if (route->scope_set)
			json_number(writer, "scope", route->scope);
	}
	json_close(writer, '}');
}

/* The routes of @family, or with 0 all of them. */
static void write_routes(struct json_writer *writer, const struct route_list *routes,
			 int family, enum cni_version version)
{
	bool open = false;

	for (size_t i = 0; i < routes->n; i++) {
		const struct route *route = &routes->items[i];

		if (family && route->dst.addr.family != family)
			continue;
		if (!open)
			json_open(writer, "routes", '[');
		open = true;
		write_route(writer, route, version);
	}
	if (open)
		json_close(writer, ']');
}

/* Writes the first address of the family, if there is one, and its routes, as versions up
 * to 0.2.0 have them. */
static void write_old_ip(struct json_writer *writer, const char *key, int family,
			 const struct cni_result *result, enum cni_version version)
{
	for (size_t i = 0; i < result->ips.n; i++) {
		const struct ip_config *ip = &result->ips.items[i];

		if (ip->address.addr.family != family)
			continue;
		json_open(writer, key, '{');
		json_text(writer, "ip", PREFIX_TEXT(&ip->address));
		json_text_if(writer, "gateway", IP_TEXT(&ip->gateway));
		write_routes(writer, &result->routes, family, version);
		json_close(writer, '}');
		return;
	}
}

static void write_interfaces(struct json_writer *writer, const struct cni_result *result,
			     enum cni_version version)
{
	if (result->interfaces.n == 0)
		return;
	json_open(writer, "interfaces", '[');
	for (size_t i = 0; i < result->interfaces.n; i++) {
		const struct interface *interface = &result->interfaces.items[i];
		bool newer = version >= CNI_1_1_0;

		json_open(writer, NULL, '{');
		json_text(writer, "name", interface->name ? interface->name : "");
		json_text_if(writer, "mac", interface->mac);
		json_number_if(writer, "mtu", newer ? interface->mtu : 0);
		json_text_if(writer, "sandbox", interface->sandbox);
		json_text_if(writer, "socketPath", newer ? interface->socket_path : NULL);
		json_text_if(writer, "pciID", newer ? interface->pci_id : NULL);
		json_close(writer, '}');
	}
	json_close(writer, ']');
}

static void write_ips(struct json_writer *writer, const struct cni_result *result,
		      enum cni_version version)
{
	if (result->ips.n == 0)
		return;
	json_open(writer, "ips", '[');
	for (size_t i = 0; i < result->ips.n; i++) {
		const struct ip_config *ip = &result->ips.items[i];

		json_open(writer, NULL, '{');
		if (version < CNI_1_0_0)
			json_text(writer, "version",
				  ip->address.addr.family == AF_INET ? "4" : "6");
		if (ip->interface >= 0)
			json_number(writer, "interface", ip->interface);
		json_text(writer, "address", PREFIX_TEXT(&ip->address));
		json_text_if(writer, "gateway", IP_TEXT(&ip->gateway));
		json_close(writer, '}');
	}
	json_close(writer, ']');
}

char *result_text(const struct cni_result *result, enum cni_version version)
{
	struct json_writer writer = {};

	json_open(&writer, NULL, '{');
	json_text(&writer, "cniVersion", cni_version_names[version]);
	if (version < CNI_0_3_0) {
		write_old_ip(&writer, "ip4", AF_INET, result, version);
		write_old_ip(&writer, "ip6", AF_INET6, result, version);
	} else {
		write_interfaces(&writer, result, version);
		write_ips(&writer, result, version);
		write_routes(&writer, &result->routes, 0, version);
	}
	write_dns(&writer, &result->dns);
	json_close(&writer, '}');
	return json_finish(&writer);
}

char *error_text(const struct cni_error *err, enum cni_version version)
{
	struct json_writer writer = {};

	json_open(&writer, NULL, '{');
	json_text(&writer, "cniVersion", cni_version_names[version]);
	json_number(&writer, "code", err->code);
	json_text(&writer, "msg", err->msg);
	json_text_if(&writer, "details", err->details);
	json_close(&writer, '}');
	return json_finish(&writer);
}

char *version_text(enum cni_version version)
{
	struct json_writer writer = {};

	json_open(&writer, NULL, '{');
	json_text(&writer, "cniVersion", cni_version_names[version]);
	json_open(&writer, "supportedVersions", '[');
	for (int v = 0; v < CNI_VERSIONS; v++)
		json_text(&writer, NULL, cni_version_names[v]);
	json_close(&writer, ']');
	json_close(&writer, '}');
	return json_finish(&writer);
}
