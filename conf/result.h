/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Makes the JSON that is printed: results in the shape of each version, errors, versions.
 * All functions return text that ends in a newline, which the caller frees, or NULL when
 * memory has run out.
 */
#ifndef BRIDGE_CNI_CONF_RESULT_H
#define BRIDGE_CNI_CONF_RESULT_H

#include "conf/base/error.h"
#include "cni_result.h"
#include "version.h"

/*
 * Writes @result in the shape of @version: ip4/ip6 up to 0.2.0 (the first address of each
 * family, and the routes of that family), then interfaces, ips (with "version" below
 * 1.0.0), routes, dns. Fields that are newer than @version are left out. Empty lists are
 * left out as the reference library leaves them out; "dns" itself is always there.
 */
char *result_text(const struct cni_result *result, enum cni_version version);

/* {"cniVersion", "code", "msg", "details"} */
char *error_text(const struct cni_error *err, enum cni_version version);

/* {"cniVersion", "supportedVersions"} */
char *version_text(enum cni_version version);

#endif
