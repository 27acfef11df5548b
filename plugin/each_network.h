/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a command on each network of files, of directories and of stores. */
#ifndef BRIDGE_CNI_PLUGIN_EACH_NETWORK_H
#define BRIDGE_CNI_PLUGIN_EACH_NETWORK_H

#include <limits.h>

#include "conf/env.h"
#include "conf/findings.h"
#include "plugin/attachment/report.h"
#include "plugin/doctor/doctor.h"
#include "plugin/show/show.h"
#include "plugin/trace/find.h"
#include "plugin/verb/cleanup.h"

#define CONF_DIR "/etc/cni/net.d"
#define PATTERNS "*.conflist, *.conf, *.json"
#define TYPE	 "bridge-cni"
#define STORES	 DEFAULT_DATA_DIR " and " RUN_DATA_DIR
/* Another common dataDir: it is in memory, and empty after each boot. */
#define RUN_DATA_DIR "/run/cni/networks"

/* A command (command_table.h) that is running. The caller sets all bytes to zero first. */
struct command {
	enum cni_verb verb; /* one of those above CNI_VERSION */
	/* The types of plugins that are this executable (types_find()); NULL ends them. */
	const char *types[CNI_NAMES + 3];
	struct cleanup_order order;
	const char *data_dir; /* the store that is asked for; NULL: those of STORES */
	const char *bin_dir; /* of links; NULL: BIN_DIR */
	char plugin_dirs[PATH_MAX + 16]; /* for plugin_path() */
	bool as_json; /* what is found or shown is printed so */
	bool named; /* FILEs are named; each has to have a network of this plugin */

	const char *file; /* that is worked on; NULL: the store tells of the network */

	/* The outcome. */
	struct report report;
	struct text
		unconfigured; /* of repair: lines about networks that have pods alone */
	struct show show; /* of show, in place of lines */
	struct findings findings; /* of validate, in place of lines and errors */
	struct doctor doctor; /* of doctor, in place of both */
	struct trace trace; /* of doctor --trace, before that */
	size_t networks; /* so many were worked on */
	bool failed; /* an error was printed */
	/* those that were worked on: a store may tell of them as well */
	struct {
		uint64_t *items;
		size_t n;
	} owners;
};

void command_clear(struct command *command);

/* Returns CNI_PATH, or else the executable's own directory and where plugins mostly are;
 * borrowed from the environment or @command. */
const char *plugin_path(struct command *command);

/* Fills in command->types: bridge-cni, @called, which is the executable's name and may be
 * another, and the names in whose place plugin_path() has a link to the executable. */
void types_find(struct command *command, const char *called);

/* Works on a file, or on those files of a directory that a runtime would read. @alone: it
 * was named, and is not one of a directory. Errors are printed; they don't keep the next
 * network from being worked on. */
void path_run(struct command *command, const char *path, bool alone);

/* Works on the networks that a store tells of, and no configuration has told of. repair
 * only notes those that have pods. */
void store_run(struct command *command, const char *data_dir);

#endif
