/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads the keys of ovs_conf.h. */
#ifndef BRIDGE_CNI_CONF_OVS_KEYS_H
#define BRIDGE_CNI_CONF_OVS_KEYS_H

#include "conf/base/error.h"
#include "env.h"
#include "network.h"

struct json_doc;
struct json_type;

/* The table, for the search for unknown keys. */
extern const struct json_type ovs_root;

/* Reads the keys and refuses what can't be served. Codes 2, 7. */
int ovs_conf_read(const struct json_doc *doc, struct network *network,
		  struct cni_error *err);

/* Reads the socket alone, for DEL and GC. Codes 2, 7. */
int ovs_socket_read(const struct json_doc *doc, struct network *network,
		    struct cni_error *err);

/* Refuses an argument that asks for what can't be served. Code 2. */
int ovs_args_check(const struct network *network, const struct cni_args *args,
		   struct cni_error *err);

#endif
