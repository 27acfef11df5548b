/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What pods have in sets and maps under a name: that of the host's end, in the keys of
 * spoofCheck's (spoofcheck_elements.h) and in the comments of host ports' (portmap_elements.h).
 */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_ELEMENTS_H
#define BRIDGE_CNI_PLUGIN_STAGE_ELEMENTS_H

#include "plugin/attachment/attachment.h"
#include "conf/valid_set.h"

/*
 * Deletes, in one transaction, those of the network whose owner has neither an interface nor
 * a record or reservation, and is not @valid (NULL: nobody is). Under the exclusive lock. A
 * kernel without nf_tables has none. @ret_n: how many there were. Codes 5, 11, 100, 101.
 */
int elements_sweep(struct attachment *att, const struct valid_set *valid, size_t *ret_n,
		   struct cni_error *err);

#endif
