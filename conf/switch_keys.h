/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The switch of a network, and keys that not every switch can serve. */
#ifndef BRIDGE_CNI_CONF_SWITCH_KEYS_H
#define BRIDGE_CNI_CONF_SWITCH_KEYS_H

#include "conf/base/error.h"
#include "conf/base/notices.h"
#include "pod.h"

/* Fills in the switch, and the bridge where the configuration names none. */
void switch_settle(struct network *network);

/* Refuses a key that contradicts `type`.
 * Code 7. */
int switch_check(const struct network *network, struct cni_error *err);

/*
 * Refuses keys that ask for something that the network's switch can't serve: code 7, with
 * key and switch. Where `type` is the switch's name, which is that of a reference plugin,
 * the plugin accepts such a key and does nothing with it. So it is taken back here, and
 * noted for switch_keys_tell(), unless it guards something. @pod: NULL, the network's own
 * keys alone are looked at.
 */
int switch_keys_settle(struct network *network, struct pod *pod, struct cni_error *err);

/* Tells the operator which keys nothing comes of. */
void switch_keys_tell(const struct network *network, struct notices *notices);

#endif
