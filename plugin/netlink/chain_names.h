/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of hooks, as nft writes them, and of the tables and chains of iptables; and
 * whose a chain is, by the beginning of its name. */
#ifndef BRIDGE_CNI_PLUGIN_NETLINK_CHAIN_NAMES_H
#define BRIDGE_CNI_PLUGIN_NETLINK_CHAIN_NAMES_H

#include <linux/netfilter.h>
#include <stdbool.h>

enum iptables_table {
	IPTABLES_RAW,
	IPTABLES_MANGLE,
	IPTABLES_NAT,
	IPTABLES_FILTER,
	IPTABLES_SECURITY,
	IPTABLES_TABLES /* how many there are */
};

/* "raw", …, by enum iptables_table. */
extern const char *const iptables_tables[IPTABLES_TABLES];

/* "PREROUTING", …: the chains at the hooks NF_INET_…, by their numbers. */
extern const char *const iptables_chains[NF_INET_NUMHOOKS];

/* "prerouting", …: the hooks themselves. Those of the family bridge have the same numbers
 * and names. */
extern const char *const hook_names[NF_INET_NUMHOOKS];

/* Has iptables a table of that name, and at a hook a chain? */
bool iptables_has_table(const char *name);
bool iptables_has_chain(const char *name);

/* Docker and ufw make chains of such names. */
bool chain_is_dockers(const char *name);
bool chain_is_ufws(const char *name);

#endif
