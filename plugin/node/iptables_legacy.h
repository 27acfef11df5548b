/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the rules that iptables-legacy keeps outside nftables. They are never written:
 * the kernel takes only whole tables there, which would undo what others did meanwhile.
 */
#ifndef BRIDGE_CNI_PLUGIN_NODE_IPTABLES_LEGACY_H
#define BRIDGE_CNI_PLUGIN_NODE_IPTABLES_LEGACY_H

#include <stdbool.h>

/*
 * Is there a chain of this name in table nat of @family (AF_INET, AF_INET6) in this
 * network namespace? The question makes no table appear that wasn't there. The answer is
 * true also where the table can't be read: the caller only gives a hint, which may be one
 * too many.
 */
bool iptables_legacy_has_chain(int family, const char *chain);

/* Is there a table nat of the family? The question makes none. */
bool iptables_legacy_translates(int family);

/* Has any table of the family a rule? A policy that drops is none. */
bool iptables_legacy_has_rules(int family);

#endif
