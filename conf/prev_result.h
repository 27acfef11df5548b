/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reading results: prevResult of a configuration, or what another plugin printed. */
#ifndef BRIDGE_CNI_CONF_PREV_RESULT_H
#define BRIDGE_CNI_CONF_PREV_RESULT_H

#include <stdbool.h>

#include "cni_result.h"
#include "conf/base/error.h"

struct json_doc;

/* The document's prevResult, of whichever version's shape, if it has one. Code 7. */
int prev_result_read(const struct json_doc *doc, bool *ret_has,
		     struct cni_result *ret_result, struct cni_error *err);

/* The document itself as a result of whichever version's shape. Code 7. */
int result_read(const struct json_doc *doc, struct cni_result *ret_result,
		struct cni_error *err);

/* Refuses a gateway that is not of the family of its address, or of its route's
 * destination, in a result that is to be carried out. Code 7. */
int result_families_check(const struct cni_result *result, struct cni_error *err);

#endif
