/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A request to the program: an operation, on a network, mostly for one pod. It is read
 * from the environment and the configuration, and const from then on. */
#ifndef BRIDGE_CNI_CONF_REQUEST_H
#define BRIDGE_CNI_CONF_REQUEST_H

#include "conf/base/notices.h"
#include "env.h"
#include "network.h"
#include "pod.h"

struct json_doc;

struct request {
	struct cni_env env;
	struct json_doc *doc; /* owns the strings of network and pod */
	struct network network;
	struct pod pod;
};

/*
 * Reads the configuration for the operation that @env asks for: code 6 (JSON), 1
 * (version), 7 (configuration). @ret_version, in which errors are answered, is set as
 * soon as it is known, also when the rest is wrong. @text must outlive the request. After
 * an error the request holds what the log needs, and has to be cleared as well. Keys that
 * have no effect are reported to @notices, which may be NULL. Touches memory only.
 */
int request_read(const char *text, size_t len, const struct cni_env *env,
		 struct request *ret_request, enum cni_version *ret_version,
		 struct notices *notices, struct cni_error *err);
void request_clear(struct request *request);

#endif
