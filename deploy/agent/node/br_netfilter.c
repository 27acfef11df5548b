/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Makes the kernel want the module: the match "physdev" of iptables looks at what
 * br_netfilter knows of a packet, so the kernel loads that with it. */
#include "br_netfilter.h"

#include <linux/netfilter/xt_physdev.h>

#include "plugin/netlink/nf_tables_xt.h"

#define TABLE "bridge_cni_agent" /* is gone before anybody sees it */

int br_netfilter_load(struct netlink *nft, struct cni_error *err)
{
	const struct xt_physdev_info info = {.bitmask = XT_PHYSDEV_OP_BRIDGED};

	return nft_xt_match_try(nft, TABLE, "physdev", &info, sizeof(info), err);
}
