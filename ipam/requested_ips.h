/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses that somebody asked for: by runtimeConfig.ips, args.cni.ips or CNI_ARGS. */
#ifndef BRIDGE_CNI_IPAM_REQUESTED_IPS_H
#define BRIDGE_CNI_IPAM_REQUESTED_IPS_H

#include "conf/pod.h"

/*
 * Fills @ret_ips, which has room for one of each range set and is zeroed: family 0 stays
 * where nobody asked for one. Code 7: an address is in no range, is never given to
 * containers, or is the second of a set.
 */
int requests_sort(const struct network *network, const struct pod *pod,
		  struct ip_addr *ret_ips, struct cni_error *err);

#endif
