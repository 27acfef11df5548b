/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a server listens: ADDRESS:PORT, as 192.0.2.1:9811 or [2001:db8::1]:9811. */
#ifndef BRIDGE_CNI_AGENT_BASE_LISTEN_ADDRESS_H
#define BRIDGE_CNI_AGENT_BASE_LISTEN_ADDRESS_H

#include <stdint.h>

#include "conf/base/addr.h"

#define LISTEN_TEXT_MAX (IP_TEXT_MAX + sizeof("[]:65535"))

struct listen_address {
	struct ip_addr addr;
	uint32_t port; /* 0: nothing listens */
};

/* 0, or -EINVAL: not of that form, or port 0. */
int listen_address_parse(const char *text, struct listen_address *ret_address);

/* Gives @buf. */
const char *listen_address_format(const struct listen_address *address,
				  char buf[LISTEN_TEXT_MAX]);

#endif
