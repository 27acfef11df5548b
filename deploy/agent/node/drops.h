/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Frames that the guards between pods have dropped: counted by kind by the rules of the
 * table bridge bridge_cni, whose set "dropped_ports" has the ports of the bridge that
 * such frames came from in the last ten minutes. The pods behind them are named in the
 * log.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_DROPS_H
#define BRIDGE_CNI_AGENT_NODE_DROPS_H

#include <net/if.h>

#include "deploy/agent/base/log.h"
#include "deploy/agent/base/options.h"
#include "network_names.h"
#include "plugin/netlink/netlink.h"

#define DROP_KINDS_MAX 32
#define DROP_KIND_MAX  32 /* bytes, with the NUL */

struct drop_kind {
	char name[DROP_KIND_MAX]; /* [a-z0-9_] alone */
	uint64_t packets;
};

struct drop_kinds {
	struct drop_kind items[DROP_KINDS_MAX];
	size_t n;
};

struct told_port {
	char name[IF_NAMESIZE];
	int64_t at; /* by now_ms() */
};

/* The caller sets the first five fields, which it keeps, and the rest to 0. */
struct drops {
	const struct options *options;
	const struct network_names *network;
	const struct log *log;
	struct netlink *rtnl, *nft;
	int64_t due_at; /* when drops_look() is to be called next, by now_ms() */
	struct drop_kinds kinds; /* as they were seen last */
	struct { /* that were named in the log not long ago; owned */
		struct told_port *items;
		size_t n;
	} told;
	uint64_t error; /* of log_error_once() */
};
void drops_clear(struct drops *drops);

/* Reads the counters. Where one has grown, the pods that frames came from are named, each
 * once in a while. */
void drops_look(struct drops *drops);

#endif
