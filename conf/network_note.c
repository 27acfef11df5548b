/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes notes as JSON, since a note is read as any other configuration is. */
#include "network_note.h"

#include "conf/json/json_doc.h"
#include "conf/json/json_query.h"
#include "conf/json/json_write.h"

static const char *const noted_keys[] = {
	"cniVersion",	      "name",	  "type", "bridge", "ipam",
	"ipamTimeoutSeconds", "delWaits", NULL,
};

char *network_note_of(const struct network *network)
{
	_cleanup_(json_doc_freep) struct json_doc *doc = NULL;

	if (!network->text ||
	    json_parse(network->text, network->text_len, &doc, NULL) < 0)
		return NULL;
	return json_members_text(doc, noted_keys);
}

char *network_note_make(const char *name, const char *bridge, const char *data_dir)
{
	struct json_writer writer = {};

	json_open(&writer, NULL, '{');
	json_text(&writer, "cniVersion", "1.0.0");
	json_text(&writer, "name", name);
	json_text(&writer, "bridge", bridge);
	json_open(&writer, "ipam", '{');
	json_text(&writer, "type", "host-local");
	json_text(&writer, "dataDir", data_dir);
	json_close(&writer, '}');
	json_close(&writer, '}');
	return json_finish(&writer);
}
