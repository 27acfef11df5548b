/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "command_table.h"

#include <string.h>

#include "each_network.h"
#include "links.h"

#define BY_STORE                                                                  \
	"Without a FILE it also finds networks whose configuration is gone, in\n" \
	"the stores " STORES ".\n"

static const struct command_option no_options[] = {{}};

static const struct command_option cleanup_options[] = {
	{
		.name = "--force",
		.about = "removes the pods' interfaces, too",
		.offset = offsetof(struct command, order.force),
	},
	{
		.name = "--data-dir",
		.arguments = DIR_ARGUMENT,
		.about = "the networks of this store alone",
		.offset = offsetof(struct command, data_dir),
		.rule = "goes once, with an absolute path behind it and without a FILE",
		.without_operands = true,
	},
	{},
};

static const struct command_option show_options[] = {
	{
		.name = "--json",
		.about = "prints it as JSON",
		.offset = offsetof(struct command, as_json),
	},
	{},
};

static const struct command_option validate_options[] = {
	{
		.name = "--json",
		.about = "prints the findings as JSON",
		.offset = offsetof(struct command, as_json),
	},
	{},
};

static const struct command_option doctor_options[] = {
	{
		.name = "--json",
		.about = "prints the findings as JSON",
		.offset = offsetof(struct command, as_json),
	},
	{
		.name = "--load",
		.about = "has the kernel load modules for what is tried",
		.offset = offsetof(struct command, doctor.load),
	},
	{
		.name = "--trace",
		.arguments = "POD ADDRESS[:PORT]",
		.about = "sends one packet from the pod, and tells where it got to",
		.offset = offsetof(struct command, trace.name),
		.rule = "goes once, with a pod and an address behind it: --trace "
			"shop/cart 192.0.2.1:443, or [2001:db8::1]:443",
	},
	{},
};

static const struct command_option links_options[] = {
	{
		.name = "--bin-dir",
		.arguments = DIR_ARGUMENT,
		.about = "the plugin directory; without it, " BIN_DIR,
		.offset = offsetof(struct command, bin_dir),
		.rule = "goes once, in front of the NAMEs and with an absolute path "
			"behind it",
	},
	{},
};

#define FILE_OPERAND                                                                       \
	{                                                                                  \
		.name = "FILE",                                                            \
		.about =                                                                   \
			"a configuration, or a directory of them; without one, " CONF_DIR, \
	}

static const struct command_operand files[] = {FILE_OPERAND, {}};

static const struct command_operand names_and_files[] = {
	{
		.name = "NAME",
		.about = "a network, an address, a pod (NAMESPACE/NAME), an interface or "
			 "a container",
	},
	FILE_OPERAND,
	{},
};

static const struct command_operand link_names[] = {
	{
		.name = "NAME",
		.about = "which link; without one, bridge, host-local and loopback",
		.words = cni_names,
	},
	{},
};

const struct command_task command_tasks[] = {
	{
		.name = "repair",
		.verb = CNI_REPAIR,
		.about = "puts back what was flushed or deleted under running pods",
		.nothing = "nothing to mend",
		.details = "Puts back rules, bridges, addresses and ports.\n",
		.options = no_options,
		.operands = files,
	},
	{
		.name = "cleanup",
		.verb = CNI_CLEANUP,
		.about = "removes what pods share, when none is left",
		.nothing = "nothing to remove",
		.details = "While a network has pods, nothing of it is touched without "
			   "--force.\n" BY_STORE,
		.options = cleanup_options,
		.operands = files,
	},
	{
		.name = "show",
		.verb = CNI_SHOW,
		.about = "says what there is of the networks",
		.details = "With a NAME it says all about what has that name.\n" BY_STORE,
		.options = show_options,
		.options_anywhere = true,
		.operands = names_and_files,
	},
	{
		.name = "validate",
		.verb = CNI_VALIDATE,
		.about = "says what is wrong with configurations",
		.details = "The exit status is 0, 1 with warnings, and 2 with errors.\n",
		.options = validate_options,
		.operands = files,
	},
	{
		.name = "doctor",
		.verb = CNI_DOCTOR,
		.about = "says whether pods will work here",
		.details =
			"The exit status is 0, 1 with warnings, and 2 with problems; with\n"
			"--trace 0 where the target answered, 1 where it refused, else 2.\n",
		.options = doctor_options,
		.operands = files,
	},
	{
		.name = "links",
		.about = "makes links by which it is other plugins",
		.details = "Under the name of a link to it bridge-cni is the plugin of "
			   "that name.\n",
		.options = links_options,
		.operands = link_names,
		.run = links_run,
	},
	{},
};

const struct command_option command_options[] = {
	{.name = "--help", .about = "says how to call it"},
	{.name = "--version", .about = "says which version it is"},
	{},
};

const struct command_task *command_task_find(const char *name)
{
	for (const struct command_task *task = command_tasks; task->name; task++)
		if (strcmp(name, task->name) == 0)
			return task;
	return NULL;
}
