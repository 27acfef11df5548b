/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Read label by label: what somebody has written may be anything. */
#include "dns_name.h"

static bool is_inside(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-';
}

bool dns_subdomain_valid(const char *text, size_t len)
{
	size_t begin = 0;

	for (size_t i = 0; i <= len && len <= DNS_SUBDOMAIN_MAX; i++) {
		if (i < len && is_inside(text[i]))
			continue;
		if (i == begin || text[begin] == '-' || text[i - 1] == '-')
			return false;
		if (i == len)
			return true;
		if (text[i] != '.')
			return false;
		begin = i + 1;
	}
	return false;
}
