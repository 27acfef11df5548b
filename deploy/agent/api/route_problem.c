/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The names of the reasons why there is no route, and those that an address leads to. */
#include "route_problem.h"

const char *const route_problem_names[ROUTE_PROBLEMS] = {
	[ROUTE_FINE] = "none",
	[ROUTE_NO_CIDR] = "no-pod-cidr",
	[ROUTE_NO_ADDRESS] = "no-internal-ip",
	[ROUTE_NOT_ON_LINK] = "not-on-link",
	[ROUTE_TAKEN] = "foreign-route",
	[ROUTE_REFUSED] = "refused-pod-cidr",
	[ROUTE_OWN_ADDRESS] = "own-internal-ip",
	[ROUTE_BAD_ADDRESS] = "unusable-internal-ip",
	[ROUTE_ADDRESS_OF_PODS] = "internal-ip-of-pods",
	[ROUTE_SHARED_ADDRESS] = "shared-internal-ip",
	[ROUTE_NO_COMMON_FAMILY] = "no-common-family",
	[ROUTE_SAME_MAC] = "same-mac-address",
	[ROUTE_FLANNEL] = "flannel-annotations",
	[ROUTE_NO_KEY] = "no-wireguard-key",
	[ROUTE_BAD_KEY] = "bad-wireguard-key",
	[ROUTE_SHARED_KEY] = "shared-wireguard-key",
	[ROUTE_NO_TUNNEL] = "no-tunnel",
	[ROUTE_BY_KERNEL] = "refused-by-kernel",
};

enum route_problem route_problem_of_address(enum address_verdict verdict)
{
	switch (verdict) {
	case ADDRESS_OWN:
		return ROUTE_OWN_ADDRESS;
	case ADDRESS_OF_PODS:
		return ROUTE_ADDRESS_OF_PODS;
	case ADDRESS_UNUSABLE:
	case ADDRESS_UNKNOWN:
		return ROUTE_BAD_ADDRESS;
	case ADDRESS_USABLE:
		break;
	}
	return ROUTE_FINE;
}
