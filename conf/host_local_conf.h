/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of the in-process IPAM: the key ipam, where its type is
 * host-local. */
#ifndef BRIDGE_CNI_CONF_HOST_LOCAL_CONF_H
#define BRIDGE_CNI_CONF_HOST_LOCAL_CONF_H

#include <stdbool.h>

#include "conf/base/error.h"
#include "ip_requests.h"
#include "ipam_conf.h"
#include "version.h"

struct json_doc;
struct json_type;

/* The type of the document's top-level object, with these keys alone: for json_read(),
 * and for the search for unknown keys (advice.c). */
extern const struct json_type host_local_root;

/*
 * Reads the keys of ipam, and what runtimeConfig and args ask of it; only dataDir unless
 * @whole. The addresses that are asked for by runtimeConfig.ips and args.cni.ips are
 * owned by the caller. Code 7.
 */
int host_local_read(const struct json_doc *doc, bool whole, enum cni_version version,
		    struct ipam_conf *ipam, struct ip_request_list *ret_runtime_ips,
		    struct ip_request_list *ret_args_ips, struct cni_error *err);
void host_local_conf_clear(struct ipam_conf *ipam);

#endif
