/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Read character by character: what somebody has written may be anything. */
#include "node_values.h"

#include <string.h>

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
	static const char inside[] = "abcdefghijklmnopqrstuvwxyz0123456789-";
	size_t len = strspn(name, inside);

	while (len > 0 && name[0] != '-' && name[len - 1] != '-') {
		if (!name[len])
			return true;
		if (name[len] != '.')
			return false;
		name += len + 1;
		len = strspn(name, inside);
	}
	return false;
}
