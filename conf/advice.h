/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Keys that the reference plugins accept and do nothing with are accepted here, too, and
 * nothing is done with them; but the operator is told, by notices.
 */
#ifndef BRIDGE_CNI_CONF_ADVICE_H
#define BRIDGE_CNI_CONF_ADVICE_H

#include <stdbool.h>

#include "conf/base/notices.h"
#include "network.h"

/* The configuration that advice is given on, and where to. All borrowed. */
struct advice {
	const struct json_doc *doc;
	/* as it was read from @doc; may be half read for advise_keys() */
	const struct network *network;
	bool ipam_only; /* read as another plugin's IPAM, whose keys it has as well */
	/* every unknown key is reported, also one that is near no known one: nobody but this
	 * program reads the document */
	bool all_keys;
	struct notices *notices; /* NULL: nobody listens */
};

/*
 * Reports keys that are known at another place than theirs, and keys that no table knows
 * but that are spelled nearly as one that a table knows: at most two letters of the name
 * are other, missing, too many or swapped; of 16 keys at most. With all_keys it reports the others as well, but
 * for those of args, of runtimeConfig and of another IPAM. The rest of the configuration need not be
 * right.
 */
void advise_keys(const struct advice *advice);

/* Reports keys that do nothing because the network has no ipam.type. @network is read. */
void advise_ipam(const struct advice *advice);

/* Reports keys that do nothing for want of another one. @network is read. */
void advise_effects(const struct advice *advice);

#endif
