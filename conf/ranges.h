/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads range sets, completes and checks them. */
#ifndef BRIDGE_CNI_CONF_RANGES_H
#define BRIDGE_CNI_CONF_RANGES_H

#include <stdbool.h>

#include "conf/base/error.h"
#include "ipam_conf.h"
#include "version.h"

struct json_type;

/* The type of a struct range_set_list, for tables of keys. Start, end and gateway are of
 * family 0 where they are not given. */
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

/* Range sets as they were read, in the order in which they are numbered. */
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

/* Is the address in a subnet of one of the sets? */
bool range_sets_have(const struct range_set_list *sets, const struct ip_addr *ip);

/* How the sets of a list are numbered, for names of sets and ranges in messages. */
struct range_origin {
	size_t runtime; /* the first sets are those of runtimeConfig.ipRanges */
	size_t singles; /* then the one whose keys stand in ipam itself: 0 or 1 */
	char text[64];
};

/* Returns the path of a range in the configuration: "ipam.ranges[0][1]". The text is in
 * @origin, until the next call. */
const char *range_name(struct range_origin *origin, size_t set, size_t range);

#endif
