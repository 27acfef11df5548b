/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Read character by character: what somebody has written may be anything. */
#include "node_values.h"

#include <string.h>

#include "deploy/agent/base/dns_name.h"

uint64_t node_created_read(const char *text)
{
	static const char form[] = "0000-00-00T00:00:00Z";
	uint64_t number = 0;

	if (!text || strlen(text) != strlen(form))
		return 0;
	for (size_t i = 0; form[i]; i++) {
		if (form[i] == '0' && text[i] >= '0' && text[i] <= '9')
			number = 10 * number + (uint64_t)(text[i] - '0');
		else if (form[i] == '0' || text[i] != form[i])
			return 0;
	}
	return number;
}

bool node_name_valid(const char *name)
{
	return dns_subdomain_valid(name, strlen(name));
}
