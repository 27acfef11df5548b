/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The attachments that a GC must leave alone, as the runtime still has them. */
#ifndef BRIDGE_CNI_CONF_VALID_SET_H
#define BRIDGE_CNI_CONF_VALID_SET_H

#include <stdbool.h>
#include <stddef.h>

#include "conf/base/error.h"

struct json_doc;

/* More than a node has pods, by far. */
#define VALID_ATTACHMENTS_MAX 65536

struct valid_attachment {
	const char *container_id, *ifname; /* borrowed from the document */
};

struct valid_set {
	struct valid_attachment *items;
	size_t n;
	bool given; /* false: the runtime didn't say, so that nothing may go */
};

/*
 * Reads cni.dev/valid-attachments and cni.dev/attachments, which older versions of libcni
 * write. Where both are there, an attachment that either of them names is valid. A
 * missing key is not an empty list. Code 7.
 */
int valid_set_read(const struct json_doc *doc, struct valid_set *ret_set,
		   struct cni_error *err);
void valid_set_clear(struct valid_set *set);

bool valid_set_has(const struct valid_set *set, const char *container_id,
		   const char *ifname);

#endif
