/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes the facts as JSON. The keys are those of deploy/show.schema.json; they stay. */
#ifndef BRIDGE_CNI_PLUGIN_SHOW_SHOW_JSON_H
#define BRIDGE_CNI_PLUGIN_SHOW_SHOW_JSON_H

#include "conf/json/json_write.h"
#include "network_facts.h"

/* Adds an object. @file: NULL: null. */
void network_json(struct json_writer *doc, const struct network_facts *facts,
		  const char *file);

/* Adds an object with what is known of a pod, which stays open for more. */
void pod_json_begin(struct json_writer *doc, const struct shown_pod *pod);

/* Adds a reservation that no record names. */
void other_json(struct json_writer *doc, const struct ipam_view_other *other);

/* Add null where the value is NULL, "" or not set. */
void text_or_null(struct json_writer *doc, const char *key, const char *value);
void mac_json(struct json_writer *doc, const char *key, const struct mac_addr *mac);

/* Adds a list of the lines of @text. */
void lines_json(struct json_writer *doc, const char *key, const struct text *text);

#endif
