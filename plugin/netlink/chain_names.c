/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "chain_names.h"

#include <stddef.h>
#include <string.h>

#include "conf/base/util.h"

const char *const iptables_tables[IPTABLES_TABLES] = {
	[IPTABLES_RAW] = "raw",		  [IPTABLES_MANGLE] = "mangle",
	[IPTABLES_NAT] = "nat",		  [IPTABLES_FILTER] = "filter",
	[IPTABLES_SECURITY] = "security",
};

const char *const iptables_chains[NF_INET_NUMHOOKS] = {
	[NF_INET_PRE_ROUTING] = "PREROUTING",	[NF_INET_LOCAL_IN] = "INPUT",
	[NF_INET_FORWARD] = "FORWARD",		[NF_INET_LOCAL_OUT] = "OUTPUT",
	[NF_INET_POST_ROUTING] = "POSTROUTING",
};

const char *const hook_names[NF_INET_NUMHOOKS] = {
	[NF_INET_PRE_ROUTING] = "prerouting",	[NF_INET_LOCAL_IN] = "input",
	[NF_INET_FORWARD] = "forward",		[NF_INET_LOCAL_OUT] = "output",
	[NF_INET_POST_ROUTING] = "postrouting",
};

static bool has(const char *const names[], size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(names[i], name) == 0)
			return true;
	return false;
}

bool iptables_has_table(const char *name)
{
	return has(iptables_tables, ARRAY_SIZE(iptables_tables), name);
}

bool iptables_has_chain(const char *name)
{
	return has(iptables_chains, ARRAY_SIZE(iptables_chains), name);
}

bool chain_is_dockers(const char *name)
{
	return strncmp(name, "DOCKER", strlen("DOCKER")) == 0;
}

bool chain_is_ufws(const char *name)
{
	return strncmp(name, "ufw", strlen("ufw")) == 0;
}
