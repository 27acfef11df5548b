/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Reads the answer that another plugin printed: a result or an error, in the shape of any
 * version. As others have made the text, everything about it is checked. Touches memory
 * only.
 */
#ifndef BRIDGE_CNI_CONF_ANSWER_H
#define BRIDGE_CNI_CONF_ANSWER_H

#include "conf/base/error.h"
#include "cni_result.h"

struct json_doc;

/*
 * Reads a result, as strictly as a configuration, but that a route's destination may have
 * host bits, which are cleared. A gateway must be of the family of its address, a route's
 * gateway of the family of its destination. Code 6 (JSON) or 7 (path of the key, value,
 * expectation). The strings of @ret_result are in @ret_doc, which the caller frees.
 */
int answer_read_result(const char *text, size_t len, struct json_doc **ret_doc,
		       struct cni_result *ret_result, struct cni_error *err);

/*
 * Reads an error object {code, msg, details} into @ret_error, which must not be set yet.
 * The code must be 1 or more, and the message not empty. Where @text is no such object,
 * @err has code 6 or 7.
 */
int answer_read_error(const char *text, size_t len, struct cni_error *ret_error,
		      struct cni_error *err);

#endif
