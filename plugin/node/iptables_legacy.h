/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A look at what iptables-legacy keeps outside nftables. It is never written: the kernel
 * only takes whole tables there, over whatever others did meanwhile.
 */
#ifndef BRIDGE_CNI_PLUGIN_NODE_IPTABLES_LEGACY_H
#define BRIDGE_CNI_PLUGIN_NODE_IPTABLES_LEGACY_H

#include <stdbool.h>

/*
 * Is there a chain of this name in table nat of @family (AF_INET, AF_INET6) in this
 * network namespace? Makes no table appear that wasn't there. True also where the table
 * can't be read: better one word too many.
 */
bool iptables_legacy_has_chain(int family, const char *chain);

#endif
