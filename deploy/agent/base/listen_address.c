/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The last colon is the one before the port. */
#include "listen_address.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "conf/base/util.h"

#define PORT_DIGITS 5

int listen_address_parse(const char *text, struct listen_address *ret_address)
{
	const char *colon = strrchr(text, ':');
	struct listen_address address;
	char host[IP_TEXT_MAX] = "";
	bool in_brackets = text[0] == '[';
	size_t len, digits;

	if (!colon)
		return -EINVAL;
	len = (size_t)(colon - text);
	if (in_brackets && (len < 2 || colon[-1] != ']'))
		return -EINVAL;
	if (in_brackets) {
		text++;
		len -= 2;
	}
	if (len >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, len);
	if (ip_parse(host, &address.addr) < 0 || ip_is_v4_mapped(&address.addr) ||
	    (address.addr.family == AF_INET6) != in_brackets)
		return -EINVAL;
	digits = strspn(colon + 1, "0123456789");
	if (digits == 0 || digits > PORT_DIGITS || colon[1 + digits])
		return -EINVAL;
	address.port = strtoul(colon + 1, NULL, 10);
	if (address.port == 0 || address.port > UINT16_MAX)
		return -EINVAL;
	*ret_address = address;
	return 0;
}

const char *listen_address_format(const struct listen_address *address,
				  char buf[LISTEN_TEXT_MAX])
{
	bool is6 = address->addr.family == AF_INET6;
	char host[IP_TEXT_MAX];

	snprintf(buf, LISTEN_TEXT_MAX, "%s%s%s:%u", is6 ? "[" : "",
		 ip_format(&address->addr, host), is6 ? "]" : "", address->port);
	return buf;
}
