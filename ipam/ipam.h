/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Which addresses does an attachment get? In-process host-local on the host-local
 * store; knows files, no kernel networking. Locks the store for the length of a call.
 */
#ifndef BRIDGE_CNI_IPAM_IPAM_H
#define BRIDGE_CNI_IPAM_IPAM_H

#include "../conf/attachment.h"

/* True when addresses come from here: ipam.type is "host-local". */
bool ipam_in_process(const struct net_conf *conf);

/*
 * Reserves one address of every range set for the attachment (container ID and interface
 * name) and fills @att->ipam with ips, routes and dns (of ipam.resolvConf, whose text
 * @att->resolv_text owns), which must be empty. An address asked for by CNI_ARGS is the
 * one of its set. All or nothing. Errors: 102 a set has no free address; 103 the
 * attachment has reservations already, which stay, or the address asked for is taken; 7
 * it is one that can't be given; 5 the store or ipam.resolvConf can't be read or written;
 * 11 the store's lock is held for too long.
 */
int ipam_reserve(struct attachment *att, struct cni_error *err);

/* Gives back whatever the attachment holds on its network; nothing held is success. */
int ipam_release(struct attachment *att, struct cni_error *err);

/* CHECK: every address of @att->ipam is reserved for the attachment. Code 104 if not. */
int ipam_check(struct attachment *att, struct cni_error *err);

/* Any address at all is reserved for the attachment. Code 104 if none is. */
int ipam_check_any(struct attachment *att, struct cni_error *err);

#endif
