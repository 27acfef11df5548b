/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the lists "ips" of runtimeConfig and args.cni. */
#include "ip_requests.h"

#include "conf/json/json_table.h"

#define IP_REQUESTS_MAX 64

static int ip_request_check(void *value, const struct json_path *path,
			    struct cni_error *err)
{
	struct ip_request *request = value;
	struct ip_prefix prefix;

	if (ip_parse(request->text, &prefix.addr) < 0 &&
	    prefix_parse(request->text, &prefix) < 0)
		return json_error(path, NULL, err,
				  "\"%s\" is not an IP address, expected 10.1.2.3 or "
				  "10.1.2.3/24, for example",
				  request->text);
	/* To Go, and so to host-local, an IPv4-mapped IPv6 address is the IPv4
	 * address. */
	request->ip = ip_unmap(&prefix.addr);
	return 0;
}

static const struct json_type ip_request_type = {
	.kind = JSON_TEXT,
	.check = ip_request_check,
};

const struct json_type ip_requests_type = {
	.kind = JSON_LIST,
	.max = IP_REQUESTS_MAX,
	.item = &ip_request_type,
	.item_size = sizeof(struct ip_request),
};
