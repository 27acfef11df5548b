/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /sys/module has a module that is loaded, but mostly not one that is built in. Then the
 * kernel's symbols tell, which everybody may read. */
#include "kernel_has.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 1024

static bool has_symbol(const char *symbol)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[LINE_SIZE], name[LINE_SIZE];
	bool found = false;

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*s %*s %1023s", name) == 1 &&
			strcmp(name, symbol) == 0;
	fclose(file);
	return found;
}

/* @symbol: one of the module's. */
static bool is_there(const char *directory, const char *symbol)
{
	return access(directory, F_OK) == 0 || access("/proc/modules", F_OK) < 0 ||
	       has_symbol(symbol);
}

bool kernel_has_nf_tables(void)
{
	return is_there("/sys/module/nf_tables", "nft_register_chain_type");
}

bool kernel_has_bridge(void)
{
	return is_there("/sys/module/bridge", "br_add_bridge");
}

bool kernel_has_ctnetlink(void)
{
	return is_there("/sys/module/nf_conntrack_netlink", "ctnetlink_dump_table");
}
