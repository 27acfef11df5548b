/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes notes as JSON, since a note is read as any other configuration is. */
#include "network_note.h"

#include "conf/json/json_doc.h"
#include "conf/json/json_query.h"
#include "conf/json/json_table.h"
#include "conf/json/json_write.h"

/* Keys that every configuration has. */
static const char *const common_keys[] = {"cniVersion", "name", "type", "switch",
					  "socket_file"};

char *network_note_of(const struct network *network)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;
	_cleanup_(free_p) const char **keys = NULL;
	size_t n = 0;

	keys = calloc(ARRAY_SIZE(common_keys) + network_identity_root.n_fields + 1,
		      sizeof(*keys));
	if (!keys || !network->text ||
	    json_parse(network->text, network->text_len, &doc, NULL) < 0)
		return NULL;
	for (size_t i = 0; i < ARRAY_SIZE(common_keys); i++)
		keys[n++] = common_keys[i];
	for (size_t i = 0; i < network_identity_root.n_fields; i++)
		keys[n++] = network_identity_root.fields[i].key;
	return json_members_text(doc, keys);
}

char *network_note_make(const char *name, const char *bridge, const char *data_dir)
{
	struct json_writer writer = {};

	json_open(&writer, NULL, '{');
	json_text(&writer, "cniVersion", "1.0.0");
	json_text(&writer, "name", name);
	if (switch_of_place(bridge) == SWITCH_BRIDGE)
		json_text(&writer, "bridge", bridge);
	else
		json_text(&writer, "switch", switch_word(switch_of_place(bridge)));
	json_open(&writer, "ipam", '{');
	json_text(&writer, "type", "host-local");
	json_text(&writer, "dataDir", data_dir);
	json_close(&writer, '}');
	json_close(&writer, '}');
	return json_finish(&writer);
}
