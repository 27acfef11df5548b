/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an ADD has to know of its bridge, and can't look up at all ports each time, is
 * written into the bridge's alias, in words for people: `bridge-cni: bridged` or
 * `bridge-cni: bridged, other ports`. An ADD that makes the bridge, or finds it without
 * an alias, writes it. GC and repair look at the ports again and put it right. An alias
 * in somebody else's words stays; then every ADD looks at the ports.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_BRIDGE_ALIAS_H
#define BRIDGE_CNI_PLUGIN_STAGE_BRIDGE_ALIAS_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"

/* Is it an alias that this program writes? */
bool bridge_alias_is_own(const char *alias);

/* Looks at the ports of the bridge @link, queues its alias, and writes that into @link.
 * Under the exclusive lock. Code 101. */
int bridge_alias_set(struct attachment *att, struct link *link, struct cni_error *err);

/* Fills @att->bridge_has_other_ports by the alias of the bridge @link or, where that is
 * somebody else's, by a look at the ports. Code 101. */
int bridge_alias_facts(struct attachment *att, const struct link *link,
		       struct cni_error *err);

/* GC, repair: looks at the ports, and puts an alias right that is this program's, or
 * missing. Under the exclusive lock. Code 101. */
int bridge_alias_settle(struct attachment *net, struct cni_error *err);

/* cleanup: queues the removal of this program's alias from the bridge @link, which
 * stays. */
void bridge_alias_remove(struct attachment *net, const struct link *link);

#endif
