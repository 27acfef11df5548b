/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The pod's interface, whichever switch it is attached to: its name, its MAC address and
 * its CHECK. */
#ifndef BRIDGE_CNI_PLUGIN_STAGE_POD_END_H
#define BRIDGE_CNI_PLUGIN_STAGE_POD_END_H

#include "plugin/attachment/attachment.h"
#include "plugin/netlink/link.h"

/* Code 103 where the pod has an interface of that name; the second function says so
 * without looking. */
int pod_end_name_check(struct attachment *att, struct cni_error *err);
int pod_end_name_taken(const struct attachment *att, struct cni_error *err);

/* Gives the MAC address that is requested; otherwise the one that follows from the pod's
 * first address or, where it has none yet, from its names. */
struct mac_addr pod_end_mac(const struct attachment *att);

/* CHECK: is the pod's interface there, of this kind, up, and with the MAC address that
 * prevResult has? Fills in container_index and container_mac. Code 104. */
int pod_end_check(struct attachment *att, const char *kind, struct link *ret_link,
		  struct cni_error *err);

/* Finds prevResult's entry for an interface of the pod or, with @sandbox NULL, of the
 * node. NULL: there is none. */
const struct interface *prev_interface(const struct attachment *att, const char *name,
				       const char *sandbox);

/* Compares with prevResult, which has the MAC address that the last plugin of the chain
 * left (tuning may set it). Code 104. */
int prev_mac_check(const struct attachment *att, const struct link *link,
		   const char *sandbox, struct cni_error *err);

/* Sets the error of a difference: code 104. */
int link_differs(struct cni_error *err, const char *ifname, const char *what,
		 const char *expected, const char *found);

#endif
