/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a configuration. This file decides which keys an operation reads, and in which
 * order. */
#ifndef BRIDGE_CNI_CONF_CONFIG_H
#define BRIDGE_CNI_CONF_CONFIG_H

#include "conf/base/error.h"
#include "network.h"
#include "pod.h"

struct json_doc;

/* How much of a configuration an operation reads: only that has to be right. */
enum config_scope {
	/* ADD, CHECK, STATUS */
	CONFIG_WHOLE,
	/* validate: the same, of a file, to which no runtime has added anything; so there
	 * may be no ranges where the capability ipRanges is declared */
	CONFIG_FILE,
	/* repair: all but the keys that a runtime adds for a container, so that there may
	 * be no ranges */
	CONFIG_NETWORK,
	/* DEL, GC: name, bridge, ipam.type, ipam.dataDir, ipamTimeoutSeconds, delWaits */
	CONFIG_IDENTITY,

	/* As another plugin's IPAM: name and ipam alone, which is host-local's whatever
	 * its type says. The other keys are that plugin's. */
	CONFIG_IPAM, /* ADD */
	CONFIG_IPAM_CHECK, /* CHECK: prevResult, too */
	CONFIG_IPAM_IDENTITY, /* DEL, GC: name, ipam.dataDir */

	/* As loopback, which has no keys of its own. */
	CONFIG_PREV_RESULT, /* ADD: name and prevResult */
	CONFIG_NAME, /* the other operations */
};

/*
 * Reads the configuration alone, out of @doc. Checks, in this order: cniVersion (code 1,
 * the supported versions in the details), that it is no list of plugins, the network's
 * name, then all keys by table (code 7: path of the key, value, what was expected). With
 * CONFIG_IDENTITY a wrong value in a key that DEL doesn't use is no error; prevResult is
 * then not read at all. Of the pod only what the configuration says is filled in.
 */
int config_read(const struct json_doc *doc, enum config_scope scope,
		struct network *ret_network, struct pod *ret_pod, struct cni_error *err);

#endif
