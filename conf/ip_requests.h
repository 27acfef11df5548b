/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The addresses that somebody wants an attachment to have, as a runtime lists them. */
#ifndef BRIDGE_CNI_CONF_IP_REQUESTS_H
#define BRIDGE_CNI_CONF_IP_REQUESTS_H

#include <stddef.h>

#include "conf/base/addr.h"

struct json_type;

/* An address that somebody wants the attachment to have. */
struct ip_request {
	const char *text; /* as it was given, with or without a prefix length */
	struct ip_addr ip;
};

struct ip_request_list {
	struct ip_request *items;
	size_t n;
};

/* The type of a struct ip_request_list, for tables of keys. */
extern const struct json_type ip_requests_type;

#endif
