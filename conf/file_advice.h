/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Advice about a configuration in a file, to which no runtime has added anything yet.
 * It comes besides what ADD says (advice.h). It is about capabilities that are
 * missing, keys that are the runtime's to write, and values that the reference plugins
 * take for something else. */
#ifndef BRIDGE_CNI_CONF_FILE_ADVICE_H
#define BRIDGE_CNI_CONF_FILE_ADVICE_H

#include <stdbool.h>

#include "conf/base/notices.h"

struct json_doc;
struct request;

/* @request is one of validate that was read without an error. @ports_are_mapped says
 * that another plugin of the list has the capability portMappings. */
void advise_file(const struct request *request, bool ports_are_mapped,
		 struct notices *notices);

/* The work of this program that another plugin of the list may do a second time. */
struct plugin_work {
	bool maps_ports, limits_rates;
};

/* Reads the configuration of any plugin that takes these keys as the reference's portmap and
 * bandwidth do. An error counts as nothing. */
struct plugin_work plugin_work_of(const struct json_doc *doc);

#endif
