/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the network's address store (ipam/store/store.h) by its files. The store is not
 * locked and nothing is changed: a file may come or go meanwhile, but each is whole.
 */
#ifndef BRIDGE_CNI_AGENT_NODE_STORE_FILES_H
#define BRIDGE_CNI_AGENT_NODE_STORE_FILES_H

#include <stdint.h>

#include "deploy/agent/api/node_table.h"
#include "network_names.h"

/* Is given the text of a record; returns < 0 with the error set to stop. */
typedef int (*store_record_fn)(const char *text, size_t len, void *data,
			       struct cni_error *err);

/*
 * Hands each record of the network, or of every network in the store, to @fn. A record
 * that can't be read is left out; that there is no store is success. Code 5, or @fn's.
 */
int store_files_each_record(const struct network_names *names, store_record_fn fn,
			    void *data, struct cni_error *err);
int store_files_each_record_of_all(const struct network_names *names, store_record_fn fn,
				   void *data, struct cni_error *err);

/* Has the store a directory for the network's records? It is made by the first ADD, and
 * removed by `bridge-cni cleanup`. */
bool store_files_have_network(const struct network_names *names);

/* An outcome of store_files_read_record(): the attachment has no record. */
#define STORE_RECORD_ABSENT 1

/* Reads the text of the record of an attachment to @network, whose name becomes part of a
 * path. The caller frees it. STORE_RECORD_ABSENT. Codes 5, 100. */
int store_files_read_record(const struct network_names *names, const char *network,
			    const char *container_id, const char *ifname, char **ret_text,
			    size_t *ret_len, struct cni_error *err);

struct store_counts {
	uint64_t used[IP_FAMILIES]; /* reserved addresses */
	uint64_t attachments; /* attachments that have a record */
};

/* Counts by the names of the store's files. No store: nothing is counted. Code 5. */
int store_files_count(const struct network_names *names, struct store_counts *ret_counts,
		      struct cni_error *err);

#endif
