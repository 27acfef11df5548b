/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A pod as its record tells of it. What it was given stays,
 * whatever is configured since. */
#ifndef BRIDGE_CNI_IPAM_POD_FROM_RECORD_H
#define BRIDGE_CNI_IPAM_POD_FROM_RECORD_H

#include "conf/pod.h"
#include "ipam/store/record.h"

/*
 * Fills @ret_pod, which borrows from @record and @network and must not be moved. Where an
 * earlier version didn't write something down, the configuration gives it. Code 100: out
 * of memory.
 */
int pod_from_record(const struct network *network, const struct record *record,
		    struct pod *ret_pod, struct cni_error *err);
void pod_from_record_clear(struct pod *pod);

#endif
