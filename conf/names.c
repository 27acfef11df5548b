/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The syntax of names that come from outside: networks, containers, interfaces. */
#include "names.h"

#include <net/if.h>
#include <string.h>

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool cni_name_valid(const char *name)
{
	size_t len = strnlen(name, CNI_NAME_MAX + 1);

	if (len == 0 || len > CNI_NAME_MAX || !is_alnum(name[0]))
		return false;
	for (size_t i = 1; i < len; i++) {
		if (!is_alnum(name[i]) && !strchr("_.-", name[i]))
			return false;
	}
	return true;
}

bool ifname_valid(const char *name)
{
	size_t len = strnlen(name, IF_NAMESIZE);

	if (len == 0 || len >= IF_NAMESIZE)
		return false;
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return false;
	/* The kernel's white space is Latin-1 and has 0xa0; "%d" it would number. */
	return strcspn(name, "/:% \t\n\v\f\r\xa0") == len;
}
