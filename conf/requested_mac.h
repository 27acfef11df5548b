/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The MAC address that the runtime asks for. */
#ifndef BRIDGE_CNI_CONF_REQUESTED_MAC_H
#define BRIDGE_CNI_CONF_REQUESTED_MAC_H

#include "conf/base/addr.h"
#include "conf/base/error.h"

struct json_doc;
struct json_type;

/* The type of a text that is "", or a MAC address that an interface can have. */
extern const struct json_type requested_mac_type;

/* The type of the document's top-level object, with these keys alone: for json_read(),
 * and for the search for unknown keys (advice.c). */
extern const struct json_type requested_mac_root;

/*
 * Reads the MAC address that the runtime asks for: runtimeConfig.mac goes before
 * args.cni.mac, which the reference's macvlan doesn't read: @by_args is false then.
 * @ret_mac is not set where neither is there. Code 7 for an address that no
 * interface can have.
 */
int requested_mac_read(const struct json_doc *doc, bool by_args, struct mac_addr *ret_mac,
		       struct cni_error *err);

#endif
