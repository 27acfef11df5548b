/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The part of YAML in which kubectl and kubeadm write kubeconfigs, as JSON: mappings and
 * lists in lines of their own, plain and quoted values of one line, {} and [], comments.
 * All else is refused, with its line: anchors, aliases, tags, values of several lines, values
 * in braces or brackets, several documents.
 */
#ifndef BRIDGE_CNI_AGENT_API_YAML_JSON_H
#define BRIDGE_CNI_AGENT_API_YAML_JSON_H

#include <stddef.h>

#include "conf/base/error.h"

/*
 * Gives @len bytes of YAML as a JSON text, which the caller frees. Plain true, false, null, ~
 * and nothing are what they are in JSON; every other value is a text, also a number. Codes 6:
 * "line N: …"; 100.
 */
int yaml_to_json(const char *text, size_t len, char **ret_json, struct cni_error *err);

#endif
