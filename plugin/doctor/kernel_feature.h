/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What networks need of the kernel, each a feature that a kernel may have been built
 * without. kernel_needs.c says which ones a network needs; kernel_try.c tries them;
 * kernel.c tells of those that the kernel lacks.
 */
#ifndef BRIDGE_CNI_PLUGIN_DOCTOR_KERNEL_FEATURE_H
#define BRIDGE_CNI_PLUGIN_DOCTOR_KERNEL_FEATURE_H

#include <stdbool.h>
#include <stdint.h>

#include "conf/base/error.h"

struct attachment;

/* In the order in which they are tried: the first ones make what the others need. */
enum kernel_feature {
	KERNEL_BRIDGE,
	KERNEL_VETH,
	KERNEL_MACVLAN,
	KERNEL_IPVLAN,
	KERNEL_VLANS,
	KERNEL_PORT,
	KERNEL_IPV6,
	KERNEL_TBF,
	KERNEL_IFB,
	KERNEL_MASQUERADE,
	KERNEL_HOST_PORTS,
	KERNEL_PORT_RANGES,
	KERNEL_GUARD,
	KERNEL_FAST_PATH,
	KERNEL_BRIDGE_RULES,
	KERNEL_UNTRACKED,
	KERNEL_CONNECTIONS,
	KERNEL_SCTP,
	KERNEL_FEATURES
};
#define KERNEL_BIT(feature) (UINT32_C(1) << (feature))

/* The features that the network needs, as bits. Code 100, 6 or 7. */
int kernel_needs(const struct attachment *net, uint32_t *ret_features,
		 struct cni_error *err);

/* The result of trying a feature. */
struct kernel_outcome {
	enum {
		KERNEL_UNTRIED, /* also where it needs another one, which failed */
		KERNEL_HAS,
		KERNEL_LACKS,
	} is;
	char why[256]; /* in the kernel's words; "": it says none */
};

/* Tries the features in a network namespace of a child, which ends with it. Without
 * that, all are untried, and the outcome is false. */
bool kernel_try(uint32_t features, struct kernel_outcome ret_outcomes[KERNEL_FEATURES]);

/* In kernel.c: does the kernel lack one of the features? Those that it would have to load
 * a module for are tried with doctor->load alone. @ret_feature: the first one. */
struct doctor;
bool kernel_lacks(const struct doctor *doctor, uint32_t needed,
		  enum kernel_feature *ret_feature);

/* Returns the advice for a kernel that lacks the feature, in words. */
const char *kernel_advice(enum kernel_feature feature);

/* In kernel_try_rules.c: has nftables take rules as the stages write them. Code 105, and
 * 100. */
int kernel_rules_try(enum kernel_feature feature, struct cni_error *err);

#endif
