/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipam.resolvConf: a file in the format of resolv.conf(5) as the dns of a result, read
 * as host-local reads it (plugins/ipam/host-local/dns.go).
 */
#ifndef BRIDGE_CNI_IPAM_RESOLV_CONF_H
#define BRIDGE_CNI_IPAM_RESOLV_CONF_H

#include "conf/network.h"

#define RESOLV_CONF_MAX (64 * 1024) /* bytes */

/*
 * Every nameserver, the last domain, the words of every search and options line. Follows
 * symbolic links, as resolv.conf is often one. @ret_dns: dns_clear() it; its strings are
 * in @ret_text, which the caller frees. Code 5, naming the key and the path: no such
 * file, not a regular one, too large, not text.
 */
int resolv_conf_read(const char *path, struct dns *ret_dns, char **ret_text,
		     struct cni_error *err);

#endif
