/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "target.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static int port_read(const char *text, uint16_t *ret_port)
{
	char *end;
	unsigned long port;

	if (text[0] < '1' || text[0] > '9')
		return -EINVAL;
	port = strtoul(text, &end, 10);
	if (*end || port > UINT16_MAX)
		return -EINVAL;
	*ret_port = (uint16_t)port;
	return 0;
}

static int target_read(const char *text, struct ip_addr *ret_to, uint16_t *ret_port)
{
	const char *colon = strrchr(text, ':'), *from = text;
	char address[IP_TEXT_MAX];
	size_t len = strlen(text);

	*ret_port = 0;
	if (text[0] == '[') {
		const char *bracket = strchr(text, ']');

		if (!bracket || (bracket[1] && bracket[1] != ':'))
			return -EINVAL;
		from = text + 1;
		len = (size_t)(bracket - from);
		colon = bracket[1] ? bracket + 1 : NULL;
	} else if (colon && strchr(text, ':') != colon) {
		colon = NULL; /* all of it is an address of IPv6 */
	} else if (colon) {
		len = (size_t)(colon - text);
	}
	if (len >= sizeof(address))
		return -EINVAL;
	memcpy(address, from, len);
	address[len] = '\0';
	if (ip_parse(address, ret_to) < 0 ||
	    (text[0] == '[') > (ret_to->family == AF_INET6))
		return -EINVAL;
	*ret_to = ip_unmap(ret_to);
	return colon ? port_read(colon + 1, ret_port) : 0;
}

static bool is_multicast(const struct ip_addr *ip)
{
	return ip->family == AF_INET ? ip->bytes[0] >= 224 : ip->bytes[0] == 0xff;
}

int trace_ask(struct trace *trace, struct cni_error *err)
{
	if (target_read(trace->target, &trace->to, &trace->port) < 0)
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "\"%s\" is no address to trace to: 192.0.2.1, "
				 "192.0.2.1:443, 2001:db8::1 or [2001:db8::1]:443 are",
				 trace->target);
	if (ip_is_any(&trace->to) || is_multicast(&trace->to))
		return error_set(err, CNI_ERR_CONFIG, EINVAL,
				 "%s is not the address of one host", trace->target);
	return 0;
}
