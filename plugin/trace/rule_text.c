/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libnftables lists the chain; the rule is the line that ends in its handle. */
#include "rule_text.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plugin/nft/nft.h"

#define COMMAND_MAX 640

/* The kernel takes any bytes for a name, but nft would take some for a command. */
static bool is_plain(const char *name)
{
	static const char letters[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
		"_0123456789/-.";

	return *name && !strchr("0123456789/-.", *name) && !name[strspn(name, letters)];
}

static char *line_find(const char *listing, uint64_t handle)
{
	char end[40];
	size_t len = (size_t)snprintf(end, sizeof(end), " # handle %" PRIu64, handle);

	while (*listing) {
		size_t line = strcspn(listing, "\n"), indent = strspn(listing, "\t ");

		if (line > len + indent && memcmp(listing + line - len, end, len) == 0 &&
		    listing[line - len - 1] != '{')
			return strndup(listing + indent, line - len - indent);
		listing += line + (listing[line] == '\n');
	}
	return NULL;
}

char *rule_text(const char *family, const char *table, const char *chain, uint64_t handle)
{
	_cleanup_(free_p) char *listing = NULL;
	char command[COMMAND_MAX];

	if (!is_plain(table) || !is_plain(chain) ||
	    snprintf(command, sizeof(command), "list chain %s %s %s", family, table,
		     chain) >= (int)sizeof(command) ||
	    nft_print(command, &listing, NULL) < 0)
		return NULL;
	return line_find(listing, handle);
}
