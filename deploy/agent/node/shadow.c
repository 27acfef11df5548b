/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tells of a change alone, by the first file's name. */
#include "shadow.h"

#include <string.h>

#include "conf_dir.h"

void shadow_look(struct shadow *shadow)
{
	struct shadow now = {.options = shadow->options, .log = shadow->log};

	now.n = conf_dir_count(shadow->options->conf_dir, shadow->options->conflist,
			       now.first);
	if (now.n && strcmp(now.first, shadow->first) != 0)
		log_write(
			shadow->log, LOG_LEVEL_WARN,
			"a configuration of somebody else sorts before the agent's: "
			"runtimes take it for new pods; remove it, unless it hands pods "
			"on to the agent's, as that of Multus does",
			"file", now.first, "directory", shadow->options->conf_dir, "own",
			shadow->options->conflist, NULL);
	if (!now.n && shadow->n)
		log_write(shadow->log, LOG_LEVEL_INFO,
			  "no other configuration sorts before the agent's any more",
			  "file", shadow->first, NULL);
	*shadow = now;
}
