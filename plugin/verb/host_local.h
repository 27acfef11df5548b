/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CNI operations of the program under the name host-local: the IPAM plugin to which
 * macvlan, ipvlan, ptp or the reference's bridge delegate. It works on files alone: it
 * opens no namespace, and sends no netlink message.
 */
#ifndef BRIDGE_CNI_PLUGIN_VERB_HOST_LOCAL_H
#define BRIDGE_CNI_PLUGIN_VERB_HOST_LOCAL_H

#include "add_del_check.h"

/*
 * Reserves addresses and hands @print a result of ips, routes and dns. When anything
 * fails, @print included, none is reserved. Codes as ipam_reserve()'s.
 */
int ipam_verb_add(struct attachment *att, answer_fn print, struct cni_error *err);

/* Gives back what the attachment holds. May be repeated. Codes 5, 11. */
int ipam_verb_del(struct attachment *att, struct cni_error *err);

/*
 * Does the attachment hold an address, and all those of prevResult that are of these
 * ranges? (The reference looks only whether it holds any.) Code 104 if not.
 */
int ipam_verb_check(struct attachment *att, struct cni_error *err);

#endif
