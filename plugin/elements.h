/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pods have in sets and maps under a name: that of the host's end, in the keys of
 * spoofCheck's (spoof_elements.h) and in the comments of host ports' (hostports.h).
 */
#ifndef BRIDGE_CNI_PLUGIN_ELEMENTS_H
#define BRIDGE_CNI_PLUGIN_ELEMENTS_H

#include "../conf/attachment.h"

/*
 * Deletes, in one transaction, what of the network's elements is nobody's any more: their
 * owner is none that @is_kept knows. Under the exclusive lock. A kernel without nf_tables
 * has none. @ret_n: how many there were. Codes 100, 101.
 */
int elements_sweep(struct attachment *att,
		   bool (*is_kept)(const struct attachment *att, const char *host_ifname,
				   const void *data),
		   const void *data, size_t *ret_n, struct cni_error *err);

#endif
