/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * route_localnet of the gateway's interface: without it nothing goes from 127.0.0.1 to a
 * pod. It also lets pods' packets reach what listens on 127.0.0.1 (CVE-2020-8558), unless
 * they are dropped. Two rules of portmap_rules.c drop them, and a fence that stays when
 * somebody flushes the rules (plugin/netlink/fence.h). So route_localnet is on only while
 * a host port needs it.
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_LOCALNET_H
#define BRIDGE_CNI_PLUGIN_STAGE_PORTMAP_LOCALNET_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"

/* Outcomes that are no errors. */
enum localnet_outcome {
	LOCALNET_UNFENCED = 1, /* on without a fence: rules alone keep pods out */
	/* The fence was put back. It lets answers through that the rules mark, which
	 * those of an earlier version don't: the rules have to be put right. */
	LOCALNET_REFENCED,
};

/*
 * ADD, repair: turns route_localnet on where the attachment's host ports need it, under
 * the exclusive lock, and writes that down first. Where it was turned on here already, a
 * missing fence is put back. @verify: looks whether the fence is there, as the rules were
 * found missing; otherwise that is taken for granted. LOCALNET_UNFENCED,
 * LOCALNET_REFENCED. Codes 5, 11, 101.
 */
int localnet_add(struct attachment *att, bool verify, struct cni_error *err);

/* CHECK: code 104 where route_localnet is needed and off. Where another program has
 * turned it on, also for all interfaces, that is told by notice(). LOCALNET_UNFENCED. */
int localnet_check(struct attachment *att, struct cni_error *err);

/*
 * STATUS: localnet_status() tells by notice() where route_localnet of
 * @net->gateway_ifname is on without its fence. Code 101. It needs an open node.
 * localnet_is_on() reads a file instead, and saves opening the node where the parameter
 * is off.
 */
bool localnet_is_on(const struct attachment *net);
int localnet_status(struct attachment *net, struct cni_error *err);

/* Tells by notice() that route_localnet is on for all interfaces (kube-proxy does that),
 * so for the gateway's, too, which has no fence. An error is told as well, and fails
 * nothing. */
void localnet_tell_all(struct attachment *att);

/* DEL, once the attachment's elements are gone: turns route_localnet off where it was
 * turned on here and no other host port needs it. Codes 5, 11, 101. */
int localnet_del(struct attachment *att, struct cni_error *err);

/* GC, repair: the same for all interfaces that the network's gateways may be on, as host
 * ports may have gone without a DEL. Under the exclusive lock. Codes 5, 101. */
int localnet_settle(struct attachment *net, struct cni_error *err);

/* cleanup: turns route_localnet of @gateway off where the network has turned it on, and
 * removes the fence in any case. Codes 5, 101. */
struct link;
int localnet_remove(struct attachment *net, const struct link *gateway,
		    struct cni_error *err);

#endif
