/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is said of a configuration in a file, which no runtime has added anything to yet,
 * besides what ADD says (advice.h): capabilities that are missing, keys that are the
 * runtime's to write, values that the reference plugins take for something else.
 */
#ifndef BRIDGE_CNI_CONF_FILE_ADVICE_H
#define BRIDGE_CNI_CONF_FILE_ADVICE_H

#include <stdbool.h>

#include "conf/base/notices.h"

struct json_doc;
struct request;

/* @request: of validate, read without an error. @ports_are_mapped: another plugin of the
 * list has the capability portMappings. */
void advise_file(const struct request *request, bool ports_are_mapped,
		 struct notices *notices);

/*
 * What a plugin behind ours does a second time. Nothing else of such a plugin is known
 * here.
 */
struct plugin_work {
	bool maps_ports, limits_rates;
};

/* Reads the configuration of any plugin that takes these keys as the reference's portmap and
 * bandwidth do. An error counts as nothing. */
struct plugin_work plugin_work_of(const struct json_doc *doc);

#endif
