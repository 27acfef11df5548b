/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Inside conf/: the tables that the configuration and a prevResult share, and the parts
 * that network_read() is made of.
 */
#ifndef BRIDGE_CNI_CONF_TABLES_H
#define BRIDGE_CNI_CONF_TABLES_H

#include "conf/json/json.h"
#include "pod.h"

#define DNS_ENTRIES_MAX	    64
#define ROUTES_MAX	    1024
#define RANGE_SETS_MAX	    32
#define RANGES_MAX	    128 /* of a set */
#define IP_REQUESTS_MAX	    64
#define RESULT_ENTRIES_MAX  1024 /* interfaces, and ips, of a prevResult */
#define NON_MASQUERADE_MAX  256
#define CONDITIONS_MAX	    64 /* of conditionsV4, conditionsV6 */
#define VLAN_ID_MAX	    4094
#define VLAN_TRUNKS_MAX	    VLAN_ID_MAX
#define ROUTE_MTU_MAX	    65535
#define BRIDGE_MTU_MIN	    68
#define BRIDGE_MTU_MAX	    65535
#define BRIDGE_MTU_MIN_IPV6 1280 /* RFC 8200, section 5 */

/* Initialisers of a struct json_field. */
#define FIELD(structure, member, key_, type_)                                         \
	{                                                                             \
		.key = (key_), .type = (type_), .offset = offsetof(structure, member) \
	}
#define FIELD_REQUIRED(structure, member, key_, type_)                                 \
	{                                                                              \
		.key = (key_), .type = (type_), .offset = offsetof(structure, member), \
		.required = true                                                       \
	}
#define FIELD_SET(structure, member, set_member, key_, type_)                          \
	{                                                                              \
		.key = (key_), .type = (type_), .offset = offsetof(structure, member), \
		.set_offset = offsetof(structure, set_member)                          \
	}
#define OBJECT(fields_)                                   \
	{                                                 \
		.kind = JSON_OBJECT, .fields = (fields_), \
		.n_fields = ARRAY_SIZE(fields_)           \
	}

extern const struct json_type text_type, bool_type, u32_type, ip_type, prefix_type;
extern const struct json_type dns_type; /* struct dns */
extern const struct json_type ipam_type; /* struct ipam_conf: its type */
/* The document, as each part of the reading has it. */
extern const struct json_type network_root, host_local_root, requested_root,
	bandwidth_root, bandwidth_runtime_root, port_root, log_root;
extern const struct json_type ipam_timeout_type; /* seconds, 0: not given */

/*
 * struct route_list, of the configuration: an IPv4 destination with host bits is refused
 * as the kernel would, an IPv6 one is masked as the kernel does (the reference hands both
 * on as they are); the gateway must be of the destination's family.
 */
extern const struct json_type conf_routes_type;
/* Of a result, which is others' work and taken as it is, destinations masked. */
extern const struct json_type result_routes_type;

/* struct ip_request_list: addresses, each with or without a prefix length. */
extern const struct json_type ip_requests_type;

/* struct range_set_list as read: start, end, gateway of family 0 where not given. */
extern const struct json_type range_sets_type;

/* The keys of a struct ip_range that stands at @at in its object's structure. */
#define RANGE_FIELDS(at, required_subnet)                                               \
	{.key = "subnet",                                                               \
	 .type = &prefix_type,                                                          \
	 .offset = (at) + offsetof(struct ip_range, subnet),                            \
	 .required = (required_subnet)},                                                \
		RANGE_FIELD(at, start, "rangeStart"), RANGE_FIELD(at, end, "rangeEnd"), \
		RANGE_FIELD(at, gateway, "gateway")
#define RANGE_FIELD(at, member, key_)                              \
	{                                                          \
		.key = (key_), .type = &ip_type,                   \
		.offset = (at) + offsetof(struct ip_range, member) \
	}

/* Where range sets come from, in the order of their numbers. */
struct range_sources {
	struct range_set_list runtime; /* runtimeConfig.ipRanges */
	struct ip_range single; /* its keys stand in ipam itself; family 0: none */
	struct range_set_list configured; /* ipam.ranges */
};

/*
 * Makes one list of all @sources, which are empty then, into @ipam, and makes it complete
 * and right as host-local's Canonicalize() does. Code 7.
 */
int range_sets_finish(struct range_sources *sources, enum cni_version version,
		      struct ipam_conf *ipam, struct cni_error *err);

/*
 * A gateway outside its subnet is fine, as with host-local, where nobody has to reach it: it
 * is not the bridge's (@is_gateway), and no route of @ipam leads through it. Otherwise code 7.
 */
int range_gateways_check(const struct ipam_conf *ipam, bool is_gateway,
			 struct cni_error *err);

/*
 * The MAC address that the runtime asks for: runtimeConfig.mac over args.cni.mac; not set
 * where neither is there. Code 7 for one that no interface can have.
 */
int requested_mac_read(const struct json_doc *doc, struct mac_addr *ret_mac,
		       struct cni_error *err);

/* The rates of the configuration or, where it has none, of the runtime. Codes 7, and 2 for
 * a key that the reference plugin bandwidth had for a time. */
int bandwidth_read(const struct json_doc *doc, struct bandwidth *ret_bandwidth,
		   struct cni_error *err);

/*
 * The keys of ipam where its type is host-local, and what else concerns it; only dataDir
 * unless @whole. Addresses that are asked for go into @pod. Code 7.
 */
int host_local_read(const struct json_doc *doc, bool whole, enum cni_version version,
		    struct ipam_conf *ipam, struct pod *pod, struct cni_error *err);
void host_local_conf_clear(struct ipam_conf *ipam);

/* The document's prevResult, of whichever version's shape, if it has one. Code 7. */
int prev_result_read(const struct json_doc *doc, bool *ret_has, struct cni_result *ret,
		     struct cni_error *err);

/* The document itself as a result of whichever version's shape. Code 7. */
int result_read(const struct json_doc *doc, struct cni_result *ret,
		struct cni_error *err);

#endif
