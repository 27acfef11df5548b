/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kube-proxy, known by what it keeps on the node. */
#ifndef BRIDGE_CNI_PLUGIN_DOCTOR_KUBE_PROXY_H
#define BRIDGE_CNI_PLUGIN_DOCTOR_KUBE_PROXY_H

#include "known.h"

enum kube_proxy_mode {
	KUBE_PROXY_IPTABLES, /* by iptables-nft */
	KUBE_PROXY_IPTABLES_LEGACY,
	KUBE_PROXY_NFTABLES,
	KUBE_PROXY_IPVS,
	KUBE_PROXY_MODES
};

/* The modes that left something on the node. There may be none, and more than one
 * where a former mode wasn't cleaned up. */
struct kube_proxy {
	bool has[KUBE_PROXY_MODES];
	size_t n; /* so many are there */
};

/* Looks for kube-proxy's rules of each mode. Rules that this user can't see count as not
 * there. Codes 100, 101. */
int kube_proxy_look(struct doctor *doctor, struct kube_proxy *ret_proxy,
		    struct cni_error *err);

#endif
