/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The CNI operations of the program under the name loopback, as the reference plugin of
 * that name has them (containernetworking/plugins plugins/main/loopback): the interface lo
 * of the container's network namespace is set up and down. CNI_IFNAME has to be there, and
 * is not looked at. No store, no lock and nothing of a bridge is used.
 */
#ifndef BRIDGE_CNI_PLUGIN_VERB_LOOPBACK_H
#define BRIDGE_CNI_PLUGIN_VERB_LOOPBACK_H

#include "add_del_check.h"
#include "conf/valid_set.h"

/*
 * Sets lo up. Hands @print prevResult, where there is one, or else a result of lo and its
 * first address of each family. When anything fails, @print included, lo is as it was.
 * Code 103: lo has an address that is no loopback address; codes 3, 4, 7, 8, 101.
 */
int loopback_verb_add(struct attachment *att, answer_fn print, struct cni_error *err);

/* Sets lo down. No path, or a path at which there is no network namespace, is success, as
 * then there is no lo. Codes 4, 8, 101. */
int loopback_verb_del(struct attachment *att, struct cni_error *err);

/* Is lo up, with a loopback address? Code 104 if not; codes 3, 4, 8, 101. */
int loopback_verb_check(struct attachment *att, struct cni_error *err);

/* These have nothing to look at. */
int loopback_verb_status(struct attachment *att, struct cni_error *err);
int loopback_verb_gc(struct attachment *att, const struct valid_set *valid,
		     struct cni_error *err);

#endif
