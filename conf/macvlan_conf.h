/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The keys of the switches macvlan and ipvlan, as plain C data, and reading them. */
#ifndef BRIDGE_CNI_CONF_MACVLAN_CONF_H
#define BRIDGE_CNI_CONF_MACVLAN_CONF_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/base/addr.h"
#include "conf/base/error.h"
#include "conf/base/notices.h"
#include "switch_kind.h"

struct json_doc;
struct json_type;

struct macvlan_conf {
	/* The interface that pods share; NULL or "": that of the default route. */
	const char *master;
	const char *mode_word; /* NULL or "": not given */
	uint32_t mode; /* MACVLAN_MODE_* or IPVLAN_MODE_* of linux/if_link.h */
	const char *mac_text; /* NULL or "": not given */
	/* The master is in the pod's namespace, and so is what is made of it. */
	bool in_container;
	/* Frames to all that may wait for the pod; 0: as the kernel has it. */
	uint32_t bc_queue_len;
};

/* The type of the document's top-level object with these keys alone, for the search for
 * unknown keys (advice.c). */
extern const struct json_type macvlan_root;

/* Reads the keys of the switch @kind, and settles the mode. Code 7. */
int macvlan_conf_read(const struct json_doc *doc, enum switch_kind kind,
		      struct macvlan_conf *ret_conf, struct cni_error *err);

/* Tells of keys that stand in the configuration of another switch, where nothing comes of
 * them. */
void macvlan_keys_tell(const struct json_doc *doc, enum switch_kind kind,
		       struct notices *notices);

/* Can't the node see whether a pod's interface is up? Its own MAC address is nowhere to be
 * found then. Switches that have a bridge are seen. */
bool macvlan_is_unseen(enum switch_kind kind, const struct macvlan_conf *conf);

/* Returns the word of a mode; NULL: the switch has no such mode. */
const char *macvlan_mode_word(enum switch_kind kind, uint32_t mode);

/* Finds the mode of this word; false: the switch has none. */
bool macvlan_mode_find(enum switch_kind kind, const char *word, uint32_t *ret_mode);

#endif
