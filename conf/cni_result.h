/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A CNI result as plain C data, for any version of the specification: interfaces,
 * addresses, routes, dns. prev_result.h and answer.h read results, result.h prints them.
 */
#ifndef BRIDGE_CNI_CONF_CNI_RESULT_H
#define BRIDGE_CNI_CONF_CNI_RESULT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conf/base/addr.h"

struct json_type;

struct string_list {
	const char **items;
	size_t n;
};

struct dns {
	struct string_list nameservers;
	const char *domain; /* NULL: absent */
	struct string_list search;
	struct string_list options;
};

/* A route of an IPAM configuration or of a result. 0: absent, unless said otherwise. */
struct route {
	struct ip_prefix dst;
	struct ip_addr gw; /* family 0: none given */
	uint32_t mtu; /* bytes */
	uint32_t advmss; /* bytes */
	uint32_t priority; /* metric */
	bool table_set, scope_set;
	uint32_t table;
	uint8_t scope; /* RT_SCOPE_* */
};

struct route_list {
	struct route *items;
	size_t n;
};

/* An entry of a result's "interfaces". Strings "" and 0 where absent. */
struct interface {
	const char *name;
	const char *mac;
	uint32_t mtu;
	const char *sandbox; /* NULL or "": on the node */
	const char *socket_path;
	const char *pci_id;
};

/* An entry of a result's "ips". */
struct ip_config {
	struct ip_prefix address;
	struct ip_addr gateway; /* family 0: none */
	int interface; /* index into interfaces, -1: none */
};

/* A CNI result of any version; arrays owned, strings borrowed. */
struct cni_result {
	struct {
		struct interface *items;
		size_t n;
	} interfaces;
	struct {
		struct ip_config *items;
		size_t n;
	} ips;
	struct route_list routes;
	struct dns dns;
};

bool dns_is_set(const struct dns *dns);

/* Frees the arrays; a structure of zeros is fine. */
void dns_clear(struct dns *dns);
void cni_result_clear(struct cni_result *result);

/* The type of struct dns, for tables of keys (json/json_table.h). */
extern const struct json_type dns_type;
/*
 * The type of a struct route_list in a configuration. An IPv4 destination with host bits
 * is refused, as the kernel would refuse it; an IPv6 one is masked, as the kernel masks
 * it (the reference hands both on as they are). The gateway must be of the destination's
 * family.
 */
extern const struct json_type conf_routes_type;
/* The type of a struct route_list in a result. As others have made it, it is taken as it
 * is, but destinations are masked. */
extern const struct json_type result_routes_type;

#endif
