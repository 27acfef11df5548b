/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A merge patch names what changes, and nothing else: what others write at the same time
 * stays. */
#include "annotation_patch.h"

#include "conf/json/json_write.h"

char *annotation_patch(const struct annotation_wish *wishes, size_t n)
{
	struct json_writer writer = {};

	json_open(&writer, NULL, '{');
	json_open(&writer, "metadata", '{');
	json_open(&writer, "annotations", '{');
	for (size_t i = 0; i < n; i++)
		if (wishes[i].value)
			json_text(&writer, wishes[i].name, wishes[i].value);
		else
			json_null(&writer, wishes[i].name);
	json_close(&writer, '}');
	json_close(&writer, '}');
	json_close(&writer, '}');
	return json_finish(&writer);
}
