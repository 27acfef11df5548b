/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The versions of the CNI specification that bridge-cni speaks, oldest first. */
#ifndef BRIDGE_CNI_CONF_VERSION_H
#define BRIDGE_CNI_CONF_VERSION_H

#include "conf/base/error.h"

struct json_doc;

enum cni_version {
	CNI_0_1_0,
	CNI_0_2_0,
	CNI_0_3_0,
	CNI_0_3_1,
	CNI_0_4_0,
	CNI_1_0_0,
	CNI_1_1_0,
	CNI_VERSIONS, /* how many there are */
};

/* "0.1.0" … "1.1.0", indexed by enum cni_version. */
extern const char *const cni_version_names[CNI_VERSIONS];

/* Exact match. 0, or -EINVAL for a version that is not spoken. */
int cni_version_parse(const char *text, enum cni_version *ret_version);

/* Reads cniVersion of a configuration; a missing one is 0.1.0. Code 1, with the supported
 * versions in the details, or 7; @ret_version is then untouched. */
int cni_version_read(const struct json_doc *doc, enum cni_version *ret_version,
		     struct cni_error *err);

#endif
