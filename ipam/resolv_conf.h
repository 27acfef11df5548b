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
 * Gives every nameserver, the last domain, and the words of every search and options
 * line. Symbolic links are followed, as resolv.conf often is one. dns_clear() frees
 * @ret_dns; its strings are in @ret_text, which the caller frees. Code 5 names the key
 * and the path: there is no such file, it is not a regular one, it is too large, or it is
 * not text.
 */
int resolv_conf_read(const char *path, struct dns *ret_dns, char **ret_text,
		     struct cni_error *err);

#endif
