/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /sys/module has a module that is loaded, but mostly not one that is built in. Then the
 * kernel's symbols tell, which everybody may read. */
#include "kernel_has.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LINE_SIZE 1024
#define PATH_SIZE 64

/* Reads the symbols once, as they are many. */
static void symbols_find(struct kernel_part *parts, size_t n, size_t missing)
{
	FILE *file = fopen("/proc/kallsyms", "re");
	char line[LINE_SIZE], name[LINE_SIZE];

	if (!file)
		return;
	while (missing && fgets(line, sizeof(line), file)) {
		if (sscanf(line, "%*s %*s %1023s", name) != 1)
			continue;
		for (size_t i = 0; i < n; i++) {
			if (parts[i].there || strcmp(parts[i].symbol, name) != 0)
				continue;
			parts[i].there = true;
			missing--;
		}
	}
	fclose(file);
}

void kernel_parts_find(struct kernel_part *parts, size_t n)
{
	bool loads_none = access("/proc/modules", F_OK) < 0;
	size_t missing = 0;

	for (size_t i = 0; i < n; i++) {
		char path[PATH_SIZE];

		snprintf(path, sizeof(path), "/sys/module/%s", parts[i].module);
		parts[i].there = loads_none || access(path, F_OK) == 0;
		missing += !parts[i].there;
	}
	if (missing)
		symbols_find(parts, n, missing);
}

static bool has(const char *module, const char *symbol)
{
	struct kernel_part part = {.module = module, .symbol = symbol};

	kernel_parts_find(&part, 1);
	return part.there;
}

bool kernel_has_nf_tables(void)
{
	return has("nf_tables", "nft_register_chain_type");
}

bool kernel_has_nft_ct(void)
{
	return has("nft_ct", "nft_ct_get_init");
}

bool kernel_has_nft_meta_bridge(void)
{
	return has("nft_meta_bridge", "nft_meta_bridge_select_ops");
}

bool kernel_has_ctnetlink(void)
{
	return has("nf_conntrack_netlink", "ctnetlink_dump_table");
}
