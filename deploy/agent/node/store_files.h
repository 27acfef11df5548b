/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands in the address store (ipam/store/store.h), by looking at its files: nothing is
 * locked, nothing is changed. */
#ifndef BRIDGE_CNI_AGENT_STORE_FILES_H
#define BRIDGE_CNI_AGENT_STORE_FILES_H

#include <stdint.h>

#include "deploy/agent/api/node_table.h"
#include "deploy/agent/base/options.h"

/* Hands the text of each record to @fn. No store is success. Code 5, or @fn's. */
int store_look_records(const struct options *options,
		       int (*fn)(const char *text, size_t len, void *data,
				 struct cni_error *err),
		       void *data, struct cni_error *err);

/* The text of one attachment's; -ENOENT without an error set: there is none. Code 5. */
int store_look_record(const struct options *options, const char *container_id,
		      const char *ifname, char **ret_text, size_t *ret_len,
		      struct cni_error *err);

struct store_counts {
	uint64_t used[FAMILIES]; /* reserved addresses */
	uint64_t attachments; /* that have a record */
};
int store_look_count(const struct options *options, struct store_counts *ret_counts,
		     struct cni_error *err);

#endif
