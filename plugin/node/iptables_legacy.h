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

#endif
