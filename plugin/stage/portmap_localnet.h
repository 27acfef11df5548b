/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * route_localnet of the gateway's interface, without which nothing goes from 127.0.0.1 to a
 * pod. It lets pods' packets at what listens on 127.0.0.1 as well (CVE-2020-8558), unless
 * they are dropped: by two rules of portmap_rules.c, and by a fence that lasts when somebody
 * flushes those (plugin/netlink/fence.h). So it is on only while a host port needs it.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_LOCALNET_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_LOCALNET_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"

#define LOCALNET_UNFENCED 1
#define LOCALNET_REFENCED 2

/*
 * ADD and repair. Turns it on where the attachment's host ports need it, under the exclusive
 * lock, and writes that down first. Otherwise a fence that is missing where it was turned on
 * here is put back. @verify: looks whether the fence is there, as the rules were found
 * missing; otherwise it is taken for granted where route_localnet is on. LOCALNET_UNFENCED: it is on and not fenced, for the kernel can't; the rules must
 * do. LOCALNET_REFENCED: the fence is put back, and lets through answers that the rules mark:
 * an earlier version's don't. Codes 5, 11, 101.
 */
int localnet_add(struct attachment *att, bool verify, struct cni_error *err);

/* CHECK: 104 where it is needed and off. What another program has turned on, for all
 * interfaces, too, is told by notice(). LOCALNET_UNFENCED as above. */
int localnet_check(struct attachment *att, struct cni_error *err);

/* STATUS: tells of an opening of @net->gateway_ifname without its fence by notice().
 * Code 101. For it the node has to be opened, which localnet_is_on() saves where it is off: that
 * reads a file. */
bool localnet_is_on(const struct attachment *net);
int localnet_status(struct attachment *net, struct cni_error *err);

/* Tells by notice() that it is on for all interfaces, the gateway's, which has no
 * fence, included: kube-proxy's doing. What can't be looked at fails nothing, and is told. */
void localnet_tell_all(struct attachment *att);

/* DEL, once the attachment's elements are gone: off where it was turned on here and no other
 * host port needs it. Codes 5, 11, 101. */
int localnet_del(struct attachment *att, struct cni_error *err);

/* The same for all interfaces that the network's gateways may be on: what was needed may have
 * gone without a DEL. Under the exclusive lock. */
int localnet_settle(struct attachment *net, struct cni_error *err);

/* cleanup: takes it back where the network has set it, and the fence in any case. */
struct link;
int localnet_remove(struct attachment *net, const struct link *gateway,
		    struct cni_error *err);

#endif
