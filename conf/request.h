/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is asked of the program: an operation, on a network, mostly for one pod. Read from the
 * environment and the configuration, and const from then on.
 */
#ifndef BRIDGE_CNI_CONF_REQUEST_H
#define BRIDGE_CNI_CONF_REQUEST_H

#include "conf/base/notices.h"
#include "env.h"
#include "network.h"
#include "pod.h"

struct json_doc;

/* How much of a configuration an operation needs to be right (design: DEL and GC
 * validate only what they use). */
enum request_scope {
	REQUEST_WHOLE, /* ADD, CHECK, STATUS */
	REQUEST_NETWORK, /* repair: without what a runtime adds for a container; so there may
			   * be no ranges */
	REQUEST_IDENTITY, /* DEL, GC: name, bridge, ipam.type, ipam.dataDir,
			    * ipamTimeoutSeconds */
	/* As another plugin's IPAM: name and ipam alone, as host-local's of whatever type;
	 * what else is there is that plugin's. */
	REQUEST_IPAM, /* ADD */
	REQUEST_IPAM_CHECK, /* and prevResult */
	REQUEST_IPAM_IDENTITY, /* DEL, GC: name, ipam.dataDir */
};

struct request {
	struct cni_env env;
	struct json_doc *doc; /* owns the strings of network and pod */
	struct network network;
	struct pod pod;
};

/*
 * Reads the configuration for the operation that @env asks for: code 6 (JSON), 1
 * (version), 7 (configuration). @ret_version is set as soon as it is known, also when
 * the rest is wrong: errors are answered in it. @text must outlive the request, which
 * after an error holds what the log wants to know, and is cleared as ever. Keys that
 * nothing comes of are told by @notices, which may be NULL. Touches memory only.
 */
int request_read(const char *text, size_t len, const struct cni_env *env,
		 struct request *ret_request, enum cni_version *ret_version,
		 struct notices *notices, struct cni_error *err);
void request_clear(struct request *request);

/*
 * The configuration alone, out of @doc. Checks, in this order: cniVersion (code 1, the
 * supported versions in the details), that it is no list of plugins, the network's name,
 * then all keys by table (code 7: path of the key, value, what was expected). With
 * REQUEST_IDENTITY a wrong value in a key that DEL doesn't use is no error; prevResult is
 * then not read at all. Of the pod only what the configuration says is filled in.
 */
int network_read(const struct json_doc *doc, enum request_scope scope,
		 struct network *ret_network, struct pod *ret_pod, struct cni_error *err);

#endif
