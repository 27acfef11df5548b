/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The key ipam of a configuration, as plain C data. */
#ifndef BRIDGE_CNI_CONF_IPAM_CONF_H
#define BRIDGE_CNI_CONF_IPAM_CONF_H

#include <stddef.h>

#include "cni_result.h"
#include "conf/base/addr.h"

/* A range of addresses, both ends included. It is complete: start, end and gateway that
 * are not given are filled in. */
struct ip_range {
	struct ip_prefix subnet; /* host bits zero */
	struct ip_addr start, end;
	struct ip_addr gateway;
};

/* The ranges of one set are of one family; an attachment gets one address of each set. */
struct range_set {
	struct ip_range *ranges;
	size_t n;
};

struct range_set_list {
	struct range_set *items;
	size_t n;
};

struct ipam_conf {
	const char *type; /* NULL or "": no IPAM, a layer 2 network */
	struct range_set_list sets;
	size_t runtime_sets; /* so many of sets, the first, are runtimeConfig.ipRanges */
	size_t single_sets; /* then so many, 0 or 1, have their keys in ipam itself */
	struct route_list routes;
	const char *data_dir;
	const char *resolv_conf; /* NULL: absent */
};

#endif
