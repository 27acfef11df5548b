/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The end of the shared flowtable. */
#include "flowtable.h"

#include <linux/netfilter.h>

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/nf_tables_flowtable.h"
#include "plugin/node/node.h"
#include "rules_owner.h"

void rules_drop_flowtable(struct attachment *att)
{
	struct netlink *nl;

	if (node_nftables(&att->op->node, &nl, NULL) == 0)
		(void)nft_flowtable_del(nl, NFPROTO_INET, RULES_TABLE, RULES_FLOWTABLE,
					NULL);
}
