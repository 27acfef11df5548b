/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The facts as JSON. The keys are those of deploy/show.schema.json; they stay. */
#ifndef BRIDGE_CNI_PLUGIN_SHOW_SHOW_JSON_H
#define BRIDGE_CNI_PLUGIN_SHOW_SHOW_JSON_H

#include "conf/json/json_write.h"
#include "network_facts.h"

/* Adds an object. @file: NULL: null. */
void network_json(struct json_writer *doc, const struct network_facts *facts,
		  const char *file);

#endif
