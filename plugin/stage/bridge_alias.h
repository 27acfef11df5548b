/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What an ADD has to know of its bridge, and can't look up at all ports each time, is
 * written into the bridge's alias, in words for people: `bridge-cni: bridged` or
 * `bridge-cni: routed`, which is the podLink of all pods that the bridge has, and
 * `, other ports` behind it where it has ports that are no pods'. An ADD that makes the
 * bridge, finds it without an alias, or is the first of another podLink writes it. GC and
 * repair look at the ports again and put it right. An alias in somebody else's words
 * stays; then every ADD looks at the ports.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_BRIDGE_ALIAS_H
#define BRIDGE_CNI_PLUGIN_STAGE_BRIDGE_ALIAS_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"

/* Can an ADD leave the alias of @link as it is? It says the podLink of this attachment,
 * or is somebody else's. For a repair any alias will do. */
bool bridge_alias_serves(const struct attachment *att, const struct link *link);

/*
 * ADD, repair: looks at the ports of the bridge @link, whose alias doesn't serve, queues
 * the right one, and writes that into @link. Under the exclusive lock. Code 103: the
 * bridge has a pod of the other podLink. Code 101.
 */
int bridge_alias_set(struct attachment *att, struct link *link, struct cni_error *err);

/* ADD, repair: fills @att->bridge_has_other_ports by the alias. Where that is somebody
 * else's it looks at the ports, and an ADD is judged as above; the first one of the
 * bridge gets the exclusive lock. Codes 11, 101, 103. */
int bridge_alias_join(struct attachment *att, const struct link *link,
		      struct cni_error *err);

/* CHECK: fills the same, and @att->routed and @att->quiet by the alias, the configuration
 * and the attachment's record.
 * The addresses of a routed pod, which prevResult has alone, get their subnet's prefix
 * length. Codes 5, 11, 101. */
int bridge_alias_check(struct attachment *att, const struct link *link,
		       struct cni_error *err);

/* Is the bridge one of this program's, by its alias? @ret_other_ports: what that says of
 * its ports. */
bool bridge_alias_is_ours(const struct link *link, bool *ret_other_ports);

/* show: fills @net->bridge_has_other_ports by the alias or, where that is somebody else's,
 * by the ports. Code 101. */
int bridge_alias_look(struct attachment *net, const struct link *link,
		      struct cni_error *err);

/* GC, repair: looks at the ports, fills @net->bridge_has_other_ports, and puts an alias
 * right that is this program's, or missing. Under the exclusive lock. Code 101. */
int bridge_alias_settle(struct attachment *net, struct cni_error *err);

/* Does the alias say that the bridge has no ports but those of pods and gateways? */
bool bridge_alias_says_pods_alone(const struct link *link);

/* cleanup: queues the removal of this program's alias from the bridge @link, which
 * stays. */
void bridge_alias_remove(struct attachment *net, const struct link *link);

#endif
